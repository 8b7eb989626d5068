//! The folder: files of one owner (mode 0600), each written whole or not at all.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why the folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file or the folder cannot be read or written.
    #[error("failed to {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what this program writes.
    #[error("failed to read {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No context of this name; beside it stand those there are.
    #[error("no context is called `{0}`")]
    NoContext(String, Vec<String>),
}

/// The folder everything is kept in.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// How the names of files begin that are not written to their end.
const UNFINISHED: &str = ".new-";

/// Holds a file's turn until dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "its lock goes with it")] File);

impl Home {
    /// A folder that may not exist yet.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where a file of it is.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Reads a file; nothing when there is none.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn read(&self, file: &str) -> Result<Option<String>, ProfileError> {
        let path = self.path(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ProfileError::Io { action: "read", path, source }),
        }
    }

    /// Writes a file whole: a new one takes the old one's place once it is on disk.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn write(&self, file: &str, text: &str) -> Result<(), ProfileError> {
        self.write_open(file, text).map(drop)
    }

    /// The same, locked from before others can see it; the lock goes with the handle.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn write_locked(&self, file: &str, text: &str) -> Result<File, ProfileError> {
        self.write_open(file, text)
    }

    fn write_open(&self, file: &str, text: &str) -> Result<File, ProfileError> {
        let path = self.path(file);
        let folder = path.parent().unwrap_or(Path::new("."));
        let write = || -> io::Result<File> {
            make_folder(folder)?;
            let mut new = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
            new.as_file().lock()?;
            new.write_all(text.as_bytes())?;
            new.as_file().sync_all()?;
            let open = new.persist(&path).map_err(|e| e.error)?;
            // The name has to survive a power cut as well as the bytes.
            File::open(folder)?.sync_all()?;
            Ok(open)
        };
        write().map_err(|source| ProfileError::Io { action: "write", path: path.clone(), source })
    }

    /// Removes a file; that there is none is as good.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn remove(&self, file: &str) -> Result<(), ProfileError> {
        let path = self.path(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ProfileError::Io { action: "remove", path, source: error })
            }
            _ => Ok(()),
        }
    }

    /// Names of the files in a folder of it, sorted.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn list(&self, folder: &str) -> Result<Vec<String>, ProfileError> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ProfileError::Io { action: "list", path, source }),
        };
        let mut names: Vec<_> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    /// Removes what processes that were killed left half written in a folder. Only for who has the turn there.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn sweep(&self, folder: &str, _turn: &Turn) -> Result<(), ProfileError> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Ok(()) };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names
            .filter(|name| name.starts_with(UNFINISHED))
            .try_for_each(|name| self.remove(&format!("{folder}/{name}")))
    }

    /// Waits until no other process changes the file.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub fn lock(&self, file: &str) -> Result<Turn, ProfileError> {
        let path = self.path(&format!("{file}.lock"));
        let take = || -> io::Result<File> {
            make_folder(path.parent().unwrap_or(Path::new(".")))?;
            let mut options = File::options();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let lock = options.open(&path)?;
            lock.lock()?;
            Ok(lock)
        };
        take().map(Turn).map_err(|source| ProfileError::Io { action: "lock", path: path.clone(), source })
    }

    pub(super) fn malformed(&self, file: &str, reason: &dyn fmt::Display) -> ProfileError {
        ProfileError::Malformed { path: self.path(file), reason: reason.to_string() }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
