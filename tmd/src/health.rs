//! Asking a running daemon whether it is ready: `tmd health`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long a daemon may take to answer; a probe that waits longer helps nobody.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a daemon does not count as ready.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The base address is no `http://host:port`.
    #[error("expected an address such as http://127.0.0.1:8080, got `{0}`")]
    Address(String),
    /// Nobody listens there.
    #[error("failed to connect")]
    Connect(#[from] std::io::Error),
    /// Somebody listens, and speaks no HTTP.
    #[error("failed to ask")]
    Ask(#[from] hyper::Error),
    /// No answer within 5 seconds.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The daemon says that it is not ready.
    #[error("not ready: {0}")]
    NotReady(StatusCode),
}

/// The base address of a daemon that listens on `listen` on this host.
#[must_use]
pub fn local_url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

/// Asks `GET <base>/readyz`; `Ok` when the daemon is ready.
///
/// # Errors
/// [`HealthError`] tells why it is not, or cannot be asked.
pub async fn probe(base: &str) -> Result<(), HealthError> {
    tokio::time::timeout(TIMEOUT, ask(base)).await.map_err(|_| HealthError::Timeout)?
}

async fn ask(base: &str) -> Result<(), HealthError> {
    let malformed = || HealthError::Address(base.to_owned());
    let uri: Uri = base.parse().map_err(|_| malformed())?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(malformed)?;
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host().trim_matches(['[', ']']);
    let path = format!("{}/readyz", uri.path().trim_end_matches('/'));
    let request = Request::get(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new());
    let request = request.map_err(|_| malformed())?;

    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let response = tokio::select! {
        response = sender.send_request(request) => response?,
        ended = connection => return Err(ended.map_or_else(HealthError::Ask, |()| HealthError::Timeout)),
    };
    if response.status().is_success() { Ok(()) } else { Err(HealthError::NotReady(response.status())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::http::accept::{AcceptLimits, serve};
    use crate::lifecycle::Lifecycle;
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    async fn answering(status: StatusCode) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = local_url(listener.local_addr().unwrap());
        let router = Router::new().route("/readyz", get(async move || status));
        let limits = AcceptLimits::from(&Config::defaults().unwrap().server);
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("listener", serve(listener, router, limits, lifecycle.clone()));
        url
    }

    #[tokio::test]
    async fn ready_is_a_2xx_and_nothing_else() {
        probe(&answering(StatusCode::OK).await).await.unwrap();
        let not = probe(&answering(StatusCode::SERVICE_UNAVAILABLE).await).await.unwrap_err();
        assert!(matches!(not, HealthError::NotReady(StatusCode::SERVICE_UNAVAILABLE)), "{not}");
    }

    #[tokio::test]
    async fn nobody_there_and_nonsense_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = local_url(listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(probe(&url).await, Err(HealthError::Connect(_))));
        for bad in ["", "127.0.0.1:8080", "https://127.0.0.1", "http://"] {
            assert!(matches!(probe(bad).await, Err(HealthError::Address(_))), "{bad}");
        }
    }

    #[test]
    fn an_address_for_everybody_is_asked_on_this_host() {
        for (listen, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(local_url(listen.parse().unwrap()), url);
        }
    }
}
