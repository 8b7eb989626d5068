//! `tmctl man`: manual pages.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Outcome;
use crate::completion;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show};

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl man ~/.local/share/man/man1
  tmctl man /tmp/man && man /tmp/man/tmctl-book.1")]
pub struct Args {
    /// The folder to write them to; it is made when there is none
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

pub fn run(desk: &Desk, args: &Args) -> Outcome {
    let pages = write(&args.folder).map_err(|error| {
        Failure::new(
            Exit::Error,
            format!("failed to write manual pages to {}: {error}", args.folder.display()),
        )
    })?;
    desk.out.show(&Pages(pages))?;
    desk.out.hint("`man FILE` shows one; a folder `man1` in MANPATH makes `man tmctl` work");
    Ok(Exit::Ok)
}

fn write(folder: &Path) -> std::io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut command = with_examples_last(completion::plain());
    command.build();
    let mut pages = Vec::new();
    write_page(folder, &command, &mut pages)?;
    Ok(pages)
}

/// A page for the command, and one for each below it.
fn write_page(folder: &Path, command: &clap::Command, pages: &mut Vec<String>) -> std::io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let file = folder.join(man.get_filename());
    let mut page = Vec::new();
    man.render(&mut page)?;
    std::fs::write(&file, page)?;
    pages.push(file.display().to_string());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_page(folder, inner, pages)?;
    }
    Ok(())
}

/// A manual page has its examples at its end.
fn with_examples_last(command: clap::Command) -> clap::Command {
    let examples = command.get_before_help().cloned();
    let command = match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(with_examples_last)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Pages(Vec<String>);

impl Show for Pages {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let rows = self.0.iter().map(|page| vec![page.clone()]).collect();
        vec![Block::Rows(Rows { head: &["page"], rows, flexible: None })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let folder = tempfile::tempdir().unwrap();
        let pages = write(folder.path()).unwrap();
        for page in ["tmctl.1", "tmctl-book.1", "tmctl-event-import.1", "tmctl-sale-status.1"] {
            let page = folder.path().join(page);
            assert!(pages.contains(&page.display().to_string()), "{pages:?}");
            let text = std::fs::read_to_string(page).unwrap();
            assert!(text.contains("Examples:"), "{text}");
        }
    }
}
