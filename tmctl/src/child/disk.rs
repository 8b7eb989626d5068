//! A small disk of our own, which can be full.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

use super::OwnProcess;
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;

/// The least that a file grows by.
const PAGE_BYTES: u64 = 4096;

/// A disk that is there as long as this value, for processes that are started on its inside.
#[derive(Debug)]
pub struct SmallDisk {
    /// Lives in a mount namespace of its own.
    holder: OwnProcess,
    at: TempDir,
}

impl SmallDisk {
    /// Mounts one of so many mebibytes. Fails where the kernel lets nobody of this account mount anything.
    pub async fn mount(host: &Host, mebibytes: u64) -> Result<Self, Failure> {
        let broken =
            |error: io::Error| Failure::new(Exit::Error, format!("failed to make a folder: {error}"));
        let at = TempDir::with_prefix("tmctl-drill-disk-").map_err(broken)?;
        let inside = at.path().display();
        let script = format!(
            "mount -t tmpfs -o size={mebibytes}m,mode=700 none '{inside}' && : > '{inside}/mounted' && exec sleep 1000000"
        );
        let mut words = vec!["unshare".to_owned()];
        words.extend(spaces(&["-m"], &["-r", "-m"]).iter().map(|&word| word.to_owned()));
        words.extend(["sh", "-c", &script].map(str::to_owned));
        // Its log is kept outside: what is inside is not there yet.
        let mut holder = OwnProcess::new("a small disk", words, at.path().join("log"));
        let path = host.env("PATH").map(|path| ("PATH".to_owned(), path.to_owned()));
        holder.environment.extend(path);
        let folder = at.path().to_owned();
        holder.start(async |id| seen(id, &folder).join("mounted").exists()).await?;
        Ok(Self { holder, at })
    }

    /// Where it is for whoever is on its inside.
    pub fn inside(&self) -> &Path {
        self.at.path()
    }

    /// Where it is for everybody else.
    pub fn path(&self) -> PathBuf {
        let holder = self.holder.pid().map_or(0, |pid| pid.as_raw_nonzero().get());
        seen(u32::try_from(holder).unwrap_or(0), self.at.path())
    }

    /// What comes before a command so that it runs on the inside.
    pub fn words(&self) -> Vec<String> {
        let holder = self.holder.pid().map_or(0, |pid| pid.as_raw_nonzero().get()).to_string();
        let spaces = spaces(&["-m"], &["-U", "-m", "--preserve-credentials"]);
        ["nsenter", "-t", &holder].iter().chain(spaces).map(|&word| word.to_owned()).collect()
    }

    /// Leaves no room.
    pub fn fill(&self) -> io::Result<()> {
        let filler = File::create(self.path().join("filler"))?;
        let (mut length, mut step) = (0, 1 << 24);
        while step >= PAGE_BYTES {
            match fallocate(&filler, FallocateFlags::empty(), length, step) {
                Ok(()) => length += step,
                Err(_) => step /= 2,
            }
        }
        Ok(())
    }

    /// Makes room again.
    pub fn clear(&self) -> io::Result<()> {
        fs::remove_file(self.path().join("filler"))
    }
}

fn seen(holder: u32, folder: &Path) -> PathBuf {
    let inside = folder.strip_prefix("/").unwrap_or(folder);
    Path::new("/proc").join(holder.to_string()).join("root").join(inside)
}

/// Whoever is not root needs a user namespace too.
fn spaces<'a>(of_root: &'a [&'a str], of_others: &'a [&'a str]) -> &'a [&'a str] {
    if rustix::process::geteuid().is_root() { of_root } else { of_others }
}
