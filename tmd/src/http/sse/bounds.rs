//! How many streams may be open, all told and of one client address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tmapi::ProblemCode;

use crate::config::{Networks, OverloadConfig};
use crate::http::accept::{AddressPermit, Addresses};
use crate::http::error::{ApiError, ApiResult};
use crate::telemetry::queue::QueueGauge;

/// When to try again where there are too many streams.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What a stream tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// One session in a waiting room.
    Session,
    /// The seats of an event.
    Seats,
}

/// The streams that are open.
pub struct Streams {
    sessions: Bound,
    seats: Bound,
    addresses: Arc<Addresses>,
    unlimited: Networks,
}

/// The place of one open stream, until dropped.
pub struct StreamPlace {
    bound: Bound,
    _address: Option<AddressPermit>,
}

#[derive(Clone)]
struct Bound(Arc<Counted>);

struct Counted {
    most: usize,
    open: AtomicUsize,
    shown: QueueGauge,
}

impl Bound {
    fn new(name: &'static str, most: usize) -> Self {
        Self(Arc::new(Counted { most, open: AtomicUsize::new(0), shown: QueueGauge::new(name, most) }))
    }

    fn enter(&self) -> bool {
        let one_more = |open| (open < self.0.most).then_some(open + 1);
        let before = self.0.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if let Ok(before) = before {
            self.0.shown.set(before + 1);
        }
        before.is_ok()
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let before = self.bound.0.open.fetch_sub(1, Ordering::Relaxed);
        self.bound.0.shown.set(before - 1);
    }
}

impl Streams {
    /// None open yet.
    #[must_use]
    pub fn new(config: &OverloadConfig) -> Self {
        Self {
            sessions: Bound::new("session_streams", config.max_session_streams),
            seats: Bound::new("seat_streams", config.max_seat_streams),
            addresses: Arc::new(Addresses::new(config.address_streams)),
            unlimited: config.unlimited_networks.clone(),
        }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// 429 when the address has as many as it may, 503 when there are as many as there may be.
    pub fn enter(&self, kind: StreamKind, address: Option<IpAddr>) -> ApiResult<StreamPlace> {
        let too_many = |code| {
            let error = ApiError::new(code, "as many streams are open as may be");
            error.retry_after(RETRY_AFTER_SECONDS).hint("polling tells the same")
        };
        let limited = address.filter(|address| !self.unlimited.contain(*address));
        let permit = match limited {
            Some(address) => {
                Some(self.addresses.enter(address).ok_or_else(|| too_many(ProblemCode::TooManyStreams))?)
            }
            None => None,
        };
        let bound = match kind {
            StreamKind::Session => &self.sessions,
            StreamKind::Seats => &self.seats,
        };
        if !bound.enter() {
            return Err(too_many(ProblemCode::Busy));
        }
        Ok(StreamPlace { bound: bound.clone(), _address: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn streams_are_bounded_all_told_and_by_address_and_who_leaves_makes_room() {
        let config = OverloadConfig {
            max_session_streams: 4,
            max_seat_streams: 1,
            address_streams: 2,
            ..Config::defaults().unwrap().overload
        };
        let streams = Streams::new(&config);
        let enter = |kind, address: &str| {
            streams.enter(kind, Some(address.parse().unwrap())).map_err(|error| error.code())
        };
        let mut places = vec![
            enter(StreamKind::Session, "192.0.2.1").unwrap(),
            enter(StreamKind::Seats, "192.0.2.1").unwrap(),
        ];
        assert_eq!(enter(StreamKind::Session, "192.0.2.1").err(), Some(ProblemCode::TooManyStreams));
        assert_eq!(enter(StreamKind::Seats, "192.0.2.2").err(), Some(ProblemCode::Busy));
        places.push(enter(StreamKind::Session, "192.0.2.2").unwrap());
        places.push(enter(StreamKind::Session, "127.0.0.1").unwrap());
        places.push(enter(StreamKind::Session, "127.0.0.1").unwrap());
        assert_eq!(enter(StreamKind::Session, "127.0.0.1").err(), Some(ProblemCode::Busy));
        places.remove(1);
        places.push(enter(StreamKind::Seats, "192.0.2.1").unwrap());
        drop(places);
        assert_eq!(streams.sessions.0.open.load(Ordering::Relaxed), 0);
        assert!(enter(StreamKind::Seats, "192.0.2.1").is_ok());
    }
}
