//! `tmctl version`.

use serde::Serialize;

use super::Outcome;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::output::{Block, Look, Show};

#[derive(clap::Args, Debug)]
#[command(before_help = "Examples:\n  tmctl version\n  tmctl version -o id")]
pub struct Args {}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "as on the wire")]
struct Version {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
}

pub fn run(desk: &Desk, _: &Args) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    desk.out.show(&Version { version, os: std::env::consts::OS, arch: std::env::consts::ARCH })?;
    Ok(Exit::Ok)
}

impl Show for Version {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let system = format!("{} {}", self.os, self.arch);
        vec![Block::Fields(vec![("version", self.version.to_owned()), ("system", system)])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.version.to_owned()]
    }
}
