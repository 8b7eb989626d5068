//! The use cases. Each asks the core what is right, has the store write it, and tells whoever waits for it.

pub mod access;
pub mod availability;
pub mod batch;
pub mod booking;
pub mod callback;
pub mod catalog;
pub mod checkout;
pub mod elsewhere;
pub mod heartbeat;
pub mod idempotency;
pub mod payment;
pub mod reconcile;
pub mod record;
pub mod refusal;
pub mod room;
pub mod sale;
pub mod tell;
pub mod ticket;
pub mod verify;
pub mod waiting_room;

use std::sync::Arc;

use tmcore::ticket::TicketKey;

use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::lifecycle::Lifecycle;
use crate::ports::Store;
use crate::ports::bus::Bus;
use crate::ports::cache::Cache;
use crate::ports::gateway::PaymentGateway;
use crate::ports::queue::WaitingRoomQueue;

use self::access::Access;
use self::batch::Committer;
use self::room::Rooms;

/// Everything behind the ports, as configuration chose it.
#[derive(Clone)]
pub struct Ports {
    /// The source of truth.
    pub store: Arc<dyn Store>,
    /// The payment provider.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Encoded answers.
    pub cache: Arc<dyn Cache>,
    /// What other processes, and the streams of this one, hear.
    pub bus: Arc<dyn Bus>,
    /// Where granters are wanted.
    pub queue: Arc<dyn WaitingRoomQueue>,
}

/// The process's sources of time and chance.
#[derive(Clone)]
pub struct World {
    /// Time, for measuring; decisions are made by the database's.
    pub clock: Arc<dyn Clock>,
    /// Ids and seeds.
    pub entropy: Entropy,
}

/// The ticket office: one per process, shared by every request and worker.
pub struct Office {
    /// What is behind the ports.
    pub ports: Ports,
    /// Where hot writes wait for the next transaction.
    pub commit: Committer,
    /// The waiting rooms as this process sees them.
    pub rooms: Rooms,
    /// Who is who.
    pub access: Access,
    /// Signs tickets.
    pub ticket_key: TicketKey,
    /// Settings, checked.
    pub config: Config,
    /// Time and chance, and the process's life.
    pub world: (World, Lifecycle),
}

impl Office {
    /// Time and chance.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world.0
    }

    /// The process's life.
    #[must_use]
    pub const fn lifecycle(&self) -> &Lifecycle {
        &self.world.1
    }

    /// The source of truth.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.ports.store
    }
}
