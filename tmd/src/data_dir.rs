//! The data folder: locked by one daemon, with its keys and the organiser's token.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use tmcore::webhook::WebhookSecret;

use crate::entropy::Entropy;

/// Only the daemon's user may read what is secret.
const SECRET: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

const LOCK: &str = "tmd.lock";
/// An emptied file must not let everybody in.
const MIN_TOKEN_CHARS: usize = 16;

/// A data folder that is ours as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// The office's keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs access tokens: an Ed25519 seed and its public key.
    pub access: [u8; 64],
    /// Signs tickets.
    pub ticket: [u8; 32],
    /// Names guests who book in one step.
    pub guest: [u8; 32],
}

impl Keys {
    /// What access tokens are checked with; no secret. The pair has it behind the seed.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        std::array::from_fn(|index| self.access[32 + index])
    }
}

impl DataDir {
    /// Makes the folder when there is none, and locks it.
    ///
    /// # Errors
    /// When it cannot be made or written, or another daemon has it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let folder = fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path);
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(SECRET).clone();
        let opened = folder.and_then(|()| options.open(path.join(LOCK)));
        let mut lock = opened.with_context(|| refusal(path))?;
        match lock.try_lock() {
            Ok(()) => {
                // Who holds it, for whoever is refused. The lock itself is the kernel's: it ends with the process.
                let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
                written.with_context(|| refusal(path))?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder =
                    lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
                let holder = holder.map_or_else(|| "process".to_owned(), |pid| format!("process {pid}"));
                bail!(
                    "another tmd ({holder}) uses the data folder {}; stop it or name another --data-dir",
                    path.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| refusal(path)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys, made on the first start.
    ///
    /// # Errors
    /// When they cannot be read, written, or are not what was written.
    pub fn keys(&self, entropy: Entropy) -> anyhow::Result<Keys> {
        let file = self.path.join("office.keys");
        let text = read_or_write(&file, || {
            let seed: [u8; 32] = entropy.bytes();
            let access = access_pair(&seed);
            [hex::encode(access), hex::encode(entropy.bytes::<32>()), hex::encode(entropy.bytes::<32>())]
                .join("\n")
        })?;
        let broken = || {
            format!(
                "{} does not hold the office's keys: put a backup back; without them every ticket and token is void",
                file.display()
            )
        };
        let mut lines = text.lines();
        let mut next = |length: usize| {
            let bytes =
                hex::decode(lines.next().unwrap_or_default()).ok().filter(|bytes| bytes.len() == length);
            bytes.with_context(broken)
        };
        let access = next(64)?.try_into().ok().with_context(broken)?;
        let ticket = next(32)?.try_into().ok().with_context(broken)?;
        let guest = next(32)?.try_into().ok().with_context(broken)?;
        Ok(Keys { access, ticket, guest })
    }

    /// The organiser's token, made on the first start.
    ///
    /// # Errors
    /// When it cannot be read or written, or is too short to keep anybody out.
    pub fn organiser_token(&self, entropy: Entropy) -> anyhow::Result<String> {
        let made = || format!("org_{}", hex::encode(entropy.bytes::<24>()));
        let file = self.path.join("organiser.token");
        let token = read_or_write(&file, made)?.trim().to_owned();
        if token.len() < MIN_TOKEN_CHARS {
            bail!(
                "{} holds no token of {MIN_TOKEN_CHARS} characters or more; remove it and start again for a new one",
                file.display()
            );
        }
        Ok(token)
    }

    /// This daemon's name among those of its office, made on the first start.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn node_id(&self, entropy: Entropy) -> anyhow::Result<String> {
        let made = || format!("node-{}", hex::encode(entropy.bytes::<8>()));
        Ok(read_or_write(&self.path.join("node.id"), made)?.trim().to_owned())
    }

    /// What the payment provider signs its callbacks with: in the named file, or in the folder's own. Made on the first
    /// start of whichever side comes first.
    ///
    /// # Errors
    /// When it cannot be read or written, or is no secret.
    pub fn callback_secret(&self, named: &Path, entropy: Entropy) -> anyhow::Result<WebhookSecret> {
        let own = || self.path.join("callback.secret");
        let file = if named.as_os_str().is_empty() { own() } else { named.to_owned() };
        let text = read_or_write(&file, || WebhookSecret::from_bytes(&entropy.bytes()).expose())?;
        text.parse().with_context(|| format!("{} does not hold a secret", file.display()))
    }
}

fn refusal(path: &Path) -> String {
    format!(
        "failed to use the data folder {}; let the user that runs tmd write it, make room there, or name another \
         --data-dir",
        path.display()
    )
}

/// The pair of a seed, as signing wants it.
fn access_pair(seed: &[u8; 32]) -> [u8; 64] {
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(*seed));
    *pair.sk
}

/// What is in the file; made and written when there is none. A file is there whole or not at all, and of two processes
/// that make it one is first and both read the same.
fn read_or_write(file: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    let failed = || {
        format!(
            "failed to use {}; let the user that runs tmd read it, and write its folder with room to spare",
            file.display()
        )
    };
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let fresh = file.with_extension(format!("new{}", std::process::id()));
            write_secret(&fresh, &make()).with_context(failed)?;
            let linked = fs::hard_link(&fresh, file);
            fs::remove_file(&fresh).with_context(failed)?;
            // The name is on the disk when its folder is.
            if let Some(folder) = file.parent() {
                File::open(folder).and_then(|folder| folder.sync_all()).with_context(failed)?;
            }
            match linked {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).with_context(failed),
                _ => fs::read_to_string(file).with_context(failed),
            }
        }
        found => found.with_context(failed),
    }
}

fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut written = options.write(true).create(true).truncate(true).mode(SECRET).open(file)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()
}
