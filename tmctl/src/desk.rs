//! What every command works with: settings, output, and a client with the right token.

use std::sync::Mutex;

use tmapi::client::{Client, ClientOptions, RetryNotice, RetryObserver};
use tmcore::EventId;

use crate::cli::Global;
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;
use crate::output::{Output, duration};
use crate::profile::{Profile, ProfileError, State};

/// A command's place of work.
#[derive(Debug)]
pub struct Desk {
    pub out: Output,
    pub host: Host,
    pub profile: Profile,
    /// Without a token; ask [`Desk::client_for`].
    anonymous: Client,
    /// What to tell when Ctrl-C is pressed now.
    if_interrupted: Mutex<Option<String>>,
}

impl Desk {
    pub fn new(global: &Global, host: Host, out: Output) -> Result<Self, Failure> {
        let home = host.home().ok_or_else(|| {
            Failure::new(Exit::Error, "there is no folder for what is kept between commands")
                .hint("set TM_HOME")
        })?;
        let profile = Profile::settle(home, global.wishes(&host))?;
        let options = ClientOptions {
            max_retries: global.max_retries,
            user_agent: concat!("tmctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            on_retry: telling(&out),
            ..ClientOptions::default()
        };
        let anonymous = Client::new(&profile.url, options)?;
        Ok(Self { out, host, profile, anonymous, if_interrupted: Mutex::new(None) })
    }

    /// A client without a token.
    pub fn anonymous(&self) -> &Client {
        &self.anonymous
    }

    /// A client with the token for an event: the one asked for, else the guest's for it, else the context's.
    pub fn client_for(&self, event: Option<&EventId>) -> Result<Client, Failure> {
        self.client_with(self.token_for(event)?.as_deref())
    }

    /// A client with a given token, or without one.
    pub fn client_with(&self, token: Option<&str>) -> Result<Client, Failure> {
        Ok(match token {
            Some(token) => self.anonymous.with_token(token)?,
            None => self.anonymous.clone(),
        })
    }

    /// The token that [`Desk::client_for`] uses.
    pub fn token_for(&self, event: Option<&EventId>) -> Result<Option<String>, Failure> {
        if let Some(token) = &self.profile.explicit_token {
            return Ok(Some(token.clone()));
        }
        let state = self.profile.state()?;
        let guest = event.and_then(|event| state.guest_token(event)).map(str::to_owned);
        Ok(guest.or_else(|| self.profile.context_token.clone()))
    }

    /// Whether a token is a guest's that this program keeps by itself, and may replace by itself.
    pub fn is_own_guest(&self, event: &EventId, token: &str) -> Result<bool, Failure> {
        Ok(self.profile.state()?.guest_token(event) == Some(token))
    }

    /// Remembers something for later commands. That it cannot be is told, and stops nothing.
    pub fn remember(&self, change: impl FnOnce(&mut State)) {
        if let Err(error) = self.profile.update(change) {
            self.out.warn(&error.to_string());
        }
    }

    /// Sets what is told when Ctrl-C is pressed from now on.
    pub fn if_interrupted(&self, hint: impl Into<Option<String>>) {
        if let Ok(mut current) = self.if_interrupted.lock() {
            *current = hint.into();
        }
    }

    /// What Ctrl-C comes to.
    pub fn interrupted(&self) -> Failure {
        let failure = Failure::new(Exit::Interrupted, "interrupted");
        let hint = self.if_interrupted.lock().ok().and_then(|hint| hint.clone());
        Failure { hint, ..failure }
    }
}

fn telling(out: &Output) -> RetryObserver {
    let out = out.clone();
    RetryObserver::new(move |notice: &RetryNotice| {
        // A pause that nobody notices is not worth a line.
        if notice.after.as_secs() > 0 {
            out.note(&format!("{}; trying again in {}", notice.cause, duration(notice.after.as_secs())));
        }
    })
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        let text = error.to_string();
        match error {
            ProfileError::NoContext(name, known) => {
                let failure = Self::usage(text);
                match crate::suggest::closest(&name, known.iter().map(String::as_str)) {
                    Some(close) => failure.hint(format!("did you mean `{close}`?")),
                    None => failure.hint("`tmctl context list` shows them, `tmctl context add` adds one"),
                }
            }
            ProfileError::Malformed { .. } => Self::new(Exit::Error, text)
                .hint("a newer tmctl may have written it; without the file all begins afresh"),
            ProfileError::Io { .. } => Self::new(Exit::Error, text).hint("TM_HOME names another folder"),
        }
    }
}
