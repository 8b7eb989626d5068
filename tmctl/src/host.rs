//! What comes from outside of the program: environment, clock, randomness, time zone. Read here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tmcore::Timestamp;

/// The host a command runs on.
#[derive(Clone, Debug)]
pub struct Host {
    environment: BTreeMap<String, String>,
    zone: TimeZone,
    /// Stands still in tests.
    now: Option<Timestamp>,
}

impl Host {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn real() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            environment: std::env::vars_os().filter_map(readable).collect(),
            zone: TimeZone::system(),
            now: None,
        }
    }

    #[cfg(test)]
    pub fn fixed(environment: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            environment: environment.iter().map(owned).collect(),
            zone: TimeZone::UTC,
            now: Some(Timestamp::from_millis(1_800_000_000_000)),
        }
    }

    /// A variable of the environment; an empty one counts as unset.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(|| {
            let since =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// A key that no other request has.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes keys")]
    pub fn idempotency_key() -> String {
        format!("tmctl_{}", uuid::Uuid::now_v7().simple())
    }

    /// A password that nobody guesses.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws lots")]
    pub fn secret() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// A number below `limit`, at random; 0 for a limit of 0, and in tests.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws lots")]
    pub fn draw(&self, limit: usize) -> usize {
        let drawn = if self.now.is_some() { 0 } else { rand::random::<u32>() };
        usize::try_from(drawn).unwrap_or(0).checked_rem(limit).unwrap_or(0)
    }

    /// Asks the system for as many descriptors as it gives without privileges: a crowd needs some for each of its people.
    pub fn raise_descriptors() {
        let most = getrlimit(Resource::Nofile).maximum;
        // Where it refuses there are as many as there were.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    }

    /// The folder for what is kept between commands.
    pub fn home(&self) -> Option<PathBuf> {
        if let Some(home) = self.env("TM_HOME") {
            return Some(home.into());
        }
        let state = self.env("XDG_STATE_HOME").map(PathBuf::from);
        let state = state.or_else(|| Some(PathBuf::from(self.env("HOME")?).join(".local/state")));
        state.map(|state| state.join("tmctl"))
    }
}

/// Time that passes, whatever anybody sets the clock to.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Milliseconds since the start.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
