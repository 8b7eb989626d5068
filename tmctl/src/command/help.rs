//! `tmctl help`: topics, and the help of commands.

use super::Outcome;
use crate::completion;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output;
use crate::suggest;
use crate::topic::Topic;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl help tutorial
  tmctl help exit-codes
  tmctl help event import")]
pub struct Args {
    /// tutorial, exit-codes, environment, formats, idempotency; or a command
    #[arg(value_name = "TOPIC|COMMAND")]
    words: Vec<String>,
}

pub fn run(desk: &Desk, args: &Args) -> Outcome {
    if let [word] = args.words.as_slice()
        && let Some(topic) = Topic::named(word)
    {
        output::write(&topic.text())?;
        return Ok(Exit::Ok);
    }
    let mut command = completion::plain();
    command.build();
    let mut wanted = &mut command;
    for word in &args.words {
        let names: Vec<_> = wanted.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        wanted = wanted.find_subcommand_mut(word).ok_or_else(|| unknown(word, &names))?;
    }
    let help = wanted.render_help();
    output::write(&if desk.out.is_painted() { help.ansi().to_string() } else { help.to_string() })?;
    Ok(Exit::Ok)
}

fn unknown(word: &str, commands: &[String]) -> Failure {
    let names = Topic::ALL.iter().map(|topic| topic.name()).chain(commands.iter().map(String::as_str));
    let failure = Failure::usage(format!("there is no topic and no command `{word}`"));
    match suggest::closest(word, names) {
        Some(close) => failure.hint(format!("did you mean `{close}`?")),
        None => failure.hint(format!("topics: {}", Topic::ALL.map(Topic::name).join(", "))),
    }
}
