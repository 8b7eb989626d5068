//! Ranges, and relations between settings: what would break a promise is refused at start.

use tracing_subscriber::EnvFilter;

use super::{Config, ConfigError, StoreBackend, StoreConfig};

/// The shortest read buffer hyper takes.
const MIN_HEADER_BYTES: usize = 8192;

/// # Errors
/// The first setting out of range, or pair of settings that contradict each other.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    check_positive(config)?;
    check_server(config)?;
    check_store(&config.store)?;
    check_sales(config)?;
    check_gateway(config)?;
    check_redis(config)?;
    EnvFilter::try_new(&config.log.filter)
        .map(drop)
        .map_err(|fault| ConfigError::Relation(format!("log.filter: {fault}")))
}

fn require(holds: bool, reason: &str) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Relation(reason.to_owned())) }
}

/// Zero of these would stop the program or turn a limit into its opposite.
fn check_positive(config: &Config) -> Result<(), ConfigError> {
    let Config {
        server,
        overload,
        store,
        redis,
        checkout,
        gateway,
        waiting_room,
        availability,
        event_defaults: event,
        ..
    } = config;
    let positive = [
        ("server.max_connections", server.max_connections),
        ("server.max_connections_per_address", server.max_connections_per_address),
        ("server.max_request_line_bytes", server.max_request_line_bytes),
        ("server.max_body_bytes", server.max_body_bytes),
        ("server.header_timeout_seconds", server.header_timeout_seconds as usize),
        ("server.body_timeout_seconds", server.body_timeout_seconds as usize),
        ("server.request_timeout_seconds", server.request_timeout_seconds as usize),
        ("server.write_timeout_seconds", server.write_timeout_seconds as usize),
        ("overload.max_in_flight", overload.max_in_flight),
        ("overload.max_purchases_in_flight", overload.max_purchases_in_flight),
        ("overload.queue_delay_milliseconds", overload.queue_delay_milliseconds as usize),
        ("overload.retry_after_seconds", overload.retry_after_seconds as usize),
        ("overload.max_session_streams", overload.max_session_streams),
        ("overload.max_seat_streams", overload.max_seat_streams),
        ("overload.address_streams", overload.address_streams),
        ("overload.address_reads_per_second", overload.address_reads_per_second as usize),
        ("overload.address_polls_per_second", overload.address_polls_per_second as usize),
        ("overload.address_joins_per_second", overload.address_joins_per_second as usize),
        ("overload.address_orders_per_second", overload.address_orders_per_second as usize),
        ("overload.principal_joins_per_minute", overload.principal_joins_per_minute as usize),
        ("overload.principal_orders_per_minute", overload.principal_orders_per_minute as usize),
        ("store.money_connections", store.money_connections as usize),
        ("store.room_connections", store.room_connections as usize),
        ("store.browse_connections", store.browse_connections as usize),
        ("store.reader_connections", store.reader_connections as usize),
        ("store.busy_timeout_milliseconds", store.busy_timeout_milliseconds as usize),
        ("store.batch_items", store.batch_items),
        ("redis.connect_timeout_milliseconds", redis.connect_timeout_milliseconds as usize),
        ("redis.command_timeout_milliseconds", redis.command_timeout_milliseconds as usize),
        ("redis.cache_timeout_milliseconds", redis.cache_timeout_milliseconds as usize),
        ("redis.cache_shards", redis.cache_shards as usize),
        ("checkout.sweep_interval_milliseconds", checkout.sweep_interval_milliseconds as usize),
        ("checkout.gateway_timeout_seconds", checkout.gateway_timeout_seconds as usize),
        ("checkout.resolver_interval_milliseconds", checkout.resolver_interval_milliseconds as usize),
        ("gateway.breaker_failures", gateway.breaker_failures as usize),
        ("gateway.breaker_window_calls", gateway.breaker_window_calls as usize),
        ("gateway.breaker_failure_percent", gateway.breaker_failure_percent as usize),
        ("gateway.breaker_pause_seconds", gateway.breaker_pause_seconds as usize),
        ("waiting_room.tick_milliseconds", waiting_room.tick_milliseconds as usize),
        ("waiting_room.heartbeat_flush_seconds", waiting_room.heartbeat_flush_seconds as usize),
        ("waiting_room.polls_per_second", waiting_room.polls_per_second as usize),
        ("waiting_room.joins_per_minute", waiting_room.joins_per_minute as usize),
        ("waiting_room.streams_per_session", waiting_room.streams_per_session as usize),
        ("waiting_room.sse_heartbeat_seconds", waiting_room.sse_heartbeat_seconds as usize),
        ("availability.refresh_milliseconds", availability.refresh_milliseconds as usize),
        ("event_defaults.hold_ttl_seconds", event.hold_ttl_seconds as usize),
        ("event_defaults.admissions_per_minute", event.admissions_per_minute as usize),
        ("event_defaults.seats_per_order", event.seats_per_order as usize),
        ("event_defaults.lapse_seconds", event.lapse_seconds as usize),
        ("event_defaults.active_seconds", event.active_seconds as usize),
    ];
    let zero = positive.iter().find(|(_, value)| *value == 0);
    zero.map_or(Ok(()), |(name, _)| Err(ConfigError::Relation(format!("{name} must be at least 1"))))
}

fn check_server(config: &Config) -> Result<(), ConfigError> {
    let server = &config.server;
    require(
        server.listen != server.admin_listen || server.listen.port() == 0,
        "server.listen and server.admin_listen must differ",
    )?;
    require(
        server.max_connections_per_address <= server.max_connections,
        "server.max_connections_per_address must not exceed server.max_connections",
    )?;
    require(server.max_header_bytes >= MIN_HEADER_BYTES, "server.max_header_bytes must be at least 8192")?;
    require(
        server.max_request_line_bytes <= server.max_header_bytes,
        "server.max_request_line_bytes must not exceed server.max_header_bytes",
    )?;
    require(
        server.max_body_bytes <= server.max_import_bytes,
        "server.max_body_bytes must not exceed server.max_import_bytes",
    )?;
    require(
        server.body_timeout_seconds <= server.request_timeout_seconds,
        "server.body_timeout_seconds must not exceed server.request_timeout_seconds",
    )?;
    require(
        server.stream_grace_seconds <= server.shutdown_grace_seconds,
        "server.stream_grace_seconds must not exceed server.shutdown_grace_seconds",
    )
}

fn check_store(store: &StoreConfig) -> Result<(), ConfigError> {
    let url = store.url.reveal();
    match store.backend {
        // Whoever names a database wants to sell out of it.
        StoreBackend::Sqlite => require(
            url.is_empty(),
            "store.url is for store.backend = \"postgres\"; it must be empty with sqlite",
        ),
        StoreBackend::Postgres => require(
            ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)),
            "store.url must be the address of a database, such as postgres://user:password@host:5432/database, with \
             store.backend = \"postgres\"",
        ),
    }
}

fn check_sales(config: &Config) -> Result<(), ConfigError> {
    let Config { store, checkout, waiting_room, availability, event_defaults: event, .. } = config;
    require(
        store.batch_items <= store.batch_queue_items,
        "store.batch_items must not exceed store.batch_queue_items",
    )?;
    // S9
    require(store.busy_timeout_milliseconds <= 2000, "store.busy_timeout_milliseconds must not exceed 2000")?;
    // S6
    require(
        checkout.sweep_interval_milliseconds <= 2000,
        "checkout.sweep_interval_milliseconds must not exceed 2000",
    )?;
    // I7: a key must not be free again while the first request still waits for the provider.
    require(
        checkout.gateway_timeout_seconds < checkout.idempotency_lease_seconds,
        "checkout.gateway_timeout_seconds must be less than checkout.idempotency_lease_seconds",
    )?;
    // I11
    require(checkout.idempotency_keep_hours >= 24, "checkout.idempotency_keep_hours must be at least 24")?;
    // C2
    require(
        u64::from(availability.refresh_milliseconds) + 1000 * u64::from(availability.max_age_seconds) <= 2000,
        "availability.refresh_milliseconds and availability.max_age_seconds together must not exceed 2 seconds",
    )?;
    // W9: whoever holds a stream open must not lapse between two signs of life.
    require(
        waiting_room.heartbeat_flush_seconds < event.lapse_seconds,
        "waiting_room.heartbeat_flush_seconds must be less than event_defaults.lapse_seconds",
    )?;
    require(
        waiting_room.sse_heartbeat_seconds < event.lapse_seconds,
        "waiting_room.sse_heartbeat_seconds must be less than event_defaults.lapse_seconds",
    )?;
    require(
        event.seats_per_order <= event.seats_per_buyer,
        "event_defaults.seats_per_order must not exceed event_defaults.seats_per_buyer",
    )
}

fn check_redis(config: &Config) -> Result<(), ConfigError> {
    let redis = &config.redis;
    require(
        redis.url.reveal().is_empty() || redis.url.reveal().starts_with("redis://"),
        "redis.url must be empty or begin with redis://",
    )?;
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    require(
        !redis.key_prefix.is_empty() && is_word(&redis.key_prefix) && is_word(&redis.node_id),
        "redis.key_prefix and redis.node_id must consist of letters, digits, -, _ and ., the former of at least one",
    )?;
    // W5: what is not to be had in time is done without it.
    require(
        redis.connect_timeout_milliseconds <= 5_000 && redis.command_timeout_milliseconds <= 5_000,
        "redis.connect_timeout_milliseconds and redis.command_timeout_milliseconds must not exceed 5000",
    )?;
    require(
        redis.cache_timeout_milliseconds <= redis.command_timeout_milliseconds,
        "redis.cache_timeout_milliseconds must not exceed redis.command_timeout_milliseconds",
    )
}

fn check_gateway(config: &Config) -> Result<(), ConfigError> {
    let gateway = &config.gateway;
    for (name, url) in [("gateway.url", &gateway.url), ("gateway.callback_url", &gateway.callback_url)] {
        let is_address = url.parse::<http::Uri>().is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.host().is_some()
                && url.query().is_none()
        });
        let reason = format!("{name} must be empty or an http or https URL without a query");
        require(url.is_empty() || is_address, &reason)?;
    }
    require(
        gateway.breaker_window_calls <= tmcore::breaker::MAX_WINDOW_CALLS,
        "gateway.breaker_window_calls must not exceed 64",
    )?;
    require(gateway.breaker_failure_percent <= 100, "gateway.breaker_failure_percent must not exceed 100")?;
    // M9, M10: everything is settled within a minute after the provider answers again.
    require(
        gateway.breaker_pause_seconds <= 60 && gateway.callback_delay_milliseconds <= 60_000,
        "gateway.breaker_pause_seconds and gateway.callback_delay_milliseconds must not exceed 60 seconds",
    )
}
