//! The ceiling of everything that is read: axum with one route that answers bytes it has.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::routing::get;
use bytes::Bytes;

use super::daemon::{Process, free_address};

/// Serves two files until killed: `/plain` and `/gzip`, and nothing at `/none`.
pub async fn serve(address: SocketAddr, folder: &Path) -> anyhow::Result<()> {
    let plain = Bytes::from(std::fs::read(folder.join("plain"))?);
    let gzip = Bytes::from(std::fs::read(folder.join("gzip"))?);
    let json = || (CONTENT_TYPE, "application/json");
    let router = Router::new()
        .route("/plain", get(async move || ([json()], plain)))
        .route("/gzip", get(async move || ([json(), (CONTENT_ENCODING, "gzip")], gzip)))
        .route("/none", get(async || StatusCode::NOT_MODIFIED));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Starts a child that serves two bodies.
pub async fn start(folder: &Path, plain: &[u8], gzip: &[u8]) -> anyhow::Result<Process> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("plain"), plain)?;
    std::fs::write(folder.join("gzip"), gzip)?;
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve-bare").arg(address.to_string()).arg(folder);
    let process = Process::start(command, address, &folder.join("log"))?;
    process.ready("/plain").await?;
    Ok(process)
}
