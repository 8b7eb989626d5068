//! A PostgreSQL and a Redis that serve one rehearsal.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::child::{Account, OwnPostgres, OwnRedis};
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;

/// Both, gone with this value.
#[derive(Debug)]
pub struct Servers {
    pub postgres: Mutex<OwnPostgres>,
    pub redis: Mutex<OwnRedis>,
    /// The daemon's settings that name both.
    pub settings: Vec<(String, String)>,
    _folder: TempDir,
}

impl Servers {
    /// Sets both up, and starts them.
    pub async fn start(desk: &Desk) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(Exit::Error, format!("failed to make a folder for the servers: {error}"))
        };
        let account = Account::find()?;
        let folder = TempDir::with_prefix("tmctl-drill-servers-").map_err(broken)?;
        if account.is_some() {
            // Whoever runs the servers has to get to what is theirs.
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).map_err(broken)?;
        }
        let mut redis = OwnRedis::create(&desk.host, &folder.path().join("redis"), account)?;
        let mut postgres = OwnPostgres::create(&desk.host, &folder.path().join("postgres"), account).await?;
        postgres.start().await.doing("start the PostgreSQL of the rehearsal")?;
        redis.start().await.doing("start the Redis of the rehearsal")?;
        let named = [
            ("store.backend", "postgres".to_owned()),
            ("store.url", postgres.url()),
            ("redis.url", redis.url()),
        ];
        let settings = named.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Self { postgres: Mutex::new(postgres), redis: Mutex::new(redis), settings, _folder: folder })
    }
}
