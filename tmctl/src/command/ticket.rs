//! `tmctl ticket`: tickets at the door.

use clap::Subcommand;
use serde::Serialize;
use tmapi::ticket::{CheckTicket, TicketCheck, TicketVerdict};
use tmcore::TicketId;

use super::Outcome;
use crate::argument::{self, Word};
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Show};

#[derive(clap::Args, Debug)]
#[command(
    disable_help_subcommand = true,
    before_help = "\
Examples:
  tmctl ticket verify CODE
  scanner | tmctl ticket verify - -o jsonl"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    organiser: Organiser,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the code on a ticket is good: exit code 0 valid, 5 given back, 3 not ours
    Verify(Verify),
}

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl ticket verify CODE && echo welcome
  scanner | tmctl ticket verify - -o jsonl      a code a line
  tmctl tickets -o json | jq -r '.[].code' | tmctl ticket verify -")]
struct Verify {
    /// What the QR code carries; `-` reads codes from stdin
    #[arg(value_name = "CODE")]
    code: String,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let Action::Verify(Verify { code }) = args.action;
    if code.starts_with(TicketId::PREFIX) && code.parse::<TicketId>().is_ok() {
        return Err(Failure::usage(format!(
            "{code} is a ticket's id, which anybody may know; its code proves it"
        ))
        .hint(format!("the code is in the QR code: {}", desk.out.command(&format!("tickets {code}")))));
    }
    let codes: Vec<Word> = argument::many(desk, Some(&code))?;
    let client = args.organiser.client(desk)?;
    let mut worst = Exit::Ok;
    for code in codes {
        let check = CheckTicket { code: code.to_string() };
        let check = client.check_ticket(&check).await.doing("check the ticket")?;
        let exit = exit_of(check.verdict);
        let event = check.ticket.as_ref().map(|ticket| ticket.event_id.clone());
        desk.out.show(&Check(check))?;
        if let Some(event) = event {
            desk.out.next(&format!("sale status {event}"));
        }
        // Any that is not good makes the whole no good; a forged one is worse than one given back.
        if exit == Exit::NotFound || worst == Exit::Ok {
            worst = exit;
        }
    }
    Ok(worst)
}

const fn exit_of(verdict: TicketVerdict) -> Exit {
    match verdict {
        TicketVerdict::Valid => Exit::Ok,
        TicketVerdict::Void => Exit::Conflict,
        TicketVerdict::Forged => Exit::NotFound,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Check(TicketCheck);

impl Show for Check {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let verdict = match self.0.verdict {
            TicketVerdict::Valid => "valid",
            TicketVerdict::Void => "void: it was given back",
            TicketVerdict::Forged => "forged: not a code of this office",
        };
        let mut fields = vec![("ticket", verdict.to_owned())];
        if let Some(ticket) = &self.0.ticket {
            fields.extend([
                ("id", ticket.ticket_id.to_string()),
                ("event", ticket.event_id.to_string()),
                ("seat", ticket.seat_id.to_string()),
                ("section", ticket.section.clone()),
                ("row", ticket.row.clone()),
                ("number", ticket.number.clone()),
                ("order", ticket.order_id.to_string()),
            ]);
        }
        vec![Block::Fields(fields)]
    }

    fn ids(&self) -> Vec<String> {
        self.0.ticket.iter().map(|ticket| ticket.ticket_id.to_string()).collect()
    }
}
