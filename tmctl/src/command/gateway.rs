//! `tmctl gateway`: the sandbox payment provider.

use clap::Subcommand;
use serde::Serialize;
use tmcore::payment::TEST_TOKENS;

use super::Outcome;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show};

#[derive(Debug, Subcommand)]
#[command(
    disable_help_subcommand = true,
    before_help = "Examples:\n  tmctl gateway tokens\n  tmctl book E4 --best 2 --payment-token tok_declined"
)]
pub enum Command {
    /// List the test tokens of the sandbox and what they do
    #[command(before_help = "Examples:\n  tmctl gateway tokens\n  tmctl gateway tokens -o id")]
    Tokens,
}

pub fn run(desk: &Desk, command: &Command) -> Outcome {
    let Command::Tokens = command;
    let line = |token: &tmcore::payment::TestToken| Token { token: token.token, effect: token.effect };
    desk.out.show(&Tokens(TEST_TOKENS.iter().map(line).collect()))?;
    desk.out.hint("anything else that begins with tok_ok works too; the rest is declined");
    desk.out.next("book @last --best 2 --payment-token tok_lost_answer");
    Ok(Exit::Ok)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Tokens(Vec<Token>);

#[derive(Serialize)]
struct Token {
    token: &'static str,
    effect: &'static str,
}

impl Show for Tokens {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let row = |token: &Token| vec![token.token.to_owned(), token.effect.to_owned()];
        let rows = self.0.iter().map(row).collect();
        vec![Block::Rows(Rows { head: &["token", "effect"], rows, flexible: Some(1) })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.iter().map(|token| token.token.to_owned()).collect()
    }
}
