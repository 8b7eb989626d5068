//! `tmctl context`: several daemons and tokens, kept apart.

use serde::Serialize;

use super::Outcome;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show};
use crate::profile::{Context, Contexts, DEFAULT_CONTEXT, DEFAULT_URL, ProfileError};

#[derive(clap::Subcommand, Debug)]
#[command(before_help = "\
Examples:
  tmctl context add stage https://tickets.stage.example
  tmctl context use stage
  tmctl --context stage events      for one command only
  tmctl context list")]
pub enum Command {
    /// List the contexts
    #[command(before_help = "Examples:\n  tmctl context list\n  tmctl context list -o json")]
    List,
    /// Add a context, or change one
    #[command(before_help = "\
Examples:
  tmctl context add stage https://tickets.stage.example
  tmctl context add box-office http://10.0.0.7:8080 --with-token TOKEN")]
    Add {
        /// A name of your choice
        name: String,
        /// Where the daemon is
        daemon: String,
        /// A token to use there where no guest's fits
        #[arg(long, value_name = "TOKEN")]
        with_token: Option<String>,
    },
    /// Use a context from now on
    #[command(before_help = "Examples:\n  tmctl context use stage\n  tmctl context use default")]
    Use {
        /// Its name
        name: String,
    },
    /// Remove a context
    #[command(before_help = "Examples:\n  tmctl context remove stage")]
    Remove {
        /// Its name
        name: String,
    },
}

pub fn run(desk: &Desk, command: Command) -> Outcome {
    match command {
        Command::List => list(desk),
        Command::Add { name, daemon, with_token } => {
            add(desk, &name, Context { url: daemon, token: with_token })
        }
        Command::Use { name } => choose(desk, &name),
        Command::Remove { name } => remove(desk, &name),
    }
}

fn list(desk: &Desk) -> Outcome {
    let known = Contexts::read(&desk.profile.home)?;
    let line = |(name, context): (&String, &Context)| Line {
        name: name.clone(),
        url: context.url.clone(),
        current: *name == desk.profile.context,
        has_token: context.token.is_some(),
    };
    let mut lines: Vec<_> = known.contexts.iter().map(line).collect();
    if !known.contexts.contains_key(DEFAULT_CONTEXT) {
        let current = desk.profile.context == DEFAULT_CONTEXT;
        let (name, url) = (DEFAULT_CONTEXT.to_owned(), DEFAULT_URL.to_owned());
        lines.insert(0, Line { name, url, current, has_token: false });
    }
    desk.out.show(&Lines(lines))?;
    Ok(Exit::Ok)
}

fn add(desk: &Desk, name: &str, context: Context) -> Outcome {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::usage(format!("`{name}` is no name for a context"))
            .hint("letters, digits, `-`, `_` and `.`"));
    }
    tmapi::client::Client::new(&context.url, tmapi::client::ClientOptions::default())?;
    Contexts::update(&desk.profile.home, |known| known.contexts.insert(name.to_owned(), context))?;
    desk.out.note(&format!("context `{name}` is kept"));
    desk.out.next(&format!("context use {name}"));
    Ok(Exit::Ok)
}

fn choose(desk: &Desk, name: &str) -> Outcome {
    let known = Contexts::update(&desk.profile.home, |known| {
        let exists = name == DEFAULT_CONTEXT || known.contexts.contains_key(name);
        if exists {
            known.current = Some(name.to_owned());
        }
        (exists, known.contexts.keys().cloned().collect())
    })?;
    match known {
        (true, _) => desk.out.note(&format!("context `{name}` is in use from now on")),
        (false, names) => return Err(ProfileError::NoContext(name.to_owned(), names).into()),
    }
    Ok(Exit::Ok)
}

fn remove(desk: &Desk, name: &str) -> Outcome {
    let (gone, names) = Contexts::update(&desk.profile.home, |known| {
        if known.current.as_deref() == Some(name) {
            known.current = None;
        }
        (known.contexts.remove(name).is_some(), known.contexts.keys().cloned().collect::<Vec<_>>())
    })?;
    if !gone {
        return Err(ProfileError::NoContext(name.to_owned(), names).into());
    }
    desk.out.note(&format!("context `{name}` is forgotten"));
    Ok(Exit::Ok)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Lines(Vec<Line>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    url: String,
    current: bool,
    has_token: bool,
}

impl Show for Lines {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let yes = |is: bool, text: &str| if is { text.to_owned() } else { String::new() };
        let row = |line: &Line| {
            vec![
                line.name.clone(),
                line.url.clone(),
                yes(line.current, "in use"),
                yes(line.has_token, "has a token"),
            ]
        };
        let rows = self.0.iter().map(row).collect();
        vec![Block::Rows(Rows { head: &["context", "url", "", ""], rows, flexible: None })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.iter().map(|line| line.name.clone()).collect()
    }
}
