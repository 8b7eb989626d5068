//! Where a page begins is read as it was written, and no list takes the place of another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tmcore::payment::ProviderKey;
use tmcore::verify::life::Subject;
use tmcore::{EventId, OrderId, SeatId, SessionId, TicketId, UserId};
use tmd::ports::verify::Passage;

fuzz_target!(|text: &str| {
    let passage = text.parse::<Passage>();
    let key = text.parse::<ProviderKey>();
    let sequence = text.parse::<u64>();
    let lists = [passage.is_ok(), key.is_ok(), sequence.is_ok() && key.is_err()];
    assert!(lists.iter().filter(|takes| **takes).count() <= 1, "two lists take {text:?}");
    if let Ok(passage) = passage {
        assert_eq!(passage.to_string(), text);
    }
    if let Ok(key) = key {
        assert_eq!(key.to_string(), text);
    }
    ids(text);
});

/// Ids stand in paths and queries; one thing has one name.
fn ids(text: &str) {
    let made = [
        text.parse::<OrderId>().map(|id| id.to_string()),
        text.parse::<SessionId>().map(|id| id.to_string()),
        text.parse::<TicketId>().map(|id| id.to_string()),
        text.parse::<UserId>().map(|id| id.to_string()),
    ];
    assert!(made.iter().filter(|id| id.is_ok()).count() <= 1);
    for id in made.into_iter().flatten() {
        assert_eq!(id, text, "an id with two texts");
    }
    if let Ok(event) = text.parse::<EventId>() {
        assert_eq!(event.as_str(), text);
        assert!(
            text.chars().count() <= EventId::MAX_CHARS && !text.contains(['/', ',', '@', '%', '?', '#', ' '])
        );
        assert!(text.parse::<SeatId>().is_ok());
        let _ = Subject::Seat(event.clone(), text.parse().unwrap());
        // What is the name of a thing is no place in a list of checks.
        assert!(text.parse::<Passage>().is_err());
    }
}
