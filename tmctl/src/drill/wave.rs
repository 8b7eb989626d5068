//! Levels of load, as a scenario says them.

use std::time::Duration;

use serde::Deserialize;
use tmcore::drill::Wave;

use super::scenario::time;

/// The most times that too many may come.
const MAX_LOAD: u32 = 1_000;

/// When so many times as many people come as can be let in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    #[serde(deserialize_with = "time")]
    at: Option<Duration>,
    #[serde(rename = "for", deserialize_with = "time")]
    lasts: Option<Duration>,
    load: u32,
    /// Whether everybody asks again at once, whatever they are told.
    #[serde(default)]
    storm: bool,
}

impl Level {
    pub fn check(&self) -> Result<(), String> {
        if !(1..=MAX_LOAD).contains(&self.load) {
            return Err(format!("the load of a wave must be from 1 to {MAX_LOAD}"));
        }
        if self.lasts.is_none_or(|lasts| lasts.is_zero()) {
            return Err("a wave must last for some time".to_owned());
        }
        Ok(())
    }

    pub fn wave(&self) -> Wave {
        let millis =
            |time: Option<Duration>| u64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        Wave {
            begins_millis: millis(self.at),
            lasts_millis: millis(self.lasts),
            load: self.load,
            is_storm: self.storm,
        }
    }
}
