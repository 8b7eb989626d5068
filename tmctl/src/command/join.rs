//! `tmctl join`: a place in line.

use tmapi::ProblemCode;
use tmapi::session::{JoinedSession, SessionStatus};
use tmcore::EventId;

use super::Outcome;
use super::status::Session;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::suggest;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl join E1
  tmctl join E1 && tmctl wait && tmctl order
  eval \"$(tmctl join E1 -o env)\"      sets TM_SESSION for this shell")]
pub struct Args {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let event: EventId = argument::one(desk, args.event.as_deref())?;
    let joined = join(desk, &event).await?;
    let session = &joined.session;
    desk.out.show(&Session { view: session.clone(), access_token: joined.access_token.clone() })?;
    let next = match session.status {
        SessionStatus::Active => format!("order {event}"),
        _ => format!("wait {}", session.session_id),
    };
    desk.out.next(&next);
    Ok(Exit::Ok)
}

/// Takes a place in line, or finds the one there is, and remembers it.
pub async fn join(desk: &Desk, event: &EventId) -> Result<JoinedSession, Failure> {
    let token = desk.token_for(Some(event))?;
    let own_guest = match &token {
        Some(token) => desk.is_own_guest(event, token)?,
        None => false,
    };
    let client = desk.client_with(token.as_deref())?;
    let mut answer = client.join(event).await;
    if own_guest && answer.as_ref().is_err_and(|error| error.code() == Some(ProblemCode::Unauthenticated)) {
        desk.out.note("the stored token has grown old: joining as a new guest");
        desk.remember(|state| state.forget_guest(event));
        answer = desk.anonymous().join(event).await;
    }
    let missing = answer.as_ref().is_err_and(|error| error.code() == Some(ProblemCode::NotFound));
    let joined = match answer.doing(&format!("join the waiting room of {event}")) {
        Err(failure) if missing => {
            return Err(match suggest::event(desk.anonymous(), event).await {
                Some(hint) => failure.hint(hint),
                None => failure,
            });
        }
        other => other?,
    };
    desk.remember(|state| {
        if let Some(token) = &joined.access_token {
            state.keep_guest(event, token.clone());
        }
        state.saw_session(joined.session.session_id, event);
    });
    Ok(joined)
}
