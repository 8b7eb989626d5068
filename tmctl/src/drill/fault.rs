//! What can be done to the office while the crowd buys. Everything is undone again: the office has to get over it.

mod deed;
mod measure;
mod throw;

pub use measure::Measure;
pub use throw::{Barrage, Thrown, throw};

use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use serde::{Serialize, Serializer};

use super::messenger::Manner;
use super::trouble::Trouble;
use crate::error::Failure;

/// What is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Kill,
    Pause,
    Gateway,
    Network,
    Postgres,
    Redis,
    Disk,
    Clock,
}

/// How it is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Killed with SIGKILL, and started again.
    Kill,
    /// Stopped with SIGSTOP for a while.
    Pause,
    /// Killed, and started again without anything that it knew.
    Empty,
    /// Told to forget everything.
    Flush,
    /// Ends the sessions of all its clients.
    Terminate,
    /// Something happens on the way to it.
    Trouble(Trouble),
    /// What it tells is not told as it was.
    Callbacks(Manner),
    /// Has no room left for a while.
    Fill,
    /// Is set, and later set right.
    Jump,
}

/// One fault, such as `postgres.kill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    pub how: How,
}

/// What somebody asks for: all that can be, all of a kind, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    All,
    Kind(Kind),
    One(Fault),
}

/// Whose a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// There is none.
    Nobody,
    /// It was there before: only the way to it can be hit.
    Somebody,
    /// The rehearsal's own.
    Ours,
}

/// What a rehearsal has to throw faults with.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    pub postgres: Owner,
    pub redis: Owner,
    pub has_disk: bool,
    pub has_clock: bool,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Kill,
        Self::Pause,
        Self::Gateway,
        Self::Network,
        Self::Postgres,
        Self::Redis,
        Self::Disk,
        Self::Clock,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Gateway => "gateway",
            Self::Network => "network",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Disk => "disk",
            Self::Clock => "clock",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Kill => "The daemon is killed with SIGKILL, and started again",
            Self::Pause => "The daemon stands still (SIGSTOP) for some seconds",
            Self::Gateway => {
                "The payment provider is killed, paused or hard to reach; its callbacks come twice, late or untrue"
            }
            Self::Network => "The crowd's connections are cut, silent, slow, torn to pieces",
            Self::Postgres => {
                "PostgreSQL is killed, paused, hard to reach, or does not answer COMMIT; needs --full or store.url"
            }
            Self::Redis => {
                "Redis is killed, emptied, paused or hard to reach; needs --full or --set redis.url"
            }
            Self::Disk => "There is no room left on the daemon's disk for some seconds; SQLite only",
            Self::Clock => "The daemon's clock is set by up to an hour; needs libfaketime",
        }
    }

    /// Every way to hit it.
    fn hows(self) -> Vec<How> {
        let troubles = || Trouble::USUAL.map(How::Trouble).into_iter();
        match self {
            Self::Kill => vec![How::Kill],
            Self::Pause => vec![How::Pause],
            Self::Network => troubles().collect(),
            Self::Gateway => {
                let callbacks = Manner::WRONG.map(How::Callbacks);
                [How::Kill, How::Pause].into_iter().chain(troubles()).chain(callbacks).collect()
            }
            Self::Postgres => [How::Kill, How::Pause, How::Terminate, How::Trouble(Trouble::Commit)]
                .into_iter()
                .chain(troubles())
                .collect(),
            Self::Redis => {
                [How::Kill, How::Empty, How::Flush, How::Pause].into_iter().chain(troubles()).collect()
            }
            Self::Disk => vec![How::Fill],
            Self::Clock => vec![How::Jump],
        }
    }
}

impl How {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Empty => "empty",
            Self::Flush => "flush",
            Self::Terminate => "terminate",
            Self::Trouble(trouble) => trouble.as_str(),
            Self::Callbacks(manner) => manner.as_str(),
            Self::Fill => "fill",
            Self::Jump => "jump",
        }
    }
}

impl Fault {
    /// Every fault there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|kind| kind.hows().into_iter().map(move |how| Self { kind, how }))
    }

    /// The kind, and how where there are several ways.
    pub fn name(self) -> String {
        match self.kind {
            Kind::Kill | Kind::Pause | Kind::Disk | Kind::Clock => self.kind.as_str().to_owned(),
            kind => format!("{}.{}", kind.as_str(), self.how.as_str()),
        }
    }

    /// What is in the way of throwing it.
    fn is_out_of_reach(self, means: Means) -> Option<Failure> {
        let (owner, setting) = match self.kind {
            Kind::Postgres => (means.postgres, "store.url"),
            Kind::Redis => (means.redis, "redis.url"),
            Kind::Disk if !means.has_disk => {
                return Some(Failure::usage("--faults disk needs a small disk for a daemon with SQLite"));
            }
            Kind::Clock if !means.has_clock => return Some(Failure::usage("--faults clock needs a clock")),
            _ => return None,
        };
        match (owner, self.how) {
            (Owner::Ours, _) | (Owner::Somebody, How::Trouble(_)) => None,
            (Owner::Somebody, _) => Some(
                Failure::usage(format!("{} is only for a server that the rehearsal starts", self.name()))
                    .hint("--full starts one"),
            ),
            (Owner::Nobody, _) => Some(
                Failure::usage(format!("--faults {} needs a server of the rehearsal's own", self.name()))
                    .hint(format!("--full starts one; or name it with --set {setting}=URL")),
            ),
        }
    }

    /// Refuses what cannot be thrown.
    pub fn check(self, means: Means) -> Result<Self, Failure> {
        self.is_out_of_reach(means).map_or(Ok(self), Err)
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|fault| fault.name() == text).ok_or_else(|| {
            let near = Self::all().map(Self::name).filter(|name| name.starts_with(text));
            let near: Vec<_> = near.collect();
            let near = if near.is_empty() { String::new() } else { format!("; one of {}", near.join(", ")) };
            format!("there is no fault `{text}`{near}")
        })
    }
}

impl Wish {
    pub fn read(text: &str) -> Result<Self, String> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        match (text, kind) {
            ("all", _) => Ok(Self::All),
            (_, Some(kind)) => Ok(Self::Kind(kind)),
            _ => text.parse().map(Self::One),
        }
    }

    /// Whether it is about a kind, and no other will do.
    pub fn names(self, kind: Kind) -> bool {
        match self {
            Self::All => false,
            Self::Kind(one) => one == kind,
            Self::One(fault) => fault.kind == kind,
        }
    }
}

/// Reads wishes from the command line, whose help names the kinds.
#[derive(Clone, Copy, Debug)]
pub struct WishParser;

impl TypedValueParser for WishParser {
    type Value = Wish;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Wish, clap::Error> {
        StringValueParser::new().try_map(|text| Wish::read(&text)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let kinds = Kind::ALL.map(|kind| PossibleValue::new(kind.as_str()).help(kind.help()));
        let all = PossibleValue::new("all").help("Whatever this rehearsal can throw");
        Some(Box::new(kinds.into_iter().chain([all])))
    }
}

/// What is thrown to fulfil wishes: the faults of each kind. Refuses what is named and cannot be thrown.
pub fn choose(wishes: &[Wish], means: Means) -> Result<Vec<Vec<Fault>>, Failure> {
    let mut chosen = Vec::new();
    for kind in Kind::ALL {
        let all = || kind.hows().into_iter().map(|how| Fault { kind, how });
        let possible = || all().filter(|fault| fault.is_out_of_reach(means).is_none());
        let mut faults = Vec::new();
        for wish in wishes {
            match *wish {
                Wish::All => faults.extend(possible()),
                Wish::Kind(one) if one == kind => {
                    faults.extend(possible());
                    let refused = all().find_map(|fault| fault.is_out_of_reach(means));
                    if let Some(failure) = refused.filter(|_| faults.is_empty()) {
                        return Err(failure);
                    }
                }
                Wish::One(fault) if fault.kind == kind => faults.push(fault.check(means)?),
                Wish::Kind(_) | Wish::One(_) => {}
            }
        }
        if !faults.is_empty() {
            chosen.push(faults);
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests;
