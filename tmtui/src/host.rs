//! What comes from outside of the program: environment, clock, keys. Read here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tmcore::Timestamp;

/// The host the program runs on.
#[derive(Clone, Debug)]
pub struct Host {
    environment: BTreeMap<String, String>,
}

impl Host {
    /// The one that is there.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn real() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { environment: std::env::vars_os().filter_map(readable).collect() }
    }

    /// One with these variables only.
    #[cfg(test)]
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { environment: variables.iter().map(owned).collect() }
    }

    /// A variable of the environment; an empty one counts as unset.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The zone in which times are shown.
    pub fn zone() -> TimeZone {
        TimeZone::system()
    }

    /// What time it is.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    pub fn now() -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The instant at which so much time will have passed, for timers.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    pub fn deadline(after: Duration) -> tokio::time::Instant {
        tokio::time::Instant::now() + after
    }

    /// A key that no other request has.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes keys")]
    pub fn idempotency_key() -> String {
        format!("tmtui_{}", uuid::Uuid::now_v7().simple())
    }

    /// Whether the terminal is reached over the network, where every byte counts.
    pub fn is_remote(&self) -> bool {
        self.env("SSH_CONNECTION").is_some() || self.env("SSH_TTY").is_some()
    }

    /// The folder for what is kept between runs; the command line's own, so that either goes on with what the other
    /// began.
    pub fn home(&self) -> Option<PathBuf> {
        if let Some(home) = self.env("TM_HOME") {
            return Some(home.into());
        }
        let state = self.env("XDG_STATE_HOME").map(PathBuf::from);
        let state = state.or_else(|| Some(PathBuf::from(self.env("HOME")?).join(".local/state")));
        state.map(|state| state.join("tmctl"))
    }
}
