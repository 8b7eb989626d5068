//! `tmctl wait`: until the waiting room lets the buyer in.

use std::time::Duration;

use futures::StreamExt as _;
use tmapi::client::{Client, ClientError, Feed, SessionEvent, StreamItem, StreamState};
use tmapi::session::{SessionStatus, SessionView, WaitEstimate};
use tmcore::SessionId;

use super::Outcome;
use super::status::{Session, client_for_session};
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::output::duration;
use crate::progress::Progress;

/// How often is asked where the stream cannot be used.
const POLL: Duration = Duration::from_secs(2);

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl wait                      for the place last taken
  tmctl wait --timeout 30s        exit code 8 when it takes longer; the place is kept
  tmctl join E1 -o id | tmctl wait - && tmctl order")]
pub struct Args {
    /// The place in line; left out, TM_SESSION or the one last taken
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Give up after this long, such as 30s or 5m; the place is kept
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    timeout: Option<Duration>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let session: SessionId = argument::one(desk, args.session.as_deref())?;
    let client = client_for_session(desk, session)?;
    let view = until_admitted(desk, &client, session, args.timeout).await?;
    desk.remember(|state| state.saw_session(session, &view.event_id));
    let event = view.event_id.clone();
    desk.out.show(&Session { view, access_token: None })?;
    desk.out.next(&format!("order {event}"));
    Ok(Exit::Ok)
}

/// Waits until the session is let in, and shows how it goes on.
pub async fn until_admitted(
    desk: &Desk,
    client: &Client,
    session: SessionId,
    timeout: Option<Duration>,
) -> Result<SessionView, Failure> {
    let back = format!(
        "the place is kept while you come back soon: {}",
        desk.out.command(&format!("wait {session}"))
    );
    desk.if_interrupted(back.clone());
    let mut wait = Wait { client, session, progress: Progress::new(desk), first_ahead: None };
    let waited = match timeout {
        None => wait.run().await,
        Some(timeout) => tokio::time::timeout(timeout, wait.run()).await.unwrap_or_else(|_| {
            Err(Failure::new(Exit::Pending, format!("not let in within {}", duration(timeout.as_secs())))
                .hint(back))
        }),
    };
    desk.if_interrupted(None);
    waited
}

struct Wait<'a> {
    client: &'a Client,
    session: SessionId,
    progress: Progress<'a>,
    /// How many were ahead when the wait began.
    first_ahead: Option<u64>,
}

/// What one piece of news came to.
enum News {
    Over(SessionView),
    GoOn,
    /// The stream cannot be used: ask from time to time instead.
    Poll,
}

impl Wait<'_> {
    async fn run(&mut self) -> Result<SessionView, Failure> {
        // The first answer tells whether there is such a place at all.
        let view =
            self.client.session(self.session).await.doing(&format!("find the place {}", self.session))?;
        if let News::Over(view) = self.tell(view)? {
            return Ok(view);
        }
        let mut feed = self.client.session_stream(self.session);
        loop {
            match self.hear(&mut feed).await? {
                News::Over(view) => return Ok(view),
                News::GoOn => {}
                News::Poll => break,
            }
        }
        drop(feed);
        loop {
            if let News::Over(view) = self.ask().await? {
                return Ok(view);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn hear(&mut self, feed: &mut Feed<SessionEvent>) -> Result<News, Failure> {
        match feed.next().await {
            Some(Ok(StreamItem::Event(event))) => self.tell(event.session),
            Some(Ok(StreamItem::State(StreamState::Live))) => Ok(News::GoOn),
            Some(Ok(StreamItem::State(StreamState::Stale | StreamState::Reconnecting { .. }))) => {
                self.ask().await
            }
            Some(Ok(StreamItem::State(StreamState::Ended))) | None => Ok(News::Poll),
            Some(Err(ClientError::Problem(problem, after)))
                if matches!(problem.status, 401 | 403 | 404 | 410) =>
            {
                Err(ClientError::Problem(problem, after)).doing("follow the place in line")
            }
            Some(Err(error)) => {
                self.progress.note(&format!("{error}; asking from time to time instead"));
                Ok(News::Poll)
            }
        }
    }

    /// Asks where the place stands. That nobody answers does not end the wait.
    async fn ask(&mut self) -> Result<News, Failure> {
        match self.client.session(self.session).await {
            Ok(view) => self.tell(view),
            Err(error) if error.is_inconclusive() || error.status() == Some(429) => {
                self.progress.say(&format!("no answer ({error}); trying on"));
                Ok(News::GoOn)
            }
            Err(error) => Err(error).doing("follow the place in line"),
        }
    }

    fn tell(&mut self, view: SessionView) -> Result<News, Failure> {
        match view.status {
            SessionStatus::Active | SessionStatus::Ordering => Ok(News::Over(view)),
            SessionStatus::Waiting => {
                let text = said(&view);
                match view.ahead {
                    Some(ahead) => {
                        let first = *self.first_ahead.get_or_insert(ahead);
                        self.progress.advance(&text, first.saturating_sub(ahead), first.max(ahead) + 1);
                    }
                    None => self.progress.say(&text),
                }
                Ok(News::GoOn)
            }
            SessionStatus::Done => Err(lost("its order has come to its end already", &view)),
            SessionStatus::Left => Err(lost("it was given up", &view)),
            SessionStatus::Abandoned => Err(lost("there was no sign of life for too long", &view)),
            SessionStatus::Expired => Err(lost("no order was begun in time", &view)),
        }
    }
}

fn lost(why: &str, view: &SessionView) -> Failure {
    Failure::new(Exit::Expired, format!("the place in line is gone: {why}"))
        .hint(format!("stand in line again: `tmctl join {}`", view.event_id))
}

/// Where a place in line stands, in a line.
fn said(view: &SessionView) -> String {
    if view.lobby {
        return format!(
            "in the lobby with {} others: places are drawn when the sale begins",
            view.waiting.saturating_sub(1)
        );
    }
    let place = view.position.map(|position| format!("place {position} of {}", view.waiting.max(position)));
    let ahead = view.ahead.map(|ahead| format!("{ahead} ahead"));
    let held = view.paused.then(|| "the organiser holds the line".to_owned());
    let estimate = view.estimate.filter(|_| !view.paused).map(estimate);
    let parts: Vec<_> = [place, ahead, held, estimate].into_iter().flatten().collect();
    if parts.is_empty() { "in line".to_owned() } else { parts.join(", ") }
}

/// An estimate, as people say it.
pub fn estimate(estimate: WaitEstimate) -> String {
    match estimate.high_seconds {
        None if estimate.low_seconds == 0 => "not known yet".to_owned(),
        None => format!("at least {}", duration(estimate.low_seconds.into())),
        Some(high) if high == estimate.low_seconds => format!("about {}", duration(high.into())),
        Some(high) => format!("{} to {}", duration(estimate.low_seconds.into()), duration(high.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_a_line() {
        let view: SessionView = serde_json::from_value(serde_json::json!({
            "sessionId": "wrs_01h455vb4pex5vsknk084sn02q", "eventId": "E1", "status": "WAITING", "position": 12,
            "ahead": 11, "waiting": 40, "estimate": {"lowSeconds": 90, "highSeconds": 240}, "lobby": false,
            "paused": false, "joinedAt": "2026-11-21T10:00:00Z"}))
        .unwrap();
        assert_eq!(said(&view), "place 12 of 40, 11 ahead, 1 min 30 s to 4 min");
        let paused = SessionView { paused: true, ..view.clone() };
        assert_eq!(said(&paused), "place 12 of 40, 11 ahead, the organiser holds the line");
        let lobby = SessionView { lobby: true, position: None, ahead: None, ..view };
        assert_eq!(said(&lobby), "in the lobby with 39 others: places are drawn when the sale begins");
    }
}
