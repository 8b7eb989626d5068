//! `tmctl leave`: gives a place in line up.

use tmcore::SessionId;

use super::Outcome;
use super::status::client_for_session;
use crate::argument;
use crate::desk::Desk;
use crate::error::Doing as _;
use crate::exit::Exit;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl leave                     the place last taken
  tmctl leave wrs_01kaz...")]
pub struct Args {
    /// The place in line; left out, TM_SESSION or the one last taken
    #[arg(value_name = "SESSION")]
    session: Option<String>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    for session in argument::many::<SessionId>(desk, args.session.as_deref())? {
        client_for_session(desk, session)?.leave(session).await.doing(&format!("leave {session}"))?;
        desk.remember(|state| {
            if state.last.session == Some(session) {
                state.last.session = None;
            }
        });
        desk.out.note(&format!("{session}: the place was given up"));
    }
    Ok(Exit::Ok)
}
