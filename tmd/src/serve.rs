//! The daemon itself: listeners, and its way from start to end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tokio::net::TcpListener;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::http::accept::{self, AcceptLimits};
use crate::http::admin;
use crate::http::hardening::{RequestLimits, harden};
use crate::lifecycle::{Grace, Lifecycle, Stopped, stop_signals};
use crate::telemetry::{self, Metrics};

/// Serves until a signal ends it.
///
/// # Errors
/// When an address cannot be listened on, or the log cannot be installed.
pub async fn serve(config: &Config) -> anyhow::Result<Stopped> {
    let signals = stop_signals().context("failed to listen for signals")?;
    telemetry::install_log(&config.log)?;
    let metrics = Metrics::install()?;
    let lifecycle = Lifecycle::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let listeners = [
        ("public listener", config.server.listen, probes(&lifecycle)),
        ("operators' listener", config.server.admin_listen, admin::router(metrics.clone())),
    ];
    for (name, address, router) in listeners {
        let listener = bind(address).await?;
        let hardened = harden(router, RequestLimits::from(&config.server), Arc::clone(&clock));
        let limits = AcceptLimits::from(&config.server);
        tracing::info!(address = %listener.local_addr()?, "{name}");
        lifecycle.spawn(name, accept::serve(listener, hardened, limits, lifecycle.clone()));
    }
    lifecycle.spawn("metrics", metrics.keep_up(lifecycle.draining.clone()));
    Ok(lifecycle.until_stopped(signals, Grace::from(&config.server)).await)
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}

/// `GET /livez` and `GET /readyz`.
fn probes(lifecycle: &Lifecycle) -> Router {
    let draining = lifecycle.draining.clone();
    let ready = move || {
        let is_draining = draining.is_cancelled();
        std::future::ready(if is_draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK })
    };
    Router::new().route("/livez", get(async || "ok\n")).route("/readyz", get(ready))
}
