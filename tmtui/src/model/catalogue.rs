//! The list of events.

use tmapi::event::EventSummary;
use tmcore::EventId;

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
