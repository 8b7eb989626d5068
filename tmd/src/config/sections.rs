//! The settings, one typed struct a section.
#![expect(missing_docs, reason = "config.default.toml, compiled in, says what every setting means")]

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use tmcore::money::Currency;

use super::networks::Networks;

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub overload: OverloadConfig,
    pub store: StoreConfig,
    pub redis: RedisConfig,
    pub cache: CacheConfig,
    pub checkout: CheckoutConfig,
    pub gateway: GatewayConfig,
    pub waiting_room: WaitingRoomConfig,
    pub availability: AvailabilityConfig,
    pub event_defaults: EventDefaults,
    pub log: LogConfig,
}

impl Config {
    /// Whether other processes may work for the same office.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        !self.redis.url.reveal().is_empty() || matches!(self.store.backend, StoreBackend::Postgres)
    }
}

/// `[server]`: addresses, limits and times of the HTTP side.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub data_dir: PathBuf,
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    pub header_timeout_seconds: u32,
    pub body_timeout_seconds: u32,
    pub request_timeout_seconds: u32,
    pub write_timeout_seconds: u32,
    pub max_header_bytes: usize,
    pub max_request_line_bytes: usize,
    pub max_body_bytes: usize,
    pub max_import_bytes: usize,
    pub shutdown_grace_seconds: u32,
    pub stream_grace_seconds: u32,
}

/// `[overload]`: what is refused when there is too much to do, and what one client may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadConfig {
    pub max_in_flight: usize,
    pub max_purchases_in_flight: usize,
    pub queue_delay_milliseconds: u32,
    pub retry_after_seconds: u32,
    pub max_session_streams: usize,
    pub max_seat_streams: usize,
    pub address_streams: usize,
    pub address_reads_per_second: u32,
    pub address_polls_per_second: u32,
    pub address_joins_per_second: u32,
    pub address_orders_per_second: u32,
    pub principal_joins_per_minute: u32,
    pub principal_orders_per_minute: u32,
    pub unlimited_networks: Networks,
}

/// `[store]`: connections and batches of the database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    pub backend: StoreBackend,
    pub url: ServiceUrl,
    pub money_connections: u32,
    pub room_connections: u32,
    pub browse_connections: u32,
    pub reader_connections: u32,
    pub busy_timeout_milliseconds: u32,
    pub batch_items: usize,
    pub batch_queue_items: usize,
}

/// Which database the office is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreBackend {
    /// A file in the data folder.
    Sqlite,
    /// A server that several daemons share.
    Postgres,
}

/// The address of a database or a Redis, with the password in it. It is shown nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// The address, for whoever connects.
    #[must_use]
    pub const fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl From<String> for ServiceUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "********" })
    }
}

/// `[redis]`: where the daemons of one office tell each other what they did, and how long that may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    pub url: ServiceUrl,
    pub key_prefix: String,
    pub node_id: String,
    pub connect_timeout_milliseconds: u32,
    pub command_timeout_milliseconds: u32,
    pub cache_timeout_milliseconds: u32,
    pub cache_shards: u32,
}

/// `[cache]`: encoded answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    pub stale_seconds: u32,
}

/// `[checkout]`: orders, idempotency keys and payments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckoutConfig {
    pub idempotency_lease_seconds: u32,
    pub idempotency_keep_hours: u32,
    pub sweep_interval_milliseconds: u32,
    pub gateway_timeout_seconds: u32,
    pub resolver_interval_milliseconds: u32,
}

impl CheckoutConfig {
    /// How long whoever took a payment on has to ask the provider before somebody else does: time for a look-up, a fence
    /// and what comes between.
    #[must_use]
    pub const fn payment_lease_seconds(&self) -> u32 {
        self.gateway_timeout_seconds.saturating_mul(3)
    }
}

/// `[gateway]`: where the payment provider is, what it tells, and what happens when it does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    pub url: String,
    pub callback_url: String,
    pub callback_secret_file: PathBuf,
    pub callback_delay_milliseconds: u32,
    pub breaker_failures: u32,
    pub breaker_window_calls: u32,
    pub breaker_failure_percent: u32,
    pub breaker_pause_seconds: u32,
}

/// `[waiting_room]`: rhythm and limits of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingRoomConfig {
    pub tick_milliseconds: u32,
    pub heartbeat_flush_seconds: u32,
    pub polls_per_second: u32,
    pub joins_per_minute: u32,
    pub streams_per_session: u32,
    pub sse_heartbeat_seconds: u32,
}

/// `[availability]`: how fresh seat counts are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvailabilityConfig {
    pub refresh_milliseconds: u32,
    pub max_age_seconds: u32,
}

/// `[event_defaults]`: what a new event gets where its organiser says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDefaults {
    pub hold_ttl_seconds: u32,
    pub capacity: u32,
    pub admissions_per_minute: u32,
    pub seats_per_order: u32,
    pub seats_per_buyer: u32,
    pub lapse_seconds: u32,
    pub active_seconds: u32,
    pub lobby_seconds: u32,
    pub currency: Currency,
}

/// `[log]`: what is logged, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// For programs, one object a line.
    Json,
}
