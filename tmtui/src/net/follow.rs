//! Streams, turned into actions.

use std::sync::Arc;

use tmapi::client::live::{self, LiveEnd, LiveEvent, LiveState, SeatsEvent};
use tmcore::{EventId, SessionId};
use tokio::sync::mpsc;

use super::office::Office;
use crate::action::{Action, News, PlaceNews, SeatNews, Wire};

/// Tells how an event's seats stand until nobody listens any more.
pub async fn seats(office: Arc<Office>, event: EventId, news: mpsc::Sender<Action>) {
    // Anybody may look: the stream needs no token.
    let mut stream = live::follow(&office.anonymous, live::Follow::Seats(event.clone()));
    while let Some(item) = stream.next().await {
        let told = match item {
            LiveEvent::State(state) => SeatNews::Wire(wire(state)),
            LiveEvent::Seats(SeatsEvent::Snapshot { view, .. }) => SeatNews::Snapshot(view),
            LiveEvent::Seats(SeatsEvent::Delta(delta)) => SeatNews::Delta(delta),
            LiveEvent::Session(_) => continue,
        };
        if news.send(Action::Told(News::Seats(event.clone(), told))).await.is_err() {
            return;
        }
    }
}

/// Tells what becomes of a place in line.
pub async fn place(office: Arc<Office>, event: EventId, session: SessionId, news: mpsc::Sender<Action>) {
    let tell =
        async |told: PlaceNews| news.send(Action::Told(News::Place(event.clone(), told))).await.is_ok();
    let client = match office.client(&event) {
        Ok(client) => client,
        Err(trouble) => {
            tell(PlaceNews::Refused(trouble)).await;
            return;
        }
    };
    let mut stream = live::follow(&client, live::Follow::Session(session));
    while let Some(item) = stream.next().await {
        let told = match item {
            LiveEvent::State(LiveState::Ended(LiveEnd::Over)) => {
                // The last word may have been missed.
                match office.session(&event, session).await {
                    Ok(last) => PlaceNews::Now(Box::new(last)),
                    Err(trouble) => PlaceNews::Refused(trouble),
                }
            }
            LiveEvent::State(state) => PlaceNews::Wire(wire(state)),
            LiveEvent::Session(event) => PlaceNews::Now(Box::new(event.session)),
            LiveEvent::Seats(_) => continue,
        };
        if !tell(told).await {
            return;
        }
    }
}

fn wire(state: LiveState) -> Wire {
    match state {
        LiveState::Live => Wire::Live,
        LiveState::Stale { silent_for } => Wire::Stale(silent_for),
        LiveState::Reconnecting { after, .. } => Wire::Reconnecting(after),
        LiveState::Ended(LiveEnd::Over) => Wire::Lost("over".to_owned()),
        LiveState::Ended(LiveEnd::Refused { detail, .. }) => Wire::Lost(detail),
        LiveState::Ended(LiveEnd::Unusable(why)) => Wire::Lost(why),
    }
}
