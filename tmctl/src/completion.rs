//! Completion in shells. All but Nushell ask this program for every word, so that ids are those of the moment; Nushell
//! gets a module that does the same for events.

use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _, ValueEnum};
use clap_complete::aot::generate;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete_nushell::Nushell;

use crate::cli::{Cli, Global};
use crate::desk::Desk;
use crate::host::Host;
use crate::output::Output;
use crate::output::escape::escape;
use crate::profile::{Contexts, DEFAULT_CONTEXT};
use crate::topic::Topic;

/// Set by the shell when it asks for words.
const VARIABLE: &str = "TMCTL_COMPLETE";
const NAME: &str = "tmctl";
/// Who presses Tab does not wait for long.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The most events that are proposed.
const EVENTS: u32 = 100;

/// The shells there is completion for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Nushell,
    Powershell,
}

/// Answers a shell that asks for words, and ends; comes back in every other case.
pub fn answer() {
    CompleteEnv::with_factory(live).var(VARIABLE).complete();
}

/// What a shell has to read.
pub fn script(shell: Shell) -> std::io::Result<String> {
    let name = match shell {
        Shell::Nushell => return Ok(nushell()),
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
    };
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(name).ok_or(std::io::ErrorKind::Unsupported)?;
    completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    String::from_utf8(script).map_err(std::io::Error::other)
}

/// The command line without live ids.
pub fn plain() -> Command {
    Cli::command()
}

/// The command line, its arguments with what they can be at the moment.
fn live() -> Command {
    fn attach(command: Command) -> Command {
        command.mut_args(with_candidates).mut_subcommands(attach)
    }
    attach(plain())
}

fn with_candidates(arg: Arg) -> Arg {
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let candidates = match name.as_deref() {
        Some("EVENT") => ArgValueCandidates::new(events),
        Some("ORDER" | "ORDER|SESSION" | "ORDER|TICKET") => ArgValueCandidates::new(orders),
        Some("SESSION") => ArgValueCandidates::new(sessions),
        Some("SECTION") => ArgValueCandidates::new(sections),
        Some("TOPIC|COMMAND") => ArgValueCandidates::new(topics),
        _ if arg.get_id() == "context" => ArgValueCandidates::new(contexts),
        _ => return arg,
    };
    arg.add(candidates)
}

fn desk() -> Option<Desk> {
    let (host, global) = (Host::real(), Global { quiet: true, ..Global::default() });
    let out = Output::new(&host, &global);
    Desk::new(&global, host, out).ok()
}

/// What the daemon says, if it says so soon.
fn asked<T>(question: impl Future<Output = Option<T>>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async { tokio::time::timeout(PATIENCE, question).await.ok().flatten() })
}

fn candidate(id: &str, help: &str) -> CompletionCandidate {
    // A shell writes both to the terminal as they are.
    let help = (!help.is_empty()).then(|| escape(help).into_owned().into());
    CompletionCandidate::new(escape(id).into_owned()).help(help)
}

fn events() -> Vec<CompletionCandidate> {
    let Some(desk) = desk() else { return Vec::new() };
    let page = asked(async { desk.anonymous().events(None, Some(EVENTS)).await.ok() });
    let items = page.map(|page| page.items).unwrap_or_default();
    items.iter().map(|event| candidate(event.event_id.as_str(), &event.name)).collect()
}

fn sections() -> Vec<CompletionCandidate> {
    let Some(desk) = desk() else { return Vec::new() };
    let Some(event) = desk.profile.state().ok().and_then(|state| state.last.event) else { return Vec::new() };
    let seats = asked(async { desk.anonymous().availability(&event).await.ok() });
    let sections = seats.map(|seats| seats.sections).unwrap_or_default();
    let help = |available: u32| format!("{available} available");
    sections.iter().map(|section| candidate(&section.name, &help(section.seats.available))).collect()
}

fn orders() -> Vec<CompletionCandidate> {
    let last = desk().and_then(|desk| desk.profile.state().ok()).map(|state| state.last);
    let last = last.and_then(|last| last.order);
    last.iter().map(|order| candidate(&order.to_string(), "the order last begun")).collect()
}

fn sessions() -> Vec<CompletionCandidate> {
    let last = desk().and_then(|desk| desk.profile.state().ok()).map(|state| state.last);
    let last = last.and_then(|last| last.session);
    last.iter().map(|session| candidate(&session.to_string(), "the place last taken")).collect()
}

fn contexts() -> Vec<CompletionCandidate> {
    let known = desk().and_then(|desk| Contexts::read(&desk.profile.home).ok()).unwrap_or_default();
    let mut all: Vec<_> =
        known.contexts.iter().map(|(name, context)| candidate(name, &context.url)).collect();
    if !known.contexts.contains_key(DEFAULT_CONTEXT) {
        all.push(candidate(DEFAULT_CONTEXT, ""));
    }
    all
}

fn topics() -> Vec<CompletionCandidate> {
    let topics = Topic::ALL.iter().map(|topic| candidate(topic.name(), topic.about()));
    let plain = plain();
    let commands = plain.get_subcommands().map(|command| {
        candidate(command.get_name(), &command.get_about().map(ToString::to_string).unwrap_or_default())
    });
    topics.chain(commands).collect()
}

/// The module that clap's generator writes, and in it a question to this program wherever an event is meant.
fn nushell() -> String {
    const ASK: &str = "\
module completions {

  def \"nu-complete tmctl events\" [] {
    ^tmctl events -o jsonl --quiet --max-retries 0 | lines | each { from json } | each {|event| { value: $event.eventId, description: $event.name } }
  }
";
    let mut script = Vec::new();
    generate(Nushell, &mut plain(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script).replacen("module completions {\n", ASK, 1);
    let live = |line: &str| {
        let event =
            ["    event: string", "    event?: string"].into_iter().find(|event| line.starts_with(event));
        event.map_or_else(
            || line.to_owned(),
            |event| line.replacen(event, &format!("{event}@\"nu-complete tmctl events\""), 1),
        )
    };
    script.lines().flat_map(|line| [live(line), "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_told_to_ask() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            assert!(script.contains("tmctl"), "{shell:?}: {script}");
            assert_eq!(script.contains(VARIABLE), *shell != Shell::Nushell, "{shell:?}");
        }
    }

    #[test]
    fn nushell_asks_wherever_an_event_is_meant() {
        let script = nushell();
        let externs = script.split("export extern ").filter(|part| part.contains("    event"));
        let count =
            externs.inspect(|part| assert!(part.contains("nu-complete tmctl events"), "{part}")).count();
        assert!(count >= 10, "{script}");
    }

    #[test]
    fn text_of_others_reaches_no_shell_as_it_is() {
        let candidate = candidate("E\u{1b}[2J", "name\u{7}");
        assert_eq!(candidate.get_value(), r"E\u{1b}[2J");
        assert_eq!(candidate.get_help().unwrap().to_string(), r"name\u{7}");
    }
}
