//! Text of others on our screen: made harmless, cut to a width, times and amounts as people read them.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use tmcore::Timestamp;
pub use tmctl::escape;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns` columns; what is cut off ends with `…`, or `~` where only ASCII is drawn.
pub fn fit(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let mut taken = 0;
    let mut cut = String::with_capacity(room + 3);
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken > room {
            break;
        }
        cut.push(c);
    }
    cut.push(if ascii { '~' } else { '…' });
    Cow::Owned(cut)
}

/// The text in lines of at most so many columns, broken between words; a longer word is cut where it is drawn.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A name of somebody else's, harmless; where only ASCII is drawn, other characters are `?`.
pub fn name(text: &str, ascii: bool) -> String {
    let safe = escape(text);
    if ascii { safe.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() } else { safe.into_owned() }
}

/// `2027-01-20 19:30`.
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(
        |_| String::new(),
        |instant| instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// `4 d 2 h`, `9 min 59 s`, `7 s`.
pub fn duration(seconds: u64) -> String {
    let (minutes, rest) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let (days, hours) = (hours / 24, hours % 24);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, m) => format!("{m} min {rest} s"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// `9:59`, for what counts down.
pub fn countdown(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Seconds from one instant to a later one.
pub fn seconds_until(now: Timestamp, then: Timestamp) -> u64 {
    then.millis_since(now) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_whatever_is_in_them() {
        assert_eq!(fit("Gala", 4, false), "Gala");
        assert_eq!(fit("Gala night", 6, false), "Gala …");
        assert_eq!(fit("Gala night", 6, true), "Gala ~");
        assert_eq!(fit("東京ドーム", 5, false), "東京…");
        assert_eq!(fit("東京", 2, false), "…");
        assert_eq!(fit("x", 0, false), "");
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(name("a\u{1b}[31m\u{202e}é", false), r"a\u{1b}[31m\u{202e}é");
        assert_eq!(name("é", true), "?");
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        let at: Timestamp = "2027-01-20T19:30:00Z".parse().unwrap();
        assert_eq!(time(at, &TimeZone::UTC), "2027-01-20 19:30");
        assert_eq!([7, 599, 7200, 93_600].map(duration), ["7 s", "9 min 59 s", "2 h 0 min", "1 d 2 h"]);
        assert_eq!(countdown(65), "1:05");
    }
}
