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
    let mut onlooker = Onlooker { shop, seen: None, wrong: Vec::new() };
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
    if onlooker.wrong.is_empty() && timeout(GRACE, onlooker.until_true(&mut stream)).await.is_err() {
        onlooker
            .wrong
            .push("long after all was over the stream did not show the seats as they are".to_owned());
    }
    onlooker.wrong
}

struct Onlooker<'a> {
    shop: &'a Shop,
    seen: Option<SeatStates>,
    wrong: Vec<String>,
}

impl Onlooker<'_> {
    /// Whoever was here before says where they left.
    fn connect(&self) -> Feed<SeatEvent> {
        let Shop { guest, event, .. } = self.shop;
        match &self.seen {
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
                self.seen.as_ref().is_some_and(|seen| seen.as_slice() == truth.as_slice())
            }) {
                return;
            }
        }
    }

    /// Answers whether the next event is the first of its connection.
    fn look_at(&mut self, item: StreamItem<SeatEvent>, is_first: bool) -> bool {
        match item {
            StreamItem::Event(event) => {
                self.take_in(event, is_first);
                false
            }
            StreamItem::State(state) => is_first || matches!(state, StreamState::Reconnecting { .. }),
        }
    }

    fn take_in(&mut self, event: SeatEvent, is_first: bool) {
        match (event, &mut self.seen) {
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
