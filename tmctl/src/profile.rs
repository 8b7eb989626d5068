//! Contexts, tokens and what was last spoken of: kept in a folder between commands, files readable by their owner only.

mod home;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use home::{Home, ProfileError};
pub use state::{Last, State};

/// Where the daemon is unless somebody says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// The context that is there without having been added.
pub const DEFAULT_CONTEXT: &str = "default";

const CONTEXTS_FILE: &str = "contexts.toml";

/// A daemon and, if one is known, the token to use with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The daemon's address.
    pub url: String,
    /// A buyer's or organiser's token; guests' tokens are kept by event instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// All contexts and which of them is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one in use unless a command names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The command line.
    Flag,
    /// `TM_URL`, `TM_TOKEN`, `TM_CONTEXT`.
    Environment,
    /// The context in use.
    Context,
    /// Built in.
    Default,
}

/// What was asked for on the command line and in the environment, before the context has its say.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `--context`.
    pub context_flag: Option<String>,
    /// `TM_CONTEXT`.
    pub context_variable: Option<String>,
    /// `--url`.
    pub url_flag: Option<String>,
    /// `TM_URL`.
    pub url_variable: Option<String>,
    /// `--token`.
    pub token_flag: Option<String>,
    /// `TM_TOKEN`.
    pub token_variable: Option<String>,
}

impl Wishes {
    /// With what the environment asks for.
    #[must_use]
    pub fn with_variables<'a>(self, variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        let variable = |name| variable(name).map(str::to_owned);
        Self {
            context_variable: variable("TM_CONTEXT"),
            url_variable: variable("TM_URL"),
            token_variable: variable("TM_TOKEN"),
            ..self
        }
    }
}

/// The settings in force for one command.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The folder everything is kept in.
    pub home: Home,
    /// The context in use.
    pub context: String,
    /// The daemon's address.
    pub url: String,
    /// Where the address comes from.
    pub url_source: Source,
    /// The token of flag or environment: it wins over guests' tokens.
    pub explicit_token: Option<String>,
    /// The context's own token: used where no guest's fits.
    pub context_token: Option<String>,
}

impl Contexts {
    /// Reads them; none are known when there is no file.
    ///
    /// # Errors
    /// [`ProfileError`] when the file cannot be read.
    pub fn read(home: &Home) -> Result<Self, ProfileError> {
        let Some(text) = home.read(CONTEXTS_FILE)? else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|e| home.malformed(CONTEXTS_FILE, &e))
    }

    /// Changes them, one process at a time.
    ///
    /// # Errors
    /// [`ProfileError`] when the file cannot be read or written.
    pub fn update<T>(home: &Home, change: impl FnOnce(&mut Self) -> T) -> Result<T, ProfileError> {
        let _turn = home.lock(CONTEXTS_FILE)?;
        let mut contexts = Self::read(home)?;
        let answer = change(&mut contexts);
        let text = toml::to_string_pretty(&contexts).map_err(|e| home.malformed(CONTEXTS_FILE, &e))?;
        home.write(CONTEXTS_FILE, &text)?;
        Ok(answer)
    }
}

impl Profile {
    /// Settles the settings: a flag beats the environment, which beats the context, which beats the default. A
    /// context named by a flag beats `TM_URL`.
    ///
    /// # Errors
    /// [`ProfileError`] when the contexts cannot be read or the one that is named does not exist.
    pub fn settle(folder: PathBuf, wishes: Wishes) -> Result<Self, ProfileError> {
        let home = Home::new(folder);
        let contexts = Contexts::read(&home)?;
        let by_flag = wishes.context_flag.is_some();
        let asked = wishes.context_flag.or(wishes.context_variable);
        let name = asked.or(contexts.current).unwrap_or_else(|| DEFAULT_CONTEXT.to_owned());
        let context = match contexts.contexts.get(&name) {
            Some(context) => Some(context.clone()),
            None if name == DEFAULT_CONTEXT => None,
            None => return Err(ProfileError::NoContext(name, contexts.contexts.into_keys().collect())),
        };
        let (context_url, context_token) = context.map_or((None, None), |c| (Some(c.url), c.token));
        let flag = wishes.url_flag.map(|url| (url, Source::Flag));
        let variable = wishes.url_variable.map(|url| (url, Source::Environment));
        let of_context = context_url.map(|url| (url, Source::Context));
        let chosen =
            if by_flag { flag.or(of_context).or(variable) } else { flag.or(variable).or(of_context) };
        // Its token was given for its own address, and goes to no other.
        let context_token =
            context_token.filter(|_| chosen.as_ref().is_some_and(|(_, s)| *s == Source::Context));
        let (url, url_source) = chosen.unwrap_or_else(|| (DEFAULT_URL.to_owned(), Source::Default));
        Ok(Self {
            home,
            context: name,
            url,
            url_source,
            explicit_token: wishes.token_flag.or(wishes.token_variable),
            context_token,
        })
    }

    /// The name of what belongs to this context *and* this address: a token never reaches another daemon.
    #[must_use]
    pub fn slot(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let url = self.url.trim_end_matches('/');
        format!("{}@{}", self.context, url).chars().map(|c| if c == '@' { '@' } else { plain(c) }).collect()
    }

    /// What was last spoken of, and guests' tokens.
    ///
    /// # Errors
    /// [`ProfileError`] when the file cannot be read.
    pub fn state(&self) -> Result<State, ProfileError> {
        State::read(&self.home, &self.slot())
    }

    /// Changes the state, one process at a time.
    ///
    /// # Errors
    /// [`ProfileError`] when the file cannot be read or written.
    pub fn update(&self, change: impl FnOnce(&mut State)) -> Result<(), ProfileError> {
        State::update(&self.home, &self.slot(), change)
    }
}

#[cfg(test)]
mod tests;
