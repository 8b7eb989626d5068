//! Request targets: which cannot name anything of ours, and which end in a custom verb.
//!
//! axum routes whole segments, so `/api/orders/{id}:confirm` is asked of the router as `/api/orders/{id}/-/confirm`.

use http::Uri;
use http::uri::PathAndQuery;

/// What a request's path turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Goes to the router as it is.
    Plain,
    /// Ends in a custom verb; goes to the router like this.
    Verb(PathAndQuery),
    /// No route and no id of ours is written like this.
    Impossible,
}

/// The segment that stands between an id and its verb inside of the daemon, and nowhere outside.
const VERB_SEGMENT: &str = "-";

pub(super) fn of(uri: &Uri) -> Target {
    let path = uri.path();
    let Some(segments) = path.strip_prefix('/') else { return Target::Impossible };
    if !is_possible(segments) {
        return Target::Impossible;
    }
    let Some((id_path, verb)) = verb(path) else { return Target::Plain };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let rewritten = format!("{id_path}/{VERB_SEGMENT}/{verb}{query}");
    rewritten.parse().map_or(Target::Impossible, Target::Verb)
}

/// Whether the path's last segment has a colon, and is no verb: `ord_1:Confirm`, `:confirm`.
pub(super) fn is_colon_path(uri: &Uri) -> bool {
    uri.path().rsplit('/').next().is_some_and(|last| last.contains(':'))
}

/// Splits `/api/<noun>/{id}:verb` before its colon.
fn verb(path: &str) -> Option<(&str, &str)> {
    let below_api = path.strip_prefix("/api/")?;
    let (_, last) = below_api.rsplit_once('/')?;
    let (id, verb) = last.split_once(':')?;
    let is_verb = verb.starts_with(|c: char| c.is_ascii_lowercase())
        && verb.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    (!id.is_empty() && is_verb).then(|| (&path[..path.len() - verb.len() - 1], verb))
}

fn is_possible(segments: &str) -> bool {
    segments.is_empty() || segments.split('/').all(is_possible_segment)
}

fn is_possible_segment(segment: &str) -> bool {
    let is_plain = |b: u8| b > b' ' && !matches!(b, 0x7f | b';' | b'\\' | b'/');
    let decoded;
    let bytes = if segment.contains('%') {
        let Some(text) = decode(segment) else { return false };
        decoded = text;
        decoded.as_str()
    } else {
        segment
    };
    !matches!(bytes, "" | "." | ".." | VERB_SEGMENT) && bytes.bytes().all(is_plain)
}

/// The text behind percent escapes (RFC 3986, 2.1), if every escape is whole and the text is UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(uri: &str) -> Target {
        of(&uri.parse().unwrap())
    }

    #[test]
    fn a_verb_becomes_two_segments() {
        for (asked, routed) in [
            ("/api/orders/ord_01:confirm", "/api/orders/ord_01/-/confirm"),
            ("/api/orders/ord_01:confirm?a=b:c", "/api/orders/ord_01/-/confirm?a=b:c"),
            ("/api/waiting-room/sessions/wrs_01:give-up", "/api/waiting-room/sessions/wrs_01/-/give-up"),
            ("/api/events/Z%C3%BCrich:open", "/api/events/Z%C3%BCrich/-/open"),
        ] {
            assert_eq!(target(asked), Target::Verb(routed.parse().unwrap()), "{asked}");
        }
    }

    #[test]
    fn other_colons_stay() {
        for asked in [
            "/api/orders:confirm",
            "/orders/ord_01:confirm",
            "/api/orders/ord_01:",
            "/api/orders/:confirm",
            "/api/orders/ord_01:Confirm",
            "/api/orders/ord_01:-x",
            "/api/orders/ord_01:a:b",
            "/api/orders/ord_01:confirm/seats",
            "/api/orders/ord_01%3Aconfirm",
            "/api/events?at=12:30",
            "/",
        ] {
            assert_eq!(target(asked), Target::Plain, "{asked}");
        }
    }

    #[test]
    fn tricks_name_nothing() {
        for asked in [
            "//",
            "/api//events",
            "/api/events/",
            "/api/orders/ord_01/-/confirm",
            "/api/orders/ord_01/%2D/confirm",
            "/api/orders/ord_01:confirm%20",
            "/api/orders/ord_01;x=1",
            "/api/orders/ord_01;:confirm",
            "/api/orders/../events",
            "/api/orders/%2e%2E/events",
            "/api/orders/a%2Fb",
            "/api/orders/a%2fb:confirm",
            "/api/orders/a%00",
            "/api/orders/a%5Cb",
            "/api/orders/%",
            "/api/orders/%1",
            "/api/orders/%zz",
            "/api/orders/%+1",
            "/api/orders/%ff",
            "/api/orders/a%0d%0aset-cookie:x",
        ] {
            assert_eq!(target(asked), Target::Impossible, "{asked}");
        }
    }

    proptest! {
        #[test]
        fn no_target_makes_it_panic_and_none_from_outside_reaches_a_verb_by_itself(path in "(/[-a:%2dDfF;.é0]{0,4}){1,5}") {
            if let Ok(uri) = path.parse::<Uri>()
                && of(&uri) == Target::Plain
            {
                prop_assert!(!uri.path().split('/').any(|segment| segment == VERB_SEGMENT));
            }
        }
    }
}
