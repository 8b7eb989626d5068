//! `tmctl completion`: what makes a shell complete commands and ids.

use super::Outcome;
use crate::completion::{Shell, script};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl completion bash > ~/.local/share/bash-completion/completions/tmctl
  tmctl completion zsh > ~/.zfunc/_tmctl       with ~/.zfunc in fpath
  tmctl completion fish > ~/.config/fish/completions/tmctl.fish
  tmctl completion nushell | save -f tmctl.nu; use tmctl.nu *
  tmctl completion powershell >> $PROFILE")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(args: &Args) -> Outcome {
    let script = script(args.shell)
        .map_err(|error| Failure::new(Exit::Error, format!("failed to write the completion: {error}")))?;
    output::write(&script)?;
    Ok(Exit::Ok)
}
