//! The shared store: one PostgreSQL database behind any number of daemons. Nothing relies on being the only writer.
//!
//! Every transaction runs at READ COMMITTED, locks all rows that its decisions depend on, and reads only then: what it
//! reads is what nobody else changes until it ends. Where a row to be locked does not exist yet, unique indexes decide, and
//! who comes second reads again.
//!
//! **Order of locks.** Whoever locks more than one row does so in this order, ascending within a kind:
//!
//! | | rows | by | guards |
//! |---|---|---|---|
//! | 1 | `idempotency_keys` | user, key | claims, recovery points, answers |
//! | 2 | `orders` | id | the order, and with it its payments, tickets and entries in the books |
//! | 3 | `seat_clocks` | event | all seats of the event |
//! | 4 | `gates` | event | places in line, and who is let in |
//! | 5 | `sessions` | id | a session |
//!
//! An event's seats have no locks of their own: every change of seats takes its number from the event's clock, so who
//! changes seats has the clock's row. That is one lock for however many seats, and baskets that overlap cannot meet in
//! opposite order (S8). Whatever is new is written last, after all locks are held: keys, then orders, both sorted.
//! The organiser's changes lock the event's own row before any of these. Sweepers and the resolver pass over rows that somebody has (`SKIP LOCKED`), so they wait for nobody.
//!
//! **A connection lost in COMMIT** leaves open whether the batch is kept: [`StoreError::Unreachable`]. Nothing is tried
//! again by the store. The caller's retry under the same idempotency key finds the truth: a key that was not written is
//! claimed anew, one that was is answered (done) or taken over from its recovery point once its lease is over (I7, I9);
//! what was asked of the provider is looked up by the resolver.
//!
//! Sources: <https://www.postgresql.org/docs/current/explicit-locking.html>,
//! <https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED>.

mod batch;
mod block;
mod callback;
mod catalog;
mod connect;
mod fault;
mod idempotency;
mod identity;
mod ledger;
mod open;
mod order;
mod payment;
mod search;
mod seat;
mod server;
mod transaction;
mod verify;
mod waiting_room;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;

use self::connect::Pools;
use self::fault::{PgError, failed};
pub use self::open::OpenError;
use self::transaction::begin;
use crate::ports::{Store, StoreError};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");

/// How the database is used.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Connections for orders, claims and payments.
    pub money_connections: u32,
    /// Connections for the waiting room.
    pub room_connections: u32,
    /// Connections for whoever looks, and for the organiser.
    pub browse_connections: u32,
    /// The longest that a request may wait for locks, all told (S9).
    pub busy_timeout: Duration,
    /// How long whoever writes a payment down has to send it before the resolver does.
    pub send_lease_seconds: u32,
}

/// The store.
#[derive(Debug)]
pub struct PostgresStore {
    pools: Pools,
    send_lease_seconds: u32,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date; daemons that start at the same instant wait for each other.
    ///
    /// # Errors
    /// [`OpenError`] when the server cannot be had, is set up so that promises could not be kept, or holds something else.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let connect = open::prepare(url, options.busy_timeout).await?;
        Ok(Self { pools: Pools::new(&connect, options), send_lease_seconds: options.send_lease_seconds })
    }

    /// For orders, claims and payments.
    const fn money(&self) -> &PgPool {
        &self.pools.money
    }

    /// For the waiting room.
    const fn room(&self) -> &PgPool {
        &self.pools.room
    }

    /// For whoever looks, and for the organiser.
    const fn browse(&self) -> &PgPool {
        &self.pools.browse
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn probe(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM events LIMIT 1").fetch_optional(self.browse()).await.map_err(failed)?;
        // A message to nobody goes through the log and its sync like any write, and changes nothing.
        let written = sqlx::query("SELECT pg_logical_emit_message(true, 'tmd', 'probe')");
        written.execute(self.browse()).await.map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests;
