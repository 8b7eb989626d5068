//! The wires of a rehearsal: whoever speaks to somebody there does it over one.

use std::io;
use std::time::Duration;

use super::messenger::Messenger;
use super::wire::Wire;

const POSTGRES_PORT: u16 = 5432;
const REDIS_PORT: u16 = 6379;

/// All of them.
#[derive(Debug)]
pub struct Wires {
    /// Between the crowd and the daemon.
    pub street: Wire,
    /// Between the daemon and the payment provider.
    pub line: Wire,
    /// From the payment provider to the daemon.
    pub messenger: Messenger,
    /// Between the daemon and its database, where that is a server.
    pub postgres: Option<Wire>,
    /// Between the daemon and Redis, where there is one.
    pub redis: Option<Wire>,
}

/// Puts a wire before each server that the daemon's settings name, and has them name the wire.
pub async fn tap(settings: &mut [(String, String)]) -> io::Result<(Option<Wire>, Option<Wire>)> {
    let (mut postgres, mut redis) = (None, None);
    for (name, value) in settings {
        let (wire, port) = match name.as_str() {
            "store.url" => (&mut postgres, POSTGRES_PORT),
            "redis.url" => (&mut redis, REDIS_PORT),
            _ => continue,
        };
        let Some(parts) = Parts::of(value, port) else { continue };
        let bad = || io::Error::new(io::ErrorKind::NotFound, format!("{} is nowhere", parts.host));
        let server = tokio::net::lookup_host(&parts.host).await?.next().ok_or_else(bad)?;
        let tapped = Wire::to(server, Duration::ZERO).await?;
        *value = parts.at(&tapped.address.to_string());
        *wire = Some(tapped);
    }
    Ok((postgres, redis))
}

/// A URL in three: what comes before host and port, those, and what comes after them.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    before: String,
    host: String,
    after: String,
}

impl Parts {
    fn of(url: &str, usual_port: u16) -> Option<Self> {
        let begin = url.find("://")? + 3;
        let end = url.get(begin..)?.find(['/', '?']).map_or(url.len(), |at| begin + at);
        let begin = url.get(begin..end)?.rfind('@').map_or(begin, |at| begin + at + 1);
        let host = url.get(begin..end).filter(|host| !host.is_empty())?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:{usual_port}") };
        Some(Self { before: url.get(..begin)?.to_owned(), host, after: url.get(end..)?.to_owned() })
    }

    fn at(&self, address: &str) -> String {
        [&self.before, address, &self.after].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_goes_elsewhere_and_keeps_its_login_and_its_path() {
        for (url, host, elsewhere) in [
            (
                "postgres://me:p%40ss@db.example/tickets?sslmode=disable",
                "db.example:5432",
                "postgres://me:p%40ss@w:1/tickets?sslmode=disable",
            ),
            ("postgres://127.0.0.1:6000/tickets", "127.0.0.1:6000", "postgres://w:1/tickets"),
            ("redis://:secret@[::1]:6379/5", "[::1]:6379", "redis://:secret@w:1/5"),
            ("redis://[::1]", "[::1]:5432", "redis://w:1"),
        ] {
            let parts = Parts::of(url, 5432).unwrap();
            assert_eq!((parts.host.as_str(), parts.at("w:1").as_str()), (host, elsewhere));
        }
        for none in ["", "tickets", "postgres:///tickets"] {
            assert_eq!(Parts::of(none, 5432), None, "{none}");
        }
    }
}
