//! `tmctl api`: one raw call, for everything that has no command of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal as _, Read};

use tmapi::Problem;
use tmapi::client::{Client, ClientError, HeaderMap, HeaderValue, Method, StatusCode};
use tmcore::seating::MAX_PLAN_BYTES;

use super::Outcome;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::host::Host;
use crate::organiser::Organiser;
use crate::output;
use crate::output::escape::{escape, escape_json};

const KEY: &str = "idempotency-key";
const CONTENT_TYPE: &str = "content-type";
/// The most that is read as a body, bytes: a seating plan and what stands around it.
const MOST_BYTES: u64 = MAX_PLAN_BYTES as u64 + 64 * 1024;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl api GET /api/events
  tmctl api POST /api/waiting-room/sessions --body '{\"eventId\":\"E1\"}'
  tmctl api PATCH /api/events/E1 --organiser --body @patch.json
  tmctl api GET /api/events/E1/availability -i --header 'If-None-Match: \"x\"'")]
pub struct Args {
    /// GET, POST, PATCH, DELETE, ...
    #[arg(value_name = "METHOD")]
    method: String,
    /// The path, from its slash on; ids in it choose the buyer's token
    #[arg(value_name = "PATH")]
    path: String,
    /// The body: JSON, `@file`, or `-` for stdin
    #[arg(long, value_name = "JSON|@FILE|-")]
    body: Option<String>,
    /// A header to send; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Speak for the organiser
    #[arg(long)]
    organiser: bool,
    /// Show the status line and the headers of the answer too
    #[arg(short, long)]
    include: bool,
    #[command(flatten)]
    token: Organiser,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let method = args.method.to_uppercase();
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Failure::usage(format!("`{}` is no method", args.method)))?;
    if !args.path.starts_with('/') {
        return Err(Failure::usage(format!("a path begins with a slash: `{}` does not", args.path))
            .hint(format!("`/{}`; --url says which daemon", args.path.trim_start_matches('/'))));
    }
    let body = args.body.as_deref().map(body).transpose()?.unwrap_or_default();
    let mut headers = headers(&args.headers)?;
    if !body.is_empty() {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    if method == Method::POST
        && let Ok(key) = HeaderValue::try_from(Host::idempotency_key())
    {
        headers.entry(KEY).or_insert(key);
    }
    let client = if args.organiser { args.token.client(desk)? } else { buyer(desk, &args.path)? };
    let doing = format!("{method} {}", args.path);
    let (status, headers, body) = client.raw(method, &args.path, headers, body).await.doing(&doing)?;
    if args.include {
        output::write(&head(status, &headers))?;
    } else {
        desk.out.note(&status.to_string());
    }
    output::write(&pretty(&body))?;
    Ok(exit_of(status, &body))
}

/// The client of the buyer whom the path speaks of.
fn buyer(desk: &Desk, path: &str) -> Result<Client, Failure> {
    let state = desk.profile.state()?;
    let ids = || path.split(['/', ':', '?']).filter(|id| !id.is_empty());
    let made = ids().find_map(|id| state.event_of(id).cloned());
    let known = || ids().filter_map(|id| id.parse().ok()).find(|event| state.guest_token(event).is_some());
    desk.client_for(made.or_else(known).or_else(|| state.last.event.clone()).as_ref())
}

fn headers(written: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for text in written {
        let refuse = || Failure::usage(format!("`{text}` is no header")).hint("write --header 'Name: value'");
        let (name, value) = text.split_once(':').ok_or_else(refuse)?;
        let mut one = std::collections::HashMap::new();
        one.insert(name.trim().to_owned(), value.trim().to_owned());
        let one: HeaderMap = HeaderMap::try_from(&one).map_err(|_| refuse())?;
        for (name, value) in &one {
            headers.append(name, value.clone());
        }
    }
    Ok(headers)
}

fn body(written: &str) -> Result<Vec<u8>, Failure> {
    match (written, written.strip_prefix('@')) {
        ("-", _) if std::io::stdin().is_terminal() => {
            Err(Failure::usage("`-` reads the body from stdin, which is a terminal").hint("pipe it in"))
        }
        ("-", _) => bounded(std::io::stdin().lock(), "stdin"),
        (_, Some(file)) => {
            let open = File::open(file)
                .map_err(|error| Failure::usage(format!("failed to read {file}: {error}")))?;
            bounded(open, file)
        }
        (json, None) => Ok(json.as_bytes().to_vec()),
    }
}

fn bounded(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = source.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("failed to read {name}: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::usage(format!("{name} has more than the {MOST_BYTES} bytes that are sent")));
    }
    Ok(bytes)
}

fn head(status: StatusCode, headers: &HeaderMap) -> String {
    let mut text = format!("HTTP {status}\n");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {}", escape(&String::from_utf8_lossy(value.as_bytes())));
    }
    text + "\n"
}

/// JSON is set out; anything else is shown line by line.
fn pretty(body: &[u8]) -> String {
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(body)
        && let Ok(text) = serde_json::to_string_pretty(&value)
    {
        return escape_json(&text).into_owned() + "\n";
    }
    let text = String::from_utf8_lossy(body);
    text.lines().flat_map(|line| [escape(line).into_owned(), "\n".to_owned()]).collect()
}

fn exit_of(status: StatusCode, body: &[u8]) -> Exit {
    if status.as_u16() < 400 {
        return Exit::Ok;
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Exit::from(&problem),
        Err(_) => Exit::from(&ClientError::Unexpected { status, excerpt: String::new(), retry_after: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_set_out_and_never_executed() {
        let hostile = "{\"a\":\"\\u001b[2J\u{9b}x\"}";
        assert_eq!(pretty(hostile.as_bytes()), "{\n  \"a\": \"\\u001b[2J\\u009bx\"\n}\n");
        assert_eq!(pretty(b"ok\x1b[2J\nmore"), "ok\\u{1b}[2J\nmore\n");
        assert_eq!(pretty(b""), "");
    }

    #[test]
    fn the_answer_chooses_the_exit_code() {
        let exit = |status: u16, body: &str| exit_of(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(exit(204, ""), Exit::Ok);
        assert_eq!(exit(404, "nothing"), Exit::NotFound);
        assert_eq!(exit(503, ""), Exit::Unavailable);
        let problem = r#"{"type":"about:blank","title":"","status":403,"detail":"","code":"not-admitted","requestId":"","retryable":true}"#;
        assert_eq!(exit(403, problem), Exit::NotAdmitted);
    }

    #[test]
    fn headers_are_read_as_they_are_written() {
        let read = headers(&["X-A: 1".to_owned(), "x-a:2".to_owned()]).unwrap();
        assert_eq!(read.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert!(headers(&["nothing".to_owned()]).is_err());
        assert!(headers(&["bad name: x".to_owned()]).is_err());
    }
}
