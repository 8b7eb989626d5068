//! Settings: the compiled-in defaults, then a file, then the environment, then flags; the later wins.
//!
//! [`Config::load`] is the only place that reads the environment, but for the drills of tests (`drill.rs`). What the settings mean stands in
//! `config.default.toml`, which `tmd config print` shows with the values in force.

mod check;
mod layers;
mod networks;
mod sections;

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use crate::cli::Cli;
use crate::drill;
use layers::Layers;
pub use networks::Networks;
pub use sections::{
    AvailabilityConfig, CacheConfig, CheckoutConfig, Config, EventDefaults, GatewayConfig, LogConfig,
    LogFormat, OverloadConfig, RedisConfig, ServerConfig, ServiceUrl, StoreBackend, StoreConfig,
    WaitingRoomConfig,
};

/// The defaults, with what each setting means.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Variables that begin so tell tests where their services are, and are no settings.
const TEST_PREFIX: &str = "TMD_TEST_";

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file of `--config` cannot be read.
    #[error("failed to read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The text is no TOML.
    #[error("{layer}: {reason}")]
    Syntax {
        /// The file.
        layer: String,
        /// What the parser said, with the line.
        reason: String,
    },
    /// There is no such setting.
    #[error("{layer}: unknown setting `{name}`{}", hint(.suggestion.as_ref()))]
    Unknown {
        /// The file, or the environment.
        layer: String,
        /// The setting as it was written.
        name: String,
        /// The setting that may have been meant.
        suggestion: Option<String>,
    },
    /// The setting cannot have this value.
    #[error("{layer}: {reason}")]
    Value {
        /// The file, the variable or the flag.
        layer: String,
        /// The setting, and what is wrong with its value.
        reason: String,
    },
    /// Settings that are right one by one contradict each other or a promise.
    #[error("{0}")]
    Relation(String),
    /// There is no home to put the data folder in.
    #[error("neither XDG_DATA_HOME nor HOME is set: give `server.data_dir` or --data-dir")]
    NoHome,
}

fn hint(suggestion: Option<&String>) -> String {
    suggestion.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

impl Config {
    /// The settings in force: defaults, the file of `--config`, `TMD_*` variables, flags. An empty
    /// `server.data_dir` becomes the platform's.
    ///
    /// # Errors
    /// [`ConfigError`] tells the file, variable or flag that is wrong, or the settings that contradict each other.
    pub fn load(cli: &Cli) -> Result<Self, ConfigError> {
        in_force(cli)?.finish()
    }

    /// The settings in force as a commented configuration file, secrets masked.
    ///
    /// # Errors
    /// As for [`Config::load`]; what is printed is in order.
    pub fn print(cli: &Cli) -> Result<String, ConfigError> {
        let layers = in_force(cli)?;
        layers.finish()?;
        Ok(layers.print())
    }

    /// The compiled-in defaults alone, with an empty `server.data_dir`.
    ///
    /// # Errors
    /// None, as long as `config.default.toml` is in order.
    pub fn defaults() -> Result<Self, ConfigError> {
        Layers::defaults()?.finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn in_force(cli: &Cli) -> Result<Layers, ConfigError> {
    let mut layers = Layers::defaults()?;
    if let Some(path) = &cli.flags.config {
        let text =
            fs::read_to_string(path).map_err(|reason| ConfigError::Read { path: path.clone(), reason })?;
        layers.add_file(&path.display().to_string(), &text)?;
    }
    let is_setting = |name: &OsString| {
        let is_of_tests = name.to_string_lossy().starts_with(TEST_PREFIX);
        !is_of_tests && !drill::VARIABLES.iter().any(|other| name == other)
    };
    let settings = std::env::vars_os().filter(|(name, _)| is_setting(name));
    layers.add_environment(settings)?;
    layers.add_flags(&cli.flags)?;
    if layers.text("server", "data_dir").is_empty() {
        layers.set("server", "data_dir", &platform_data_dir(|name| std::env::var_os(name))?);
    }
    Ok(layers)
}

/// `$XDG_DATA_HOME/tmd` or `~/.local/share/tmd`.
///
/// Source: <https://specifications.freedesktop.org/basedir-spec/latest/>, which tells to ignore relative paths.
fn platform_data_dir(variable: impl Fn(&str) -> Option<OsString>) -> Result<String, ConfigError> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    let folder = base.ok_or(ConfigError::NoHome)?.join("tmd");
    Ok(folder.display().to_string())
}

#[cfg(test)]
mod tests;
