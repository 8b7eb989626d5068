//! The command line itself: what may be typed. Each command's own arguments stand in its file under `command`.

use clap::{Args, Parser, Subcommand};

use crate::command::{
    api, book, cancel, completion, config, confirm, context, demo, doctor, drill, event, events, finalize,
    gateway, help, join, leave, man, order, plan, reconcile, refund, resume, sale, search, seats, show,
    status, ticket, tickets, verify, version, wait,
};
use crate::host::Host;
use crate::output::escape::shell_word;
use crate::output::{ColorChoice, Format};
use crate::profile::Wishes;

const EXAMPLES: &str = "\
Examples:
  tmctl events                                     what is on
  tmctl book E1 --best 2 --payment-token tok_ok    all steps in one
  tmctl join E1                                    the same step by step: stand in line,
  tmctl wait                                         until you are let in,
  tmctl order                                        begin an order,
  tmctl confirm --best 2 --payment-token tok_ok      hold seats and authorize the payment,
  tmctl finalize                                     pay,
  tmctl tickets                                      and show the tickets
  tmctl resume                                     finish what was cut off
  tmctl demo --own                                 all of it, shown: needs nothing
  tmctl event import E9 plan.json --price Front=90.00 --name Gala --starts-at 2027-05-01T19:30
  tmctl event open E9                              run a sale of your own";

const TOPICS: &str = "\
Topics: tmctl help tutorial | exit-codes | environment | formats | idempotency";

/// Buy tickets, and run the sale, from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "tmctl",
    version,
    before_help = EXAMPLES,
    after_help = TOPICS,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// How data is written [default: table on a terminal, tab-separated lines otherwise]
    #[arg(short, long, global = true, value_name = "FORMAT", hide_possible_values = false)]
    pub output: Option<Format>,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colours; NO_COLOR and CLICOLOR_FORCE are obeyed too
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorChoice,
    /// The context to use [env: TM_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Where the daemon is [env: TM_URL] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The token to use instead of the stored ones [env: TM_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How often a request is repeated when the server is busy or does not answer
    #[arg(long, global = true, value_name = "N", default_value_t = 4)]
    pub max_retries: u32,
}

impl Global {
    /// The flags that a proposed command has to repeat to reach the same daemon. Never the token: it would stay in
    /// the terminal's history.
    pub fn repeated(&self) -> String {
        let flag = |name: &str, value: &Option<String>| {
            value.as_deref().map(|value| format!("--{name} {} ", shell_word(value))).unwrap_or_default()
        };
        flag("context", &self.context) + &flag("url", &self.url)
    }

    /// What is asked for, here and in the environment.
    pub fn wishes(&self, host: &Host) -> Wishes {
        let flags = Wishes {
            context_flag: self.context.clone(),
            url_flag: self.url.clone(),
            token_flag: self.token.clone(),
            ..Wishes::default()
        };
        flags.with_variables(|name| host.env(name))
    }
}

/// The commands, in the order a buyer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the events
    Events(events::Args),
    /// Show an event
    Show(show::Args),
    /// Search events by word and date
    Search(search::Args),
    /// Show what seats are left, or pick some
    Seats(seats::Args),
    /// Book seats: all steps in one
    Book(book::Args),
    /// Stand in line for an event
    Join(join::Args),
    /// Wait until the waiting room lets you in
    Wait(wait::Args),
    /// Show where a place in line or an order stands
    Status(status::Args),
    /// Give a place in line up
    Leave(leave::Args),
    /// Begin an order
    Order(order::Args),
    /// Hold seats and authorize the payment
    Confirm(confirm::Args),
    /// Pay, and get the tickets
    Finalize(finalize::Args),
    /// Give an order up
    Cancel(cancel::Args),
    /// Show tickets and their QR codes
    Tickets(tickets::Args),
    /// Finish what was cut off
    Resume(resume::Args),
    /// Run an event: create, import, open, pause, resume, close, capacity, block, unblock
    Event(event::Args),
    /// Show how a sale is going
    Sale(sale::Args),
    /// Give the money of an order back
    Refund(refund::Args),
    /// Compare our payments with the provider's, and check the books
    Reconcile(reconcile::Args),
    /// Check that everything holds that has to, or tell the life of one thing
    Verify(verify::Args),
    /// Rehearse an on-sale with a crowd, in an office of its own
    Drill(drill::Args),
    /// Check tickets at the door
    Ticket(ticket::Args),
    /// List the sandbox's test cards
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Plan how many daemons an on-sale needs
    Plan(plan::Args),
    /// Show a whole purchase, step by step
    Demo(demo::Args),
    /// Check that everything is in order, and say what to do where it is not
    Doctor(doctor::Args),
    /// Call the API as it is
    Api(api::Args),
    /// Write what makes a shell complete commands and ids
    Completion(completion::Args),
    /// Write manual pages
    Man(man::Args),
    /// Explain a topic, or show the help of a command
    Help(help::Args),
    /// Keep several daemons and tokens apart
    #[command(subcommand)]
    Context(context::Command),
    /// Show the settings in force and where they come from
    Config(config::Args),
    /// Show the version
    Version(version::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_commands_help_starts_with_examples() {
        fn check(command: &mut clap::Command) {
            let help = command.render_help().to_string();
            assert!(help.starts_with("Examples:\n  tmctl "), "{}:\n{help}", command.get_name());
            for line in help.lines().take_while(|line| !line.is_empty()) {
                assert!(line.len() <= 110, "too long: {line}");
            }
            for inner in command.get_subcommands_mut() {
                check(inner);
            }
        }
        check(&mut Cli::command());
    }
}
