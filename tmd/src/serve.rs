//! The daemon itself: its listeners, and its way from start to end.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;

use crate::app::{Office, World};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, StoreBackend};
use crate::data_dir::DataDir;
use crate::entropy::Entropy;
use crate::http::accept::{self, AcceptLimits};
use crate::http::admin;
use crate::http::hardening::{Hardened, RequestLimits, harden};
use crate::http::overload::Guard;
use crate::lifecycle::{Grace, Lifecycle, Stopped, stop_signals};
use crate::telemetry::{self, Metrics};
use crate::{adapters, demo, descriptors, http, wire, workers};

/// Serves until a signal ends it.
///
/// # Errors
/// When the data folder, the store or an address cannot be had.
pub async fn serve(config: &Config, with_demo: bool) -> anyhow::Result<Stopped> {
    let signals = stop_signals().context("failed to listen for signals")?;
    telemetry::install_log(&config.log)?;
    descriptors::raise_for(config.server.max_connections);
    let metrics = Metrics::install()?;
    let lifecycle = Lifecycle::new();
    let public = bind(config.server.listen).await?;
    let admin = bind(config.server.admin_listen).await?;
    let address = public.local_addr()?;
    let data = DataDir::open(&config.server.data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let world = World { clock: Arc::clone(&clock), entropy: Entropy };
    let office = wire::office(config, world, &lifecycle, &data).await?;
    if config.store.backend == StoreBackend::Sqlite {
        // The folder is this daemon's alone: whoever wrote there before is dead, and nobody waits for their leases.
        office.ports.store.inherit().await.context("failed to take the office over")?;
    }
    if with_demo {
        demo::put_on(&office).await?;
    }
    workers::start(&office);
    let guest_key = data.keys(Entropy)?.guest;
    let router = http::router(Arc::clone(&office), guest_key)?;
    let limits = AcceptLimits::from(&config.server);
    let hardened = hardened(router, config, &clock).guarded(Guard::start(&config.overload, &lifecycle));
    lifecycle.spawn("public listener", accept::serve(public, hardened, limits, lifecycle.clone()));
    listen("admin", admin, admin::router(metrics.clone()), (config, &clock, &lifecycle));
    lifecycle.spawn("metrics", metrics.keep_up(lifecycle.draining.clone()));
    tracing::info!(%address, admin = %config.server.admin_listen, data = %data.path().display(), "ready");
    greet(&office, address, &data);
    // Nobody but the listeners and workers keeps the office open: when they end, it does.
    drop(office);
    Ok(lifecycle.until_stopped(signals, Grace::from(&config.server)).await)
}

/// Serves the sandbox provider alone.
///
/// # Errors
/// When the data folder or the address cannot be had.
pub async fn gateway(config: &Config, address: SocketAddr) -> anyhow::Result<Stopped> {
    let signals = stop_signals().context("failed to listen for signals")?;
    telemetry::install_log(&config.log)?;
    let lifecycle = Lifecycle::new();
    let listener = bind(address).await?;
    let data = DataDir::open(&config.server.data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let sandbox = Arc::new(wire::sandbox(config, data.path(), &lifecycle).await?);
    wire::tell_daemon(&config.gateway, (Arc::clone(&sandbox), Arc::clone(&clock)), &lifecycle, &data)?;
    let router = adapters::sandbox::server::router(sandbox);
    tracing::info!(address = %listener.local_addr()?, "payment gateway ready");
    listen("gateway", listener, router, (config, &clock, &lifecycle));
    Ok(lifecycle.until_stopped(signals, Grace::from(&config.server)).await)
}

/// Brings the store's schema up to date; forgets who the office is if that is asked for.
///
/// # Errors
/// When the data folder is in use or the store cannot be migrated.
pub async fn migrate(config: &Config, forget_identity: bool) -> anyhow::Result<()> {
    let data = DataDir::open(&config.server.data_dir)?;
    let store = wire::store(config, data.path()).await?;
    if forget_identity {
        store.forget_identity().await?;
    }
    Ok(())
}

fn listen(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    shared: (&Config, &Arc<dyn Clock>, &Lifecycle),
) {
    let (config, clock, lifecycle) = shared;
    let limits = AcceptLimits { listener: name, ..AcceptLimits::from(&config.server) };
    let service = hardened(router, config, clock);
    lifecycle.spawn(name, accept::serve(listener, service, limits, lifecycle.clone()));
}

fn hardened(router: Router, config: &Config, clock: &Arc<dyn Clock>) -> Hardened {
    harden(router, RequestLimits::from(&config.server), Arc::clone(clock))
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("failed to listen on {address}; is another tmd running? --listen names another address")
    })
}

/// Says what is running and what to type next. For people only: programs read the log.
fn greet(office: &Office, address: SocketAddr, data: &DataDir) {
    let mut out = io::stderr().lock();
    if !out.is_terminal() {
        return;
    }
    let _ = writeln!(
        out,
        "\n  The ticket office is open at http://{address}\n  Data: {}\n  Capacity of a new event: {} at once\n\n  Next:  \
         tmctl events\n         tmctl book E4 --best 2 --payment-token tok_ok\n         tmctl join E1\n",
        data.path().display(),
        office.config.event_defaults.capacity,
    );
}
