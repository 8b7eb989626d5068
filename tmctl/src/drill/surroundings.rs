//! What the daemon of a rehearsal lives on: a disk that can be full, a clock that can be set.

use super::fault::{Kind, Wish};
use crate::child::{OwnClock, SmallDisk};
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;

/// A disk has so much, and more for each buyer and each seat.
const DISK_MEBIBYTES: u64 = 96;
const BUYERS_PER_MEBIBYTE: u64 = 64;
const SEATS_PER_MEBIBYTE: u64 = 1024;

/// Each where it is needed for faults.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub disk: Option<SmallDisk>,
    pub clock: Option<OwnClock>,
}

impl Surroundings {
    /// What some wishes need. What is named has to be had; of `all` is left out what cannot be.
    pub async fn make(
        desk: &Desk,
        wishes: &[Wish],
        has_database: bool,
        (buyers, seats): (u32, u32),
    ) -> Result<Self, Failure> {
        let names = |kind| wishes.iter().any(|wish| wish.names(kind));
        let all = wishes.contains(&Wish::All);
        let mut made = Self::default();
        if names(Kind::Disk) && has_database {
            return Err(Failure::usage("--faults disk is for a daemon with SQLite")
                .hint("leave out --full and --set store.url"));
        }
        if names(Kind::Disk) || all && !has_database {
            let more = u64::from(buyers) / BUYERS_PER_MEBIBYTE + u64::from(seats) / SEATS_PER_MEBIBYTE;
            let mounted =
                SmallDisk::mount(&desk.host, DISK_MEBIBYTES + more).await.doing("mount a small disk");
            made.disk = wanted(desk, mounted, names(Kind::Disk), "--faults disk needs one")?;
        }
        if names(Kind::Clock) || all {
            made.clock = wanted(desk, OwnClock::find(), names(Kind::Clock), "--faults clock needs it")?;
        }
        Ok(made)
    }
}

fn wanted<T>(desk: &Desk, made: Result<T, Failure>, is_named: bool, why: &str) -> Result<Option<T>, Failure> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(failure) if is_named => {
            let message = format!("{}: {why}", failure.message);
            Err(Failure { exit: Exit::Usage, message, ..failure })
        }
        Err(failure) => {
            desk.out.note(&format!("left out: {}", failure.message));
            Ok(None)
        }
    }
}
