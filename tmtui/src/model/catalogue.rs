//! The list of events.

use tmapi::event::{EventSummary, SaleStatus};
use tmcore::{EventId, Timestamp};

use crate::action::EventsPage;

/// What is on.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// As the daemon lists them.
    pub events: Vec<EventSummary>,
    /// How they came.
    pub state: Loading,
    /// What they are narrowed down to.
    pub search: String,
    /// The place of the cursor among those shown.
    pub at: usize,
    /// The event to go into as soon as it is known.
    pub wanted: Option<EventId>,
    /// What was asked for last.
    pub asked: Asked,
}

/// What was asked for last.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// With these words.
    pub words: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Where the next page begins, if there is one and nobody asked for it yet.
    pub next: Option<String>,
}

/// How something that is fetched stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Loading {
    /// Asked for.
    #[default]
    Asked,
    /// There.
    Ready,
    /// It came to nothing; why.
    Failed(String),
}

impl Catalogue {
    /// The events that fit the search, in order.
    pub fn shown(&self) -> impl Iterator<Item = &EventSummary> {
        let words: Vec<_> = self.search.to_lowercase().split_whitespace().map(str::to_owned).collect();
        self.events.iter().filter(move |event| {
            let text = searched(event);
            words.iter().all(|word| text.contains(word))
        })
    }

    /// Takes a page over. The cursor stays on its event.
    pub fn hear(&mut self, page: EventsPage) {
        let chosen = self.chosen().map(|event| event.event_id.clone());
        let known = page.events.len().min(self.events.len());
        let is_same = |(a, b): (&EventSummary, &EventSummary)| a.event_id == b.event_id;
        let is_head =
            self.events.len() > page.events.len() && self.events.iter().zip(&page.events).all(is_same);
        if !page.is_first {
            // An event may have come in before the page meanwhile.
            let is_new =
                |event: &EventSummary| self.events.iter().all(|other| other.event_id != event.event_id);
            let new: Vec<_> = page.events.into_iter().filter(is_new).collect();
            self.events.extend(new);
            self.asked.next = page.next;
        } else if is_head {
            // Of a long list only the beginning is asked for anew.
            self.events.splice(..known, page.events);
        } else {
            self.events = page.events;
            self.asked.next = page.next;
        }
        self.state = Loading::Ready;
        let at = self.shown().position(|event| Some(&event.event_id) == chosen.as_ref());
        let last = self.shown().count().saturating_sub(1);
        self.at = at.unwrap_or(self.at).min(last);
    }

    /// Whether a sale was to begin by now, and still has not as far as is known.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_due = |event: &EventSummary| {
            event.sale_status == SaleStatus::Scheduled && event.sale_starts_at.is_some_and(|at| at <= now)
        };
        self.events.iter().any(is_due)
    }

    /// The event the cursor is on.
    pub fn chosen(&self) -> Option<&EventSummary> {
        self.shown().nth(self.at)
    }
}

fn searched(event: &EventSummary) -> String {
    let mut text = format!("{} {} {} {}", event.event_id, event.name, event.venue.name, event.venue.city);
    for performer in &event.performers {
        text.push(' ');
        text += &performer.name;
    }
    text.to_lowercase()
}
