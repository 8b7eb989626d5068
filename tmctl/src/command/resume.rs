//! `tmctl resume`: finishes what was cut off, with the same keys.

use std::time::Duration;

use super::Outcome;
use super::order::Order;
use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::mutation::carry_on;
use crate::pending::{Entry, Goal, Request};

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl resume                    after Ctrl-C, a crash or a lost connection
  tmctl resume --list             only show what was cut off")]
pub struct Args {
    /// Only show what was cut off
    #[arg(long)]
    list: bool,
    /// How long to wait for the payment provider
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = argument::parse_duration)]
    payment_timeout: Duration,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let slot = desk.profile.slot();
    let mut entries = Entry::cut_off(&desk.profile.home)?;
    let all = entries.len();
    entries.retain(|entry| entry.request.slot == slot);
    if entries.len() < all {
        desk.out.note(&format!("{} more belong to other contexts or daemons", all - entries.len()));
    }
    if args.list {
        return list(desk, &entries);
    }
    if entries.is_empty() {
        let busy = Entry::busy_elsewhere(&desk.profile.home)?;
        let busy = if busy > 0 { format!("; under way in other processes: {busy}") } else { String::new() };
        desk.out.note(&format!("nothing was cut off{busy}"));
    }
    let mut worst: Option<Failure> = None;
    for entry in entries {
        let goal = entry.request.mutation.goal();
        desk.out.note(&format!("going on: {}", entry.request.mutation.doing()));
        match carry_on(desk, entry, args.payment_timeout).await {
            Ok(order) => {
                let next = match goal {
                    Goal::Created => format!("confirm {} --best 2 --payment-token tok_ok", order.order_id),
                    Goal::Authorized => format!("finalize {}", order.order_id),
                    Goal::Finalized => format!("tickets {}", order.order_id),
                    Goal::Cancelled => "events".to_owned(),
                };
                desk.out.show(&Order(order))?;
                desk.out.next(&next);
            }
            Err(failure) => {
                // The last one is told by whoever ends the program.
                if let Some(earlier) = worst.replace(failure) {
                    desk.out.fail(&earlier);
                }
            }
        }
    }
    worst.map_or(Ok(Exit::Ok), Err)
}

fn list(desk: &Desk, entries: &[Entry]) -> Outcome {
    desk.out.show(&list::CutOff(entries.iter().map(|entry| list::Line::of(&entry.request)).collect()))?;
    if !entries.is_empty() {
        desk.out.next("resume");
    }
    Ok(Exit::Ok)
}

/// What was cut off, as it is shown: never with its card token.
mod list {
    use serde::Serialize;
    use tmcore::Timestamp;

    use super::Request;
    use crate::output::{Block, Look, Rows, Show};

    #[derive(Serialize)]
    #[serde(transparent)]
    pub struct CutOff(pub Vec<Line>);

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Line {
        key: String,
        what: String,
        began_at: Timestamp,
    }

    impl Line {
        pub fn of(request: &Request) -> Self {
            Self { key: request.key.clone(), what: request.mutation.doing(), began_at: request.began_at }
        }
    }

    impl Show for CutOff {
        fn blocks(&self, look: &Look) -> Vec<Block> {
            let row = |line: &Line| vec![line.key.clone(), look.time(line.began_at), line.what.clone()];
            let rows = self.0.iter().map(row).collect();
            vec![Block::Rows(Rows { head: &["key", "began", "to do"], rows, flexible: None })]
        }

        fn ids(&self) -> Vec<String> {
            self.0.iter().map(|line| line.key.clone()).collect()
        }
    }
}
