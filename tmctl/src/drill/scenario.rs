//! What a rehearsal is like: said on the command line, in a scenario file, or as is usual.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tmapi::event::EventView;
use tmcore::drill::{Crowd, Dice, Goals, Member, Wave, arrive};

use super::fault::{Barrage, Fault, Means, Measure, Owner, Wish, WishParser, choose};
use super::office::Settings;
use super::surroundings::Surroundings;
use super::wave::Level;
use crate::argument;
use crate::error::Failure;

/// The most buyers.
const MAX_BUYERS: u32 = 20_000;
/// The longest that may be said in a scenario.
const MAX_TIME: Duration = Duration::from_secs(24 * 3600);
/// The farthest that a clock is set, seconds.
const MAX_OFFSET_SECONDS: i64 = 366 * 24 * 3600;
/// What faults are drawn from is told from what the crowd is drawn from.
const FAULTS: u64 = 0xFA17;
/// What arrivals in waves are drawn from.
const WAVES: u64 = 0x3A7E;
/// A sale that far too many come to.
const ERAS: &str = include_str!("scenario/eras.toml");

/// Everything about a rehearsal but its event. What is not said here is said there, or is as usual.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Scenario {
    /// How many come [default: 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_BUYERS)))]
    buyers: Option<u32>,
    /// What the crowd is drawn from: the same seed is the same crowd [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Within which time they come; half of them in the first sixth [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    #[serde(deserialize_with = "time")]
    rush: Option<Duration>,
    /// Of a hundred, how many order without waiting to be let in [default: 5]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    bots: Option<u64>,
    /// How long seats are held, in place of the event's own time [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    #[serde(deserialize_with = "time")]
    hold_ttl: Option<Duration>,
    /// How many may be inside at once, in place of the event's own number
    #[arg(long, value_name = "N")]
    capacity: Option<u32>,
    /// How many are let in a minute, in place of the event's own number
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// How long the payment provider takes for everything [default: 50ms]
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    #[serde(deserialize_with = "time")]
    provider_latency: Option<Duration>,
    /// What goes wrong meanwhile; docs/drill.md has what is more exact, such as postgres.commit
    #[arg(long, value_name = "FAULT", value_delimiter = ',', value_parser = WishParser)]
    #[serde(deserialize_with = "wishes")]
    faults: Vec<Wish>,
    /// With a PostgreSQL and a Redis of the rehearsal's own, started for it
    #[arg(long)]
    full: bool,
    /// A setting of the rehearsal's daemon, such as store.batch_items=64; `tmd config print` shows them all
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    #[serde(deserialize_with = "settings")]
    set: Vec<(String, String)>,
    /// When nobody new is served any more [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    #[serde(deserialize_with = "time")]
    at_most: Option<Duration>,
    /// How long it may take from then until everybody has gone home and no seat is held [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    #[serde(deserialize_with = "time")]
    rest: Option<Duration>,
    /// Faults with a time each.
    #[arg(skip)]
    #[serde(rename = "fault")]
    timed: Vec<Timed>,
    /// Levels of load, in place of `buyers` and `rush`.
    #[arg(skip)]
    #[serde(rename = "wave")]
    levels: Vec<Level>,
    /// What the sale has to come to, besides its promises.
    #[arg(skip)]
    goals: Option<Goals>,
}

/// A fault and when it is thrown, after the doors open. What is left out is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timed {
    #[serde(deserialize_with = "time")]
    at: Option<Duration>,
    #[serde(deserialize_with = "fault")]
    fault: Fault,
    #[serde(rename = "for", default, deserialize_with = "time")]
    lasts: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    latency: Option<Duration>,
    bytes: Option<u32>,
    #[serde(default, deserialize_with = "offset")]
    offset: Option<i64>,
}

impl Scenario {
    /// The scenario of that name, or in that file.
    pub fn named(name: &Path) -> Result<Self, Failure> {
        if name == Path::new("eras") { Self::parse(ERAS) } else { Self::read(name) }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("failed to read {}: {error}", path.display())))?;
        Self::parse(&text).map_err(|failure| failure.doing(&format!("read {}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| Failure::usage(error.to_string().trim().to_owned()))?;
        scenario.check().map_err(Failure::usage)?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.buyers.is_some_and(|buyers| !(1..=MAX_BUYERS).contains(&buyers)) {
            return Err(format!("buyers must be from 1 to {MAX_BUYERS}"));
        }
        if self.bots.is_some_and(|bots| bots > 100) {
            return Err("bots must be from 0 to 100".to_owned());
        }
        if !self.timed.is_empty() && !self.faults.is_empty() {
            return Err("faults are drawn, or each has its time: not both".to_owned());
        }
        if !self.levels.is_empty() && (self.buyers.is_some() || self.rush.is_some()) {
            return Err("who comes is said by waves, or by buyers and rush: not both".to_owned());
        }
        if self.goals.is_some() && self.levels.is_empty() {
            return Err("goals are for waves, and there is none".to_owned());
        }
        self.levels.iter().try_for_each(Level::check)?;
        self.timed.iter().try_for_each(Timed::check)
    }

    /// What is said here, and of another what is not.
    pub fn or(self, other: Self) -> Self {
        let says_faults = !self.faults.is_empty() || !self.timed.is_empty();
        let (faults, timed) =
            if says_faults { (self.faults, self.timed) } else { (other.faults, other.timed) };
        let says_crowd = self.buyers.is_some() || self.rush.is_some();
        Self {
            buyers: self.buyers.or(other.buyers),
            seed: self.seed.or(other.seed),
            rush: self.rush.or(other.rush),
            bots: self.bots.or(other.bots),
            hold_ttl: self.hold_ttl.or(other.hold_ttl),
            capacity: self.capacity.or(other.capacity),
            rate: self.rate.or(other.rate),
            provider_latency: self.provider_latency.or(other.provider_latency),
            faults,
            full: self.full || other.full,
            // What is set last stays.
            set: [other.set, self.set].concat(),
            at_most: self.at_most.or(other.at_most),
            rest: self.rest.or(other.rest),
            timed,
            // Whoever says how many come wants no waves.
            levels: if says_crowd { Vec::new() } else { other.levels },
            goals: if says_crowd { None } else { other.goals },
        }
    }

    fn buyers(&self) -> u32 {
        self.buyers.unwrap_or(2_000)
    }

    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    pub fn at_most(&self) -> Duration {
        self.at_most.unwrap_or(Duration::from_secs(600))
    }

    pub fn rest(&self) -> Duration {
        self.rest.unwrap_or(Duration::from_secs(120))
    }

    pub fn waves(&self) -> Vec<Wave> {
        self.levels.iter().map(Level::wave).collect()
    }

    pub const fn goals(&self) -> Option<&Goals> {
        self.goals.as_ref()
    }

    pub fn has_storms(&self) -> bool {
        self.waves().iter().any(|wave| wave.is_storm)
    }

    /// Whether everybody asks again at once now.
    pub fn is_stormy(&self, at_millis: u64) -> bool {
        let is_now = |wave: &Wave| (wave.begins_millis..wave.ends_millis()).contains(&at_millis);
        self.waves().iter().any(|wave| wave.is_storm && is_now(wave))
    }

    /// The seed that faults are drawn from.
    pub fn fault_seed(&self) -> u64 {
        self.seed() ^ FAULTS
    }

    fn names(&self, setting: &str) -> bool {
        self.set.iter().any(|(name, _)| name == setting)
    }

    /// Whether the daemon's store is not SQLite.
    pub fn has_database(&self) -> bool {
        self.full || self.names("store.url")
    }

    /// Everything that somebody wishes to go wrong.
    pub fn wishes(&self) -> Vec<Wish> {
        let timed = self.timed.iter().map(|timed| Wish::One(timed.fault));
        self.faults.iter().copied().chain(timed).collect()
    }

    fn means(&self, surroundings: &Surroundings) -> Means {
        let owner = |setting| match (self.names(setting), self.full) {
            (true, _) => Owner::Somebody,
            (false, true) => Owner::Ours,
            (false, false) => Owner::Nobody,
        };
        Means {
            postgres: owner("store.url"),
            redis: owner("redis.url"),
            has_disk: surroundings.disk.is_some(),
            has_clock: surroundings.clock.is_some(),
        }
    }

    /// What is thrown with what there is. Refuses what cannot be.
    pub fn barrage(&self, surroundings: &Surroundings) -> Result<Barrage, Failure> {
        if let Some(setting) =
            ["store.url", "redis.url"].into_iter().find(|setting| self.full && self.names(setting))
        {
            return Err(Failure::usage(format!(
                "--full starts its own servers, and {setting} names another"
            ))
            .hint("leave out one of the two"));
        }
        let means = self.means(surroundings);
        if self.timed.is_empty() {
            return choose(&self.faults, means).map(Barrage::Drawn);
        }
        let mut dice = Dice::new(self.fault_seed());
        let timed = self.timed.iter().map(|timed| {
            let measure = timed.measure(Measure::drawn(timed.fault, &mut dice));
            Ok((timed.at.unwrap_or_default(), timed.fault.check(means)?, measure))
        });
        Ok(Barrage::Timed(timed.collect::<Result<_, Failure>>()?))
    }

    pub fn settings(&self) -> Settings {
        let hold_ttl = self.hold_ttl.unwrap_or(Duration::from_secs(15));
        Settings {
            hold_ttl_seconds: u32::try_from(hold_ttl.as_secs()).unwrap_or(u32::MAX).max(1),
            capacity: self.capacity,
            admissions_per_minute: self.rate,
            provider_latency: self.provider_latency.unwrap_or(Duration::from_millis(50)),
            has_servers: self.full,
            daemon: self.set.clone(),
        }
    }

    /// How many come with each wave.
    pub fn comers(&self, event: &EventView) -> Vec<u64> {
        let rate = self.rate.unwrap_or(event.settings.admissions_per_minute);
        self.waves().iter().map(|wave| wave.comers(rate, self.bots())).collect()
    }

    fn bots(&self) -> u64 {
        self.bots.unwrap_or(5)
    }

    pub fn crowd(&self, event: &EventView) -> Result<Crowd, Failure> {
        let rush = self.rush.unwrap_or(Duration::from_secs(20));
        let buyers = match self.comers(event).iter().sum() {
            0 => self.buyers(),
            all => u32::try_from(all).unwrap_or(u32::MAX),
        };
        if buyers > MAX_BUYERS {
            let message = format!("{buyers} would come, and {MAX_BUYERS} are the most");
            return Err(Failure::usage(message).hint("shorten the waves, or let in fewer a minute: --rate"));
        }
        Ok(Crowd {
            buyers,
            seed: self.seed(),
            rush_millis: u64::try_from(rush.as_millis()).unwrap_or(u64::MAX),
            bots_percent: self.bots(),
            seats: event.summary.seats.all(),
            per_order: event.settings.seats_per_order,
        })
    }

    /// Everybody who comes, and when.
    pub fn members(&self, event: &EventView) -> Result<Vec<Member>, Failure> {
        let mut members = self.crowd(event)?.members();
        let waves: Vec<_> = self.comers(event).into_iter().zip(self.waves()).collect();
        arrive(&mut members, &waves, self.seed() ^ WAVES);
        Ok(members)
    }
}

impl Timed {
    fn check(&self) -> Result<(), String> {
        let said =
            [self.lasts.is_some(), self.latency.is_some(), self.bytes.is_some(), self.offset.is_some()];
        let unknown = Measure::has(self.fault).into_iter().zip(said).find(|((_, has), said)| *said && !has);
        match unknown {
            Some(((name, _), _)) => Err(format!("{} takes no `{name}`", self.fault.name())),
            None if self.bytes == Some(0) => Err(format!("{} takes one byte at least", self.fault.name())),
            None => Ok(()),
        }
    }

    fn measure(&self, drawn: Measure) -> Measure {
        Measure {
            lasts: self.lasts.unwrap_or(drawn.lasts),
            latency: self.latency.unwrap_or(drawn.latency),
            bytes: self.bytes.unwrap_or(drawn.bytes),
            offset_seconds: self.offset.unwrap_or(drawn.offset_seconds),
        }
    }
}

/// Reads the name of a setting, `=`, and its value.
fn setting(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| is_setting(name));
    let (name, value) =
        parts.ok_or_else(|| "expected the name of a setting, `=`, and its value".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

fn is_setting(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
}

pub(super) fn time<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Duration>, D::Error> {
    let time = argument::parse_duration(&String::deserialize(source)?).map_err(serde::de::Error::custom)?;
    if time > MAX_TIME {
        return Err(serde::de::Error::custom("expected a time of a day at most"));
    }
    Ok(Some(time))
}

fn offset<'de, D: Deserializer<'de>>(source: D) -> Result<Option<i64>, D::Error> {
    let offset: jiff::SignedDuration =
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)?;
    let is_far = offset.as_secs().abs() > MAX_OFFSET_SECONDS;
    if is_far { Err(serde::de::Error::custom("expected a year at most")) } else { Ok(Some(offset.as_secs())) }
}

fn fault<'de, D: Deserializer<'de>>(source: D) -> Result<Fault, D::Error> {
    String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
}

fn wishes<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Wish>, D::Error> {
    let words = Vec::<String>::deserialize(source)?;
    words.iter().map(|word| Wish::read(word)).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

fn settings<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<(String, String)>, D::Error> {
    let table = std::collections::BTreeMap::<String, toml::Value>::deserialize(source)?;
    let read = |(name, value): (String, toml::Value)| {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
            _ => return Err(format!("{name}: expected a text, a number, true or false")),
        };
        if is_setting(&name) { Ok((name, value)) } else { Err(format!("`{name}` is no setting")) }
    };
    table.into_iter().map(read).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
