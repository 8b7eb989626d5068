//! The one place that knows which backend stands behind which port, and puts the office together.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tmcore::breaker::BreakerRules;
use tmcore::identity::{Identity, Provider, Stranger};
use tmcore::ticket::TicketKey;
use tokio_util::sync::CancellationToken;

use crate::adapters::breaker::BreakerGateway;
use crate::adapters::memory::bus::MemoryBus;
use crate::adapters::memory::cache::MemoryCache;
use crate::adapters::memory::queue::MemoryQueue;
use crate::adapters::redis::Redis;
use crate::adapters::redis::bus::RedisBus;
use crate::adapters::redis::cache::RedisCache;
use crate::adapters::redis::queue::{Pace, RedisQueue};
use crate::adapters::remote_gateway::RemoteGateway;
use crate::adapters::sandbox::callback::{self, HttpReceiver};
use crate::adapters::sandbox::{Pace as SandboxPace, Sandbox};
use crate::app::access::Access;
use crate::app::batch::Committer;
use crate::app::callback::Callbacks;
use crate::app::room::Rooms;
use crate::app::{Office, Ports, World};
use crate::clock::Clock;
use crate::config::{Config, GatewayConfig, StoreBackend};
use crate::data_dir::DataDir;
use crate::entropy::Entropy;
use crate::lifecycle::Lifecycle;
use crate::ports::Store;
use crate::ports::bus::Bus;
use crate::ports::cache::Cache;
use crate::ports::fault::Fault;
use crate::ports::gateway::PaymentGateway;
use crate::ports::queue::WaitingRoomQueue;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// The office as configured, with everybody in their place again.
///
/// # Errors
/// When the data folder, the store or the provider's log cannot be opened.
pub async fn office(
    config: &Config,
    world: World,
    lifecycle: &Lifecycle,
    data: &DataDir,
) -> anyhow::Result<Arc<Office>> {
    // Whatever is refused is refused before anything is opened that could be written.
    let keys = data.keys(world.entropy)?;
    let organiser = data.organiser_token(world.entropy)?;
    let provider = data.callback_secret(&config.gateway.callback_secret_file, world.entropy)?;
    let (gateway, own) = gateway(config, data.path(), lifecycle).await?;
    let rules = breaker_rules(&config.gateway);
    let store = store(config, data.path()).await?;
    let provider_name =
        own.as_ref().map_or(Provider::Remote(&config.gateway.url), |sandbox| Provider::Sandbox(sandbox.id()));
    refuse_stranger(&*store, &Identity::new(&keys.public(), provider_name), data.path()).await?;
    let Between { cache, bus, queue } = between(config, data, world.entropy, lifecycle)?;
    let gateway = Arc::new(BreakerGateway::new(gateway, rules, Arc::clone(&world.clock)));
    let ports = Ports { store, gateway, cache, bus, queue };
    let office = Arc::new(Office {
        commit: Committer::start(lifecycle, &ports.store, &config.store),
        ports,
        rooms: Rooms::default(),
        access: Access::new(&keys.access, organiser, provider)?,
        ticket_key: TicketKey::new(keys.ticket),
        config: config.clone(),
        world: (world, lifecycle.clone()),
    });
    let places = office.load_rooms().await.context("failed to read who is in the waiting rooms")?;
    tracing::debug!(places, "waiting rooms read");
    if let Some(sandbox) = own {
        let receiver = Arc::new(Callbacks(Arc::clone(&office)));
        lifecycle.spawn("callbacks", callback::tell(sandbox, receiver, lifecycle.draining.clone()));
    }
    Ok(office)
}

/// Whoever has other keys would void every token and ticket; whoever has another provider would ask it for money that it
/// does not have. The first daemon of an office says what both are.
async fn refuse_stranger(store: &dyn Store, own: &Identity, data: &Path) -> anyhow::Result<()> {
    let office = store.identify(own).await.context("failed to read who the office is")?;
    let Err(stranger) = own.belongs_to(&office) else { return Ok(()) };
    let advice = match stranger {
        Stranger::Keys => {
            format!(
                "copy office.keys of a daemon of this office into {}, or put its backup back",
                data.display()
            )
        }
        Stranger::Provider => {
            "give every daemon the same gateway.url: a sandbox inside a daemon is that daemon's alone, and \
                               tmd gateway is for all (or put the backup of gateway.db back)"
                .to_owned()
        }
    };
    bail!(
        "this daemon is not of the office that it opens: {stranger}; {advice}. If it is meant, end all its daemons and \
         run tmd migrate --forget-identity: the next to start says who the office is"
    )
}

/// What the processes of an office have between them.
struct Between {
    cache: Arc<dyn Cache>,
    bus: Arc<dyn Bus>,
    queue: Arc<dyn WaitingRoomQueue>,
}

/// All of it in Redis, or in this process.
fn between(
    config: &Config,
    data: &DataDir,
    entropy: Entropy,
    lifecycle: &Lifecycle,
) -> anyhow::Result<Between> {
    let cache = MemoryCache::new(Duration::from_secs(config.cache.stale_seconds.into()));
    if config.redis.url.reveal().is_empty() {
        return Ok(Between {
            cache: Arc::new(cache),
            bus: Arc::new(MemoryBus::default()),
            queue: Arc::new(MemoryQueue::default()),
        });
    }
    let node = match config.redis.node_id.as_str() {
        "" => data.node_id(entropy)?,
        node => node.to_owned(),
    };
    let redis = Redis::new(&config.redis, &node, lifecycle).context("redis.url")?;
    Ok(Between {
        cache: Arc::new(RedisCache::start(&redis, cache, config.redis.cache_shards)),
        bus: Arc::new(RedisBus::start(&redis)),
        queue: Arc::new(RedisQueue::start(&redis, Pace::default())),
    })
}

/// The store that is chosen, its schema up to date.
///
/// # Errors
/// When its database cannot be opened or migrated.
pub async fn store(config: &Config, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let store = &config.store;
    let busy_timeout = Duration::from_millis(store.busy_timeout_milliseconds.into());
    let send_lease_seconds = config.checkout.payment_lease_seconds();
    match store.backend {
        StoreBackend::Sqlite => {
            let reader_connections = store.reader_connections;
            let options = SqliteOptions { reader_connections, busy_timeout, send_lease_seconds };
            sqlite(options, data).await
        }
        StoreBackend::Postgres => {
            let options = PostgresOptions {
                money_connections: store.money_connections,
                room_connections: store.room_connections,
                browse_connections: store.browse_connections,
                busy_timeout,
                send_lease_seconds,
            };
            Ok(Arc::new(PostgresStore::open(store.url.reveal(), options).await?))
        }
    }
}

async fn sqlite(options: SqliteOptions, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let file = data.join("office.db");
    refuse_emptied(&file, &data.join("gateway.db"))?;
    refuse_foreign(&file)?;
    Ok(Arc::new(SqliteStore::open(&file, options).await?))
}

/// SQLite takes a file of no length for a new database. The provider's log is made after it, so beside that log it was
/// one that held something.
fn refuse_emptied(office: &Path, gateway: &Path) -> anyhow::Result<()> {
    let length = |file: &Path| fs::metadata(file).map(|file| file.len()).ok();
    if length(office) == Some(0) && length(gateway).is_some_and(|length| length > 0) {
        bail!(
            "failed to open {}: it was emptied; put a backup back, or move the whole folder away to begin a new office",
            office.display()
        );
    }
    Ok(())
}

/// A file that may not be read is told of by whoever opens it.
fn refuse_foreign(file: &Path) -> anyhow::Result<()> {
    match Fault::of_files(file).or_else(|| Fault::of_header(file)) {
        Some(fault @ Fault::Foreign) => {
            bail!("failed to open {}: {fault}; {}", file.display(), fault.advice())
        }
        _ => Ok(()),
    }
}

/// The payment provider: the one that is named, or a sandbox in this process.
async fn gateway(
    config: &Config,
    data: &Path,
    lifecycle: &Lifecycle,
) -> anyhow::Result<(Arc<dyn PaymentGateway>, Option<Arc<Sandbox>>)> {
    if config.gateway.url.is_empty() {
        let sandbox = Arc::new(sandbox(config, data, lifecycle).await?);
        return Ok((Arc::clone(&sandbox) as Arc<dyn PaymentGateway>, Some(sandbox)));
    }
    let timeout = Duration::from_secs(config.checkout.gateway_timeout_seconds.into());
    let remote = RemoteGateway::new(&config.gateway.url, timeout).context("gateway.url")?;
    Ok((Arc::new(remote), None))
}

fn breaker_rules(gateway: &GatewayConfig) -> BreakerRules {
    BreakerRules {
        failures: gateway.breaker_failures,
        window_calls: gateway.breaker_window_calls,
        failure_percent: gateway.breaker_failure_percent,
        pause: Duration::from_secs(gateway.breaker_pause_seconds.into()),
    }
}

/// The sandbox provider, with its own durable log. It outlives the draining: what was begun is finished.
///
/// # Errors
/// When its log cannot be opened.
pub async fn sandbox(config: &Config, data: &Path, lifecycle: &Lifecycle) -> anyhow::Result<Sandbox> {
    let callback = Duration::from_millis(config.gateway.callback_delay_milliseconds.into());
    let pace = SandboxPace { callback, ..SandboxPace::with_latency(Duration::ZERO) };
    let file = data.join("gateway.db");
    refuse_foreign(&file)?;
    Ok(Sandbox::open(&file, pace, &lifecycle.tasks, CancellationToken::new()).await?)
}

/// Has the sandbox of a process of its own tell the daemon that is named, if one is.
///
/// # Errors
/// When the secret cannot be had, or the daemon's address is none.
pub fn tell_daemon(
    config: &GatewayConfig,
    (sandbox, clock): (Arc<Sandbox>, Arc<dyn Clock>),
    lifecycle: &Lifecycle,
    data: &DataDir,
) -> anyhow::Result<()> {
    if config.callback_url.is_empty() {
        return Ok(());
    }
    let secret = data.callback_secret(&config.callback_secret_file, Entropy)?;
    let receiver = HttpReceiver::new(&config.callback_url, secret, clock).context("gateway.callback_url")?;
    lifecycle.spawn("callbacks", callback::tell(sandbox, Arc::new(receiver), lifecycle.draining.clone()));
    Ok(())
}
