//! Layers, refusals and relations of the configuration.

use clap::Parser;

use super::*;

fn with_file(text: &str) -> Result<Config, ConfigError> {
    let mut layers = Layers::defaults()?;
    layers.add_file("tmd.toml", text)?;
    layers.finish()
}

fn with_variable(name: &str, value: &str) -> Result<Config, ConfigError> {
    let mut layers = Layers::defaults()?;
    layers.add_environment([(name.into(), value.into())].into_iter())?;
    layers.finish()
}

fn reason(result: Result<Config, ConfigError>) -> String {
    result.expect_err("a refusal").to_string()
}

#[test]
fn the_defaults_hold_together() {
    let config = Config::defaults().unwrap();
    assert_eq!(config.server.listen.port(), 8080);
    assert_eq!(config.event_defaults.currency.code(), "EUR");
}

#[test]
fn the_later_layer_wins() {
    let mut layers = Layers::defaults().unwrap();
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:2\"\nmax_body_bytes = 3\n";
    layers.add_file("tmd.toml", file).unwrap();
    let variables =
        [("TMD_SERVER_LISTEN", "127.0.0.1:4"), ("TMD_SERVER_ADMIN_LISTEN", "127.0.0.1:5"), ("HOME", "/h")];
    layers.add_environment(variables.map(|(name, value)| (name.into(), value.into())).into_iter()).unwrap();
    let cli = Cli::try_parse_from(["tmd", "--listen", "127.0.0.1:6", "--data-dir", "/d"]).unwrap();
    layers.add_flags(&cli.flags).unwrap();
    let server = layers.finish().unwrap().server;
    assert_eq!((server.listen.port(), server.admin_listen.port(), server.max_body_bytes), (6, 5, 3));
    assert_eq!(server.data_dir, PathBuf::from("/d"));
}

#[test]
fn every_setting_can_come_from_the_environment() {
    let table: toml::Table = DEFAULTS.parse().unwrap();
    for (section, settings) in table {
        for (key, value) in settings.as_table().unwrap() {
            let name = format!("TMD_{section}_{key}").to_uppercase();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(with_variable(&name, &text).unwrap(), Config::defaults().unwrap(), "{name}");
        }
    }
}

#[test]
fn unknown_settings_are_refused_with_the_likely_name() {
    for (file, message) in [
        (
            "[server]\nlisten_address = \"\"",
            "tmd.toml: unknown setting `server.listen_address`, did you mean `server.listen`?",
        ),
        ("[serve]\n", "tmd.toml: unknown setting `serve`, did you mean `server`?"),
        ("[zzz]\n", "tmd.toml: unknown setting `zzz`"),
    ] {
        assert_eq!(reason(with_file(file)), message);
    }
    assert_eq!(
        reason(with_variable("TMD_SERVER_LISTN", "")),
        "environment: unknown setting `TMD_SERVER_LISTN`, did you mean `TMD_SERVER_LISTEN`?"
    );
}

#[test]
fn wrong_values_are_refused_where_they_stand() {
    for (file, start) in [
        ("server = 1", "tmd.toml: `server` is a section"),
        (
            "[server]\nmax_body_bytes = \"1\"",
            "tmd.toml: `server.max_body_bytes`: expected integer, got string",
        ),
        ("[server]\nmax_body_bytes = -1", "tmd.toml: invalid value: integer `-1`"),
        ("[server]\nlisten = \"here\"", "tmd.toml: invalid socket address syntax in `server.listen`"),
        ("[log]\nformat = \"xml\"", "tmd.toml: unknown variant `xml`"),
        ("[event_defaults]\ncurrency = \"XXY\"", "tmd.toml: unknown variant `XXY`"),
        ("[server\n", "tmd.toml: TOML parse error at line 1"),
    ] {
        let reason = reason(with_file(file));
        assert!(reason.starts_with(start), "{file}: {reason}");
        assert!(reason.len() < 3000 && !reason.is_empty());
    }
    assert_eq!(
        reason(with_variable("TMD_SERVER_MAX_BODY_BYTES", "many")),
        "TMD_SERVER_MAX_BODY_BYTES: expected a whole number, got `many`"
    );
    assert!(reason(with_variable("TMD_SERVER_LISTEN", "")).starts_with("TMD_SERVER_LISTEN: "));
}

#[test]
fn settings_that_break_a_promise_are_refused() {
    for (file, named) in [
        ("[waiting_room]\nheartbeat_flush_seconds = 120", "event_defaults.lapse_seconds"),
        ("[waiting_room]\nsse_heartbeat_seconds = 120", "event_defaults.lapse_seconds"),
        ("[server]\nadmin_listen = \"127.0.0.1:8080\"", "server.listen"),
        ("[server]\nmax_connections = 10", "server.max_connections_per_address"),
        ("[server]\nmax_header_bytes = 100", "server.max_header_bytes"),
        ("[server]\nmax_request_line_bytes = 20000", "server.max_request_line_bytes"),
        ("[server]\nmax_import_bytes = 1", "server.max_import_bytes"),
        ("[server]\nbody_timeout_seconds = 31", "server.body_timeout_seconds"),
        ("[server]\nstream_grace_seconds = 21", "server.stream_grace_seconds"),
        ("[store]\nbatch_items = 5000", "store.batch_items"),
        ("[store]\nbackend = \"postgres\"", "store.url"),
        ("[store]\nbackend = \"postgres\"\nurl = \"canary\"", "store.url"),
        ("[store]\nurl = \"postgres://canary\"", "store.url"),
        ("[store]\nmoney_connections = 0", "store.money_connections"),
        ("[store]\nbusy_timeout_milliseconds = 2001", "store.busy_timeout_milliseconds"),
        ("[checkout]\nsweep_interval_milliseconds = 2001", "checkout.sweep_interval_milliseconds"),
        ("[checkout]\ngateway_timeout_seconds = 30", "checkout.idempotency_lease_seconds"),
        ("[checkout]\nidempotency_keep_hours = 23", "checkout.idempotency_keep_hours"),
        ("[availability]\nmax_age_seconds = 2", "availability.max_age_seconds"),
        ("[event_defaults]\nseats_per_order = 9", "event_defaults.seats_per_buyer"),
        ("[waiting_room]\ntick_milliseconds = 0", "waiting_room.tick_milliseconds"),
        ("[gateway]\nurl = \"127.0.0.1:8082\"", "gateway.url"),
        ("[gateway]\ncallback_url = \"ftp://here\"", "gateway.callback_url"),
        ("[gateway]\nbreaker_window_calls = 65", "gateway.breaker_window_calls"),
        ("[gateway]\nbreaker_failure_percent = 101", "gateway.breaker_failure_percent"),
        ("[gateway]\nbreaker_failures = 0", "gateway.breaker_failures"),
        ("[gateway]\nbreaker_pause_seconds = 61", "gateway.breaker_pause_seconds"),
        ("[log]\nfilter = \"tmd=loud\"", "log.filter"),
    ] {
        let result = with_file(file);
        assert!(matches!(result, Err(ConfigError::Relation(_))), "{file}: {result:?}");
        let reason = reason(result);
        assert!(reason.contains(named) && !reason.contains("canary"), "{file}: {reason}");
    }
}

#[test]
fn addresses_with_a_password_are_shown_nowhere() {
    let mut layers = Layers::defaults().unwrap();
    for file in [
        "[store]\nbackend = \"postgres\"\nurl = \"postgres://tmd:canary@127.0.0.1/tmd\"",
        "[redis]\nurl = \"redis://:canary@127.0.0.1/0\"",
    ] {
        layers.add_file("tmd.toml", file).unwrap();
    }
    let config = layers.finish().unwrap();
    assert_eq!(config.store.url.reveal(), "postgres://tmd:canary@127.0.0.1/tmd");
    assert_eq!(config.redis.url.reveal(), "redis://:canary@127.0.0.1/0");
    assert!(!layers.print().contains("canary") && !format!("{config:?}").contains("canary"));
}

#[test]
fn what_is_printed_reads_back_and_keeps_the_comments() {
    let mut layers = Layers::defaults().unwrap();
    layers
        .add_file("tmd.toml", "[server]\nlisten = \"127.0.0.1:1\"\n[checkout]\ngateway_timeout_seconds = 5")
        .unwrap();
    layers.set("server", "data_dir", &"/a \"quoted\" folder");
    let printed = layers.print();
    assert_eq!(with_file(&printed).unwrap(), layers.finish().unwrap());
    assert_eq!(printed.matches('#').count(), DEFAULTS.matches('#').count());
}

#[test]
fn the_data_folder_follows_the_platform() {
    let with = |xdg: Option<&str>, home: Option<&str>| {
        let (xdg, home) = (xdg.map(OsString::from), home.map(OsString::from));
        platform_data_dir(|name| if name == "HOME" { home.clone() } else { xdg.clone() })
    };
    assert_eq!(with(Some("/x"), Some("/h")).unwrap(), "/x/tmd");
    assert_eq!(with(Some("relative"), Some("/h")).unwrap(), "/h/.local/share/tmd");
    assert_eq!(with(None, Some("/h")).unwrap(), "/h/.local/share/tmd");
    assert!(matches!(with(None, None), Err(ConfigError::NoHome)));
}
