//! Arguments that name things: typed, read from stdin (`-`), or what a former step produced (left out, or `@last`).

use std::fmt::Display;
use std::io::{BufRead as _, IsTerminal as _};
use std::str::FromStr;
use std::time::Duration;

use tmcore::{EventId, OrderId, SeatId, SessionId, TicketId};

use crate::desk::Desk;
use crate::error::Failure;
use crate::profile::Last;

/// What a former step produced is meant.
const LAST: &str = "@last";
/// Ids come from stdin.
const STDIN: &str = "-";
/// The most ids that are read from stdin.
const MOST_IDS: usize = 10_000;

/// A kind of thing that an argument can name.
pub trait Named: FromStr<Err: Display> + Display {
    /// As it is called in messages.
    const KIND: &'static str;
    /// The variable that names one.
    const VARIABLE: Option<&'static str>;
    /// How to come by one.
    const HOW: &'static str;

    /// The one last spoken of.
    fn last(last: &Last) -> Vec<Self>;
}

impl Named for EventId {
    const KIND: &'static str = "event";
    const VARIABLE: Option<&'static str> = Some("TM_EVENT");
    const HOW: &'static str = "`tmctl events` lists them";

    fn last(last: &Last) -> Vec<Self> {
        last.event.iter().cloned().collect()
    }
}

impl Named for SessionId {
    const KIND: &'static str = "place in line";
    const VARIABLE: Option<&'static str> = Some("TM_SESSION");
    const HOW: &'static str = "`tmctl join` takes one";

    fn last(last: &Last) -> Vec<Self> {
        last.session.into_iter().collect()
    }
}

impl Named for OrderId {
    const KIND: &'static str = "order";
    const VARIABLE: Option<&'static str> = Some("TM_ORDER");
    const HOW: &'static str = "`tmctl order` begins one";

    fn last(last: &Last) -> Vec<Self> {
        last.order.into_iter().collect()
    }
}

impl Named for SeatId {
    const KIND: &'static str = "seat";
    const VARIABLE: Option<&'static str> = None;
    const HOW: &'static str = "`tmctl seats --best 2` picks some";

    fn last(last: &Last) -> Vec<Self> {
        last.seats.clone()
    }
}

impl Named for TicketId {
    const KIND: &'static str = "ticket";
    const VARIABLE: Option<&'static str> = None;
    const HOW: &'static str = "`tmctl finalize` issues them";

    fn last(last: &Last) -> Vec<Self> {
        last.tickets.clone()
    }
}

/// Any id, for commands that take several kinds.
pub struct Word(String);

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Word {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Named for Word {
    const KIND: &'static str = "id";
    const VARIABLE: Option<&'static str> = None;
    const HOW: &'static str = "pipe ids into it";

    fn last(_: &Last) -> Vec<Self> {
        Vec::new()
    }
}

/// Reads one id.
pub fn parse<T: Named>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| Failure::usage(format!("`{text}` is no {}: {error}", T::KIND)))
}

/// What an argument names: one thing, or as many as stdin has.
pub fn many<T: Named>(desk: &Desk, argument: Option<&str>) -> Result<Vec<T>, Failure> {
    let named = match argument {
        Some(STDIN) => from_stdin()?.iter().map(|id| parse(id)).collect::<Result<Vec<_>, _>>()?,
        Some(LAST) => T::last(&desk.profile.state()?.last),
        Some(id) => vec![parse(id)?],
        None => match T::VARIABLE.and_then(|name| desk.host.env(name)) {
            Some(id) => vec![parse(id)?],
            None => T::last(&desk.profile.state()?.last),
        },
    };
    if named.is_empty() {
        return Err(Failure::usage(format!(
            "which {}? none is named, and none was spoken of before",
            T::KIND
        ))
        .hint(T::HOW));
    }
    Ok(named)
}

/// What an argument names, for commands that take one.
pub fn one<T: Named>(desk: &Desk, argument: Option<&str>) -> Result<T, Failure> {
    let mut named = many(desk, argument)?;
    match (named.pop(), named.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Failure::usage(format!("this takes one {}, not several", T::KIND))),
    }
}

/// Several ids, any of which may stand for those on stdin or those last spoken of.
pub fn list<T: Named>(desk: &Desk, arguments: &[String]) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for argument in arguments {
        all.extend(many(desk, Some(argument))?);
    }
    Ok(all)
}

fn from_stdin() -> Result<Vec<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage("`-` reads ids from stdin, which is a terminal")
            .hint("pipe them in, or name them"));
    }
    let mut ids = Vec::new();
    for line in stdin.lock().lines() {
        let line = line.map_err(|error| Failure::usage(format!("failed to read ids from stdin: {error}")))?;
        ids.extend(
            line.split([' ', '\t', ',']).map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned),
        );
        if ids.len() > MOST_IDS {
            return Err(Failure::usage(format!("more than {MOST_IDS} ids on stdin")));
        }
    }
    Ok(ids)
}

/// A length of time such as `30s`, `5m`, `1h30m`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    parsed
        .ok()
        .and_then(|d| Duration::try_from(d).ok())
        .ok_or_else(|| "expected a time such as 30s, 5m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(parse_duration("-5s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
