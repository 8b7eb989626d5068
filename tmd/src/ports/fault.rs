//! What can be wrong with the disk or the file under a store, told apart because each has its own remedy.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

/// How every database of SQLite begins. Source: <https://www.sqlite.org/fileformat.html>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A fault that is not the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No room on the disk, or in the quota.
    #[error("there is no room left on its disk")]
    Full,
    /// Writing is not allowed: the file, its folder or the whole disk is read-only.
    #[error("it is read-only")]
    ReadOnly,
    /// The disk answered with an error.
    #[error("its disk failed")]
    Disk,
    /// The file cannot be opened.
    #[error("it cannot be opened")]
    Closed,
    /// The file is something else.
    #[error("it is no SQLite database")]
    Foreign,
    /// The file was a database and has holes.
    #[error("it is damaged")]
    Damaged,
}

impl Fault {
    /// What a result code of SQLite means, if it is about the disk or the file. Extended codes count as well.
    /// Source: <https://www.sqlite.org/rescode.html>.
    #[must_use]
    pub const fn of_sqlite(code: i32) -> Option<Self> {
        /// The wal-index could not grow: the file is written page by page, so this is a full disk.
        const IOERR_SHMSIZE: i32 = 4874;
        Some(match (code, code & 0xff) {
            (IOERR_SHMSIZE, _) | (_, 13) => Self::Full,
            (_, 8) => Self::ReadOnly,
            (_, 10) => Self::Disk,
            (_, 14) => Self::Closed,
            (_, 26) => Self::Foreign,
            (_, 11) => Self::Damaged,
            _ => return None,
        })
    }

    /// What stands in the way of writing a database that is there: its file, and the two beside it. Asked before SQLite
    /// is, which would open a file it may not write for reading alone, and leave such files beside it.
    #[must_use]
    pub fn of_files(database: &Path) -> Option<Self> {
        ["", "-wal", "-shm"].into_iter().find_map(|suffix| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            match access(Path::new(&name), Access::READ_OK) {
                Err(Errno::NOENT) => return None,
                Err(_) => return Some(Self::Closed),
                Ok(()) => {}
            }
            access(Path::new(&name), Access::WRITE_OK).is_err().then_some(Self::ReadOnly)
        })
    }

    /// Whether a file that holds something begins as no database does. A log beside it may hide that from SQLite, which
    /// would find out in the middle of a sale. Only for a process that has no connection to it: closing a file lets go of
    /// every lock that the process has on it (<https://www.sqlite.org/howtocorrupt.html>).
    #[must_use]
    pub fn of_header(database: &Path) -> Option<Self> {
        let mut header = [0; MAGIC.len()];
        let read = File::open(database).and_then(|mut file| file.read_exact(&mut header));
        let is_short = fs::metadata(database).map_or(0, |file| file.len()) > 0 && read.is_err();
        (is_short || (read.is_ok() && header != *MAGIC)).then_some(Self::Foreign)
    }

    /// What its operator can do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Full => "free some space there; nothing that was sold is lost",
            Self::ReadOnly => {
                "let the user that runs tmd write it, the -wal and -shm beside it and their folder, or name another \
                 --data-dir"
            }
            Self::Disk => {
                "the system's log has more; nothing that was answered is lost as long as the disk is not"
            }
            Self::Closed => "let the user that runs tmd read and write it, or name another --data-dir",
            Self::Foreign | Self::Damaged => {
                "keep it, and put a backup back in its place; nothing was written to it"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_sqlite_are_told_apart() {
        for (code, fault) in [
            (13, Some(Fault::Full)),
            (4874, Some(Fault::Full)),
            (8, Some(Fault::ReadOnly)),
            (1544, Some(Fault::ReadOnly)),
            (778, Some(Fault::Disk)),
            (1034, Some(Fault::Disk)),
            (14, Some(Fault::Closed)),
            (26, Some(Fault::Foreign)),
            (11, Some(Fault::Damaged)),
            (5, None),
            (2067, None),
        ] {
            assert_eq!(Fault::of_sqlite(code), fault, "{code}");
        }
    }
}
