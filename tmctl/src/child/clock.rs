//! A clock of our own, as processes see it that are started under it.

use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::error::Failure;
use crate::exit::Exit;

/// Where Debian puts the library.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The machine's clock, and an offset to it.
#[derive(Debug)]
pub struct OwnClock {
    library: PathBuf,
    folder: TempDir,
}

impl OwnClock {
    /// One that is right. Fails without the library.
    pub fn find() -> Result<Self, Failure> {
        let places = fs::read_dir(LIBRARIES).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut libraries = places.chain([PathBuf::from(LIBRARIES)]).map(|place| place.join(LIBRARY));
        let library = libraries.find(|library| library.exists()).ok_or_else(|| {
            Failure::usage(format!("there is no {LIBRARY} in {LIBRARIES} or a folder of it"))
                .hint("install libfaketime (Debian: apt-get install libfaketime)")
        })?;
        let broken =
            |error: io::Error| Failure::new(Exit::Error, format!("failed to make a folder: {error}"));
        let clock = Self { library, folder: TempDir::with_prefix("tmctl-drill-clock-").map_err(broken)? };
        clock.set(0).map_err(broken)?;
        Ok(clock)
    }

    /// So far from the true time, from now on.
    pub fn set(&self, offset_seconds: i64) -> io::Result<()> {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, format!("{offset_seconds:+}s\n"))?;
        fs::rename(fresh, self.folder.path().join("offset"))
    }

    /// What a process has to find in its environment.
    pub fn environment(&self) -> [(String, String); 5] {
        let file = self.folder.path().join("offset");
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Only the time of day is set: what is measured goes on.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}
