//! Requests under way, written down with their idempotency key before they are sent (promise I13).
//!
//! One file a request. Its writer keeps it locked while it lives, so that a request that was cut off can be told from
//! one that another process is still busy with: a lock dies with its process.

use std::fs::File;

use serde::{Deserialize, Serialize};
use tmapi::client::{Client, ClientError};
use tmapi::order::{CreateOrder, OrderStatus, OrderView, SeatsAndPayment};
use tmcore::{EventId, OrderId, Timestamp};

use crate::profile::{Home, ProfileError};

const FOLDER: &str = "pending";

/// What is asked of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Mutation {
    /// A new order.
    CreateOrder {
        /// For what.
        request: CreateOrder,
    },
    /// Its seats held, its payment authorized.
    Confirm {
        /// Which.
        order: OrderId,
        /// Seats and card.
        request: SeatsAndPayment,
    },
    /// The money taken, the tickets issued.
    Finalize {
        /// Which.
        order: OrderId,
    },
    /// Given up.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// All steps in one.
    Book {
        /// For what.
        event: EventId,
        /// Seats and card.
        request: SeatsAndPayment,
    },
    /// It was answered 202: asked about until it is settled. Holds no card token any more.
    Settle {
        /// Which.
        order: OrderId,
        /// What it is meant to come to.
        goal: Goal,
    },
}

/// What an order is meant to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Begun.
    Created,
    /// Held and authorized.
    Authorized,
    /// Paid and ticketed.
    Finalized,
    /// Given up.
    Cancelled,
}

impl Goal {
    /// Whether an order that is to come to this still waits for the payment provider.
    #[must_use]
    pub const fn is_unsettled(self, status: OrderStatus) -> bool {
        match self {
            Self::Created => false,
            Self::Authorized => matches!(status, OrderStatus::Authorizing),
            Self::Finalized | Self::Cancelled => status.is_with_provider(),
        }
    }
}

impl Mutation {
    /// What its order is meant to come to.
    #[must_use]
    pub const fn goal(&self) -> Goal {
        match self {
            Self::CreateOrder { .. } => Goal::Created,
            Self::Confirm { .. } => Goal::Authorized,
            Self::Finalize { .. } | Self::Book { .. } => Goal::Finalized,
            Self::Cancel { .. } => Goal::Cancelled,
            Self::Settle { goal, .. } => *goal,
        }
    }

    /// What it does, after "failed to".
    #[must_use]
    pub fn doing(&self) -> String {
        match self {
            Self::CreateOrder { request } => format!("begin an order for {}", request.event_id),
            Self::Confirm { order, .. } => format!("confirm {order}"),
            Self::Finalize { order } => format!("finalize {order}"),
            Self::Cancel { order } => format!("cancel {order}"),
            Self::Book { event, .. } => format!("book {event}"),
            Self::Settle { order, .. } => format!("learn what became of {order}"),
        }
    }
}

/// A request under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Sent as `Idempotency-Key`, however often it takes.
    pub key: String,
    /// The context and daemon it belongs to.
    pub slot: String,
    /// The event, if it is known.
    pub event: Option<EventId>,
    /// Whose request it is: the key means something to this principal only.
    pub token: Option<String>,
    /// When it was written down.
    pub began_at: Timestamp,
    /// What is asked.
    pub mutation: Mutation,
}

impl Request {
    /// Sends it once, with its key.
    ///
    /// # Errors
    /// [`ClientError`] as the client tells it; what was asked may have happened all the same.
    pub async fn send(&self, client: &Client) -> Result<OrderView, ClientError> {
        let key = self.key.as_str();
        match &self.mutation {
            Mutation::CreateOrder { request } => client.create_order(request, key).await,
            Mutation::Confirm { order, request } => client.confirm(*order, request, key).await,
            Mutation::Finalize { order } => client.finalize(*order, key).await,
            Mutation::Cancel { order } => client.cancel(*order, key).await,
            Mutation::Book { event, request } => client.book(event, request, key).await,
            Mutation::Settle { order, .. } => client.order(*order).await,
        }
    }
}

/// A request that is written down, and ours while this lives.
#[derive(Debug)]
pub struct Entry {
    home: Home,
    /// The request.
    pub request: Request,
    /// Its lock says that somebody is busy with it.
    _busy: File,
}

impl Entry {
    /// Writes a request down. The same request, cut off before, is taken up instead, with its key.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn begin(home: &Home, request: Request) -> Result<Self, ProfileError> {
        let turn = home.lock(FOLDER)?;
        home.sweep(FOLDER, &turn)?;
        for entry in Self::cut_off_locked(home)? {
            let other = &entry.request;
            if other.slot == request.slot
                && other.token == request.token
                && other.mutation == request.mutation
            {
                return Ok(entry);
            }
        }
        Self::write(home, request)
    }

    fn write(home: &Home, request: Request) -> Result<Self, ProfileError> {
        let file = file(&request.key);
        let text = serde_json::to_string_pretty(&request)
            .map_err(|e| ProfileError::Malformed { path: home.path(&file), reason: e.to_string() })?;
        let busy = home.write_locked(&file, &text)?;
        Ok(Self { home: home.clone(), request, _busy: busy })
    }

    /// Requests that nobody is busy with, oldest first.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn cut_off(home: &Home) -> Result<Vec<Self>, ProfileError> {
        let turn = home.lock(FOLDER)?;
        home.sweep(FOLDER, &turn)?;
        Self::cut_off_locked(home)
    }

    fn cut_off_locked(home: &Home) -> Result<Vec<Self>, ProfileError> {
        let names = home.list(FOLDER)?;
        let mut entries = Vec::new();
        for name in names.iter().filter(|name| name.strip_suffix(".json").is_some()) {
            let file = format!("{FOLDER}/{name}");
            // It may end, and its file go, while we look.
            let Ok(open) = File::open(home.path(&file)) else { continue };
            if open.try_lock().is_err() {
                continue;
            }
            let Some(text) = home.read(&file)? else { continue };
            let request = serde_json::from_str(&text)
                .map_err(|e| ProfileError::Malformed { path: home.path(&file), reason: e.to_string() })?;
            entries.push(Self { home: home.clone(), request, _busy: open });
        }
        Ok(entries)
    }

    /// How many requests another process is busy with.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn busy_elsewhere(home: &Home) -> Result<usize, ProfileError> {
        let names = home.list(FOLDER)?;
        let opened = names.iter().filter_map(|name| File::open(home.path(&format!("{FOLDER}/{name}"))).ok());
        Ok(opened.filter(|open| open.try_lock().is_err()).count())
    }

    /// What is left to do is another request under the same name; what the old one held is gone from the disk.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn becomes(self, mutation: Mutation) -> Result<Self, ProfileError> {
        let _turn = self.home.lock(FOLDER)?;
        let request = Request { mutation, ..self.request };
        Self::write(&self.home, request)
    }

    /// The next step takes its place, under a key of its own. There is no moment at which neither is written down.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn followed_by(self, key: String, mutation: Mutation) -> Result<Self, ProfileError> {
        let next = {
            let _turn = self.home.lock(FOLDER)?;
            Self::write(&self.home, Request { key, mutation, ..self.request.clone() })?
        };
        self.done()?;
        Ok(next)
    }

    /// It was answered for good.
    ///
    /// # Errors
    /// [`ProfileError`] when the folder cannot be read or written.
    pub fn done(self) -> Result<(), ProfileError> {
        self.home.remove(&file(&self.request.key))
    }
}

fn file(key: &str) -> String {
    format!("{FOLDER}/{key}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, seats: &str) -> Request {
        Request {
            key: key.to_owned(),
            slot: "default".to_owned(),
            event: None,
            token: None,
            began_at: Timestamp::from_millis(0),
            mutation: Mutation::Book {
                event: "E1".parse().unwrap(),
                request: SeatsAndPayment {
                    seats: vec![seats.parse().unwrap()],
                    payment_token: "tok_secret".to_owned(),
                },
            },
        }
    }

    fn bytes_on_disk(folder: &std::path::Path) -> String {
        let files = std::fs::read_dir(folder.join("pending")).unwrap().flatten();
        files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
    }

    #[test]
    fn i13_a_cut_off_request_is_taken_up_with_its_key_and_a_busy_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        let first = Entry::begin(&home, request("k1", "A-1")).unwrap();
        let second = Entry::begin(&home, request("k2", "A-1")).unwrap();
        assert_eq!(second.request.key, "k2", "k1 is busy");
        assert!(Entry::cut_off(&home).unwrap().is_empty());
        assert_eq!(Entry::busy_elsewhere(&home).unwrap(), 2);
        drop(first);
        assert_eq!(Entry::begin(&home, request("k3", "A-2")).unwrap().request.key, "k3", "another request");
        assert_eq!(Entry::begin(&home, request("k4", "A-1")).unwrap().request.key, "k1");
    }

    #[test]
    fn the_card_token_leaves_the_disk_with_the_answer() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        let entry = Entry::begin(&home, request("k1", "A-1")).unwrap();
        assert!(bytes_on_disk(folder.path()).contains("tok_secret"));
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(1));
        let entry = entry.becomes(Mutation::Settle { order, goal: Goal::Finalized }).unwrap();
        assert!(!bytes_on_disk(folder.path()).contains("tok_secret"));
        assert!(Entry::cut_off(&home).unwrap().is_empty(), "still busy");
        entry.done().unwrap();
        std::fs::write(folder.path().join("pending/.new-x"), "tok_secret").unwrap();
        assert!(Entry::cut_off(&home).unwrap().is_empty());
        assert_eq!(bytes_on_disk(folder.path()), "", "also what a killed process left half written");
    }
}
