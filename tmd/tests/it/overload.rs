//! Too much of everything: requests, connections, streams, and an end in the middle of it.

mod child;
mod connection;
mod cost;
mod queue;
mod shutdown;
mod stream;

use tmd::config::{Config, Networks};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{PATIENCE, quick};

/// The settings of tests, with budgets also for those of this machine.
fn limited() -> Config {
    let mut config = quick();
    config.overload.unlimited_networks = Networks::default();
    config
}

/// A connection whose reader takes hardly anything until it reads.
async fn narrow(url: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap()
}

/// Reads until the text is there.
async fn read_until(socket: &mut TcpStream, wanted: &str) -> String {
    let mut said = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&said).contains(wanted) {
            assert!(socket.read_buf(&mut said).await.unwrap() > 0, "closed before {wanted:?}");
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("never came: {wanted:?}"));
    String::from_utf8_lossy(&said).into_owned()
}
