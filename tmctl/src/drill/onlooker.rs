//! Who watches the seats without buying: connects again and again, and has to see the same as everybody else.

use std::time::Duration;

use futures::StreamExt as _;
use tmapi::client::{Feed, SeatEvent, SeatStates, StreamItem, StreamState};
use tmcore::drill::Dice;
use tokio::time::{sleep, timeout};

use super::Shop;

/// How long one connection is listened to, milliseconds: at least, and so much more.
const LISTENS_MILLIS: (u64, u64) = (500, 2_500);
/// How much later than the seats themselves a stream may show how they stand at rest.
const GRACE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);

/// Watches until the rehearsal is over and nothing moves any more. Answers what was wrong with what they saw.
pub async fn watch(shop: &Shop, seed: u64) -> Vec<String> {
    let mut onlooker = Onlooker { shop, seen: Seen::default() };
    let mut dice = Dice::new(seed);
    loop {
        let listens = Duration::from_millis(LISTENS_MILLIS.0 + dice.below(LISTENS_MILLIS.1));
        let mut stream = onlooker.connect();
        if shop.until_rest(timeout(listens, onlooker.listen(&mut stream))).await.is_none() {
            break;
        }
        if shop.until_rest(sleep(LOOK)).await.is_none() {
            break;
        }
    }
    let mut stream = onlooker.connect();
    if onlooker.seen.wrong.is_empty() && timeout(GRACE, onlooker.until_true(&mut stream)).await.is_err() {
        onlooker
            .seen
            .wrong
            .push("long after all was over the stream did not show the seats as they are".to_owned());
    }
    onlooker.seen.wrong
}

struct Onlooker<'a> {
    shop: &'a Shop,
    seen: Seen,
}

/// What was seen, and what was wrong with it.
#[derive(Debug, Default)]
struct Seen {
    states: Option<SeatStates>,
    wrong: Vec<String>,
}

impl Onlooker<'_> {
    /// Whoever was here before says where they left.
    fn connect(&self) -> Feed<SeatEvent> {
        let Shop { guest, event, .. } = self.shop;
        match &self.seen.states {
            Some(seen) => guest.seat_stream_after(event, format!("{}.0", seen.seq())),
            None => guest.seat_stream(event),
        }
    }

    /// Listens to one connection to its end, or to those that take its place when it is cut.
    async fn listen(&mut self, stream: &mut Feed<SeatEvent>) {
        let mut is_first = true;
        while let Some(Ok(item)) = stream.next().await {
            is_first = self.look_at(item, is_first);
        }
    }

    /// Listens until the seats are seen as they are told to whoever asks.
    async fn until_true(&mut self, stream: &mut Feed<SeatEvent>) {
        let Shop { guest, event, .. } = self.shop;
        let mut is_first = true;
        loop {
            if let Ok(Some(Ok(item))) = timeout(LOOK, stream.next()).await {
                is_first = self.look_at(item, is_first);
            }
            let truth = guest.availability(event).await.ok().and_then(|view| SeatStates::unpack(&view).ok());
            if truth.is_some_and(|truth| {
                self.seen.states.as_ref().is_some_and(|seen| seen.as_slice() == truth.as_slice())
            }) {
                return;
            }
        }
    }

    /// Answers whether the next event is the first of its connection.
    fn look_at(&mut self, item: StreamItem<SeatEvent>, is_first: bool) -> bool {
        match item {
            StreamItem::Event(event) => {
                self.seen.take_in(event, is_first);
                false
            }
            StreamItem::State(state) => is_first || matches!(state, StreamState::Reconnecting { .. }),
        }
    }
}

impl Seen {
    fn take_in(&mut self, event: SeatEvent, is_first: bool) {
        match (event, &mut self.states) {
            (SeatEvent::Snapshot(view), seen) => match SeatStates::unpack(&view) {
                Ok(states) => *seen = Some(states),
                Err(gap) => self.wrong.push(format!("a snapshot could not be read: {gap}")),
            },
            (SeatEvent::Delta(delta), _) if is_first => {
                let what =
                    format!("the first that whoever came back was told is what changed from {}", delta.from);
                self.wrong.push(what);
            }
            (SeatEvent::Delta(delta), Some(seen)) => {
                if seen.apply(&delta).is_err() {
                    let what = format!(
                        "change {} of the seats builds on {}, and {} was told",
                        delta.seq,
                        delta.from,
                        seen.seq()
                    );
                    self.wrong.push(what);
                }
            }
            (SeatEvent::Delta(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use tmapi::availability::{AvailabilityView, SeatDelta};
    use tmapi::event::SeatTotals;
    use tmcore::Timestamp;

    use super::*;

    fn whole(seq: u64) -> SeatEvent {
        SeatEvent::Snapshot(Box::new(AvailabilityView {
            event_id: "E1".parse().unwrap(),
            seq,
            as_of: Timestamp::from_millis(0),
            seat_count: 4,
            totals: SeatTotals::default(),
            status: base64::prelude::BASE64_STANDARD.encode([0]),
            sections: vec![],
        }))
    }

    fn change(from: u64, seq: u64) -> SeatEvent {
        SeatEvent::Delta(SeatDelta {
            event_id: "E1".parse().unwrap(),
            from,
            seq,
            as_of: Timestamp::from_millis(0),
            changes: vec![[0, 1, 2]],
            totals: SeatTotals::default(),
            sections: vec![],
        })
    }

    #[test]
    fn e1_a_change_before_the_whole_is_noticed_and_so_is_one_that_builds_on_what_was_not_told() {
        let wrong = |events: &[(SeatEvent, bool)]| {
            let mut seen = Seen::default();
            events.iter().cloned().for_each(|(event, is_first)| seen.take_in(event, is_first));
            seen.wrong.len()
        };
        assert_eq!(
            wrong(&[(whole(7), true), (change(7, 8), false), (whole(8), true), (change(8, 9), false)]),
            0
        );
        assert_eq!(wrong(&[(whole(7), true), (change(7, 8), true)]), 1);
        assert_eq!(wrong(&[(whole(7), true), (change(8, 9), false)]), 1);
    }
}
