//! `tmctl config`: the settings in force, and where they come from.

use serde::Serialize;

use super::Outcome;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::output::{Block, Look, Show};
use crate::profile::Source;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl config
  TM_URL=http://10.0.0.7:8080 tmctl config -o json
  eval \"$(tmctl config -o env)\"     sets TM_URL for this shell")]
pub struct Args {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    url: String,
    url_source: Source,
    context: String,
    /// Whose token is used where no guest's fits; never the token itself.
    token: TokenSource,
    guests: usize,
    home: String,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum TokenSource {
    Explicit,
    Context,
    None,
}

pub fn run(desk: &Desk, _: &Args) -> Outcome {
    let profile = &desk.profile;
    let token = match (&profile.explicit_token, &profile.context_token) {
        (Some(_), _) => TokenSource::Explicit,
        (None, Some(_)) => TokenSource::Context,
        (None, None) => TokenSource::None,
    };
    desk.out.show(&Config {
        url: profile.url.clone(),
        url_source: profile.url_source,
        context: profile.context.clone(),
        token,
        guests: profile.state()?.guests(),
        home: profile.home.path("").display().to_string(),
    })?;
    Ok(Exit::Ok)
}

impl Show for Config {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let source = match self.url_source {
            Source::Flag => "--url",
            Source::Environment => "TM_URL",
            Source::Context => "the context",
            Source::Default => "the default",
        };
        let token = match self.token {
            TokenSource::Explicit => "from --token or TM_TOKEN",
            TokenSource::Context => "from the context",
            TokenSource::None => "none",
        };
        vec![Block::Fields(vec![
            ("url", self.url.clone()),
            ("url from", source.to_owned()),
            ("context", self.context.clone()),
            ("token", token.to_owned()),
            ("guest tokens", self.guests.to_string()),
            ("home", self.home.clone()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.url.clone()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_URL", self.url.clone()), ("TM_CONTEXT", self.context.clone())]
    }
}
