//! Laying settings over each other, and telling which layer a wrong one came from.

use std::ffi::OsString;
use std::fmt::Display;

use toml::{Table, Value};

use super::{Config, ConfigError, DEFAULTS};
use crate::cli::Flags;

const PREFIX: &str = "TMD_";
const MASK: &str = "********";

/// How alike two names have to be for one to be suggested for the other, by Jaro and Winkler's measure.
const ALIKE: f64 = 0.8;

/// Sections of settings, always all of them and with values of the right type.
pub(super) struct Layers {
    table: Table,
}

impl Layers {
    /// The compiled-in defaults.
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        Ok(Self { table: parse("the defaults", DEFAULTS)? })
    }

    /// Lays a file over what is there.
    pub(super) fn add_file(&mut self, layer: &str, text: &str) -> Result<(), ConfigError> {
        for (section, value) in parse(layer, text)? {
            let known = self.table.get(&section).and_then(Value::as_table);
            let Some(known) = known else { return Err(self.unknown(layer, &section)) };
            let Value::Table(settings) = value else {
                return Err(wrong(layer, format!("`{section}` is a section, write [{section}]")));
            };
            let known = known.clone();
            for (key, value) in settings {
                let name = format!("{section}.{key}");
                let default = known.get(&key).ok_or_else(|| self.unknown(layer, &name))?;
                if !value.same_type(default) {
                    let (expected, got) = (default.type_str(), value.type_str());
                    return Err(wrong(layer, format!("`{name}`: expected {expected}, got {got}")));
                }
                self.put(&section, &key, value);
            }
        }
        self.check_types(layer)
    }

    /// Lays `TMD_<SECTION>_<KEY>` variables over what is there.
    pub(super) fn add_environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        for (name, value) in variables {
            let name = name.to_string_lossy();
            if !name.starts_with(PREFIX) {
                continue;
            }
            let Some((section, key)) = self.names().find(|(section, key)| variable(section, key) == name)
            else {
                return Err(self.unknown("environment", &name));
            };
            let text = value.into_string().map_err(|_| wrong(&name, "not UTF-8"))?;
            let value = match self.get(&section, &key) {
                Some(Value::Integer(_)) => {
                    let number = text
                        .parse()
                        .map_err(|_| wrong(&name, format!("expected a whole number, got `{text}`")));
                    Value::Integer(number?)
                }
                _ => Value::String(text),
            };
            self.put(&section, &key, value);
            self.check_types(&name)?;
        }
        Ok(())
    }

    /// Lays the command line's flags over what is there.
    pub(super) fn add_flags(&mut self, flags: &Flags) -> Result<(), ConfigError> {
        if let Some(folder) = &flags.data_dir {
            let folder = folder.to_str().ok_or_else(|| wrong("--data-dir", "not UTF-8"))?;
            self.set("server", "data_dir", &folder);
        }
        if let Some(address) = flags.listen {
            self.set("server", "listen", &address);
        }
        if let Some(address) = flags.admin_listen {
            self.set("server", "admin_listen", &address);
        }
        for (key, url) in [("url", &flags.gateway_url), ("callback_url", &flags.callback_url)] {
            if let Some(url) = url {
                self.set("gateway", key, url);
            }
        }
        Ok(())
    }

    /// Sets one text.
    pub(super) fn set(&mut self, section: &str, key: &str, value: &impl Display) {
        self.put(section, key, Value::String(value.to_string()));
    }

    /// One text, empty when it is none.
    pub(super) fn text(&self, section: &str, key: &str) -> &str {
        self.get(section, key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The typed settings, checked against each other.
    pub(super) fn finish(&self) -> Result<Config, ConfigError> {
        let config = self.typed().map_err(|reason| wrong("the settings", reason.message()))?;
        super::check::check(&config)?;
        Ok(config)
    }

    /// The text of the defaults, comments and all, with the values that are in force.
    pub(super) fn print(&self) -> String {
        let mut section = "";
        let mut text = String::with_capacity(DEFAULTS.len());
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
            }
            let setting = line.split_once(" = ").and_then(|(key, _)| Some((key, self.get(section, key)?)));
            text += &setting
                .map_or_else(|| line.to_owned(), |(key, value)| format!("{key} = {}", masked(key, value)));
            text.push('\n');
        }
        text
    }

    fn typed(&self) -> Result<Config, toml::de::Error> {
        self.table.clone().try_into()
    }

    /// Blames the layer just added for values that no longer fit the typed settings.
    fn check_types(&self, layer: &str) -> Result<(), ConfigError> {
        self.typed().map(drop).map_err(|fault| wrong(layer, fault.to_string().trim().replace('\n', " ")))
    }

    fn get(&self, section: &str, key: &str) -> Option<&Value> {
        self.table.get(section)?.get(key)
    }

    fn put(&mut self, section: &str, key: &str, value: Value) {
        if let Some(Value::Table(settings)) = self.table.get_mut(section) {
            settings.insert(key.to_owned(), value);
        }
    }

    /// Section and key of every setting.
    fn names(&self) -> impl Iterator<Item = (String, String)> {
        let settings = |(section, settings): (&String, &Value)| {
            let keys = settings.as_table().into_iter().flat_map(Table::keys);
            keys.map(|key| (section.clone(), key.clone())).collect::<Vec<_>>()
        };
        self.table.iter().flat_map(settings).collect::<Vec<_>>().into_iter()
    }

    /// An unknown section, setting or variable, with the known one that is most like it.
    fn unknown(&self, layer: &str, name: &str) -> ConfigError {
        let spelled = |(section, key): (String, String)| {
            if name.starts_with(PREFIX) {
                variable(&section, &key)
            } else if name.contains('.') {
                format!("{section}.{key}")
            } else {
                section
            }
        };
        let by_likeness = self.names().map(spelled).map(|known| (strsim::jaro_winkler(&known, name), known));
        let best = by_likeness.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness >= ALIKE);
        ConfigError::Unknown {
            layer: layer.to_owned(),
            name: name.to_owned(),
            suggestion: best.map(|(_, known)| known),
        }
    }
}

fn parse(layer: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|fault: toml::de::Error| ConfigError::Syntax {
        layer: layer.to_owned(),
        reason: fault.to_string().trim_end().to_owned(),
    })
}

fn wrong(layer: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { layer: layer.to_owned(), reason: reason.into() }
}

fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{section}_{key}").to_uppercase()
}

/// The value as it may be shown: secrets by their name, passwords inside of addresses, are not.
fn masked(key: &str, value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let is_secret = ["secret", "token", "password", "key"].iter().any(|end| key.ends_with(end));
    if is_secret && !text.is_empty() {
        return Value::String(MASK.to_owned());
    }
    Value::String(without_password(text))
}

/// An address without the password in it, be that before the host or in the query; whatever signs the password has.
fn without_password(text: &str) -> String {
    let mut shown = text.to_owned();
    if let Some((scheme, rest)) = shown.split_once("://")
        && let Some((credentials, rest)) = rest.rsplit_once('@')
        && let Some((user, _)) = credentials.split_once(':')
    {
        shown = format!("{scheme}://{user}:{MASK}@{rest}");
    }
    if shown.contains("://")
        && let Some((before, after)) = shown.split_once("password=")
    {
        let rest = after.find('&').map_or("", |end| &after[end..]);
        shown = format!("{before}password={MASK}{rest}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        let shown = |key: &str, value: &str| {
            masked(key, &Value::String(value.to_owned())).as_str().unwrap().to_owned()
        };
        assert_eq!(shown("webhook_secret", "whsec_canary"), MASK);
        assert_eq!(shown("webhook_secret", ""), "");
        assert_eq!(shown("url", "postgres://tmd:canary@db/tmd"), format!("postgres://tmd:{MASK}@db/tmd"));
        assert_eq!(shown("url", "postgres://tmd:can:a@ry/@db/tmd"), format!("postgres://tmd:{MASK}@db/tmd"));
        assert_eq!(
            shown("url", "postgres://db/tmd?user=tmd&password=c@nary&port=1"),
            format!("postgres://db/tmd?user=tmd&password={MASK}&port=1")
        );
        assert_eq!(shown("url", "redis://cache:6379"), "redis://cache:6379");
        assert_eq!(shown("listen", "127.0.0.1:8080"), "127.0.0.1:8080");
    }
}
