//! A wire between two processes, which can be long, silent or cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

const CHUNK_BYTES: usize = 16 << 10;

/// Up as long as this lives.
#[derive(Debug)]
pub struct Wire {
    pub address: SocketAddr,
    state: Arc<State>,
    _carrying: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    /// How long an answer takes on its way.
    latency: watch::Sender<Duration>,
    is_silent: watch::Sender<bool>,
    /// How often every connection was cut.
    cuts: watch::Sender<u64>,
}

impl Wire {
    /// A wire to a server of this machine.
    pub async fn to(server: SocketAddr, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (latency, is_silent, cuts) =
            (watch::Sender::new(latency), watch::Sender::new(false), watch::Sender::new(0));
        let state = Arc::new(State { server, latency, is_silent, cuts });
        let mut carrying = JoinSet::new();
        carrying.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, _carrying: carrying })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How long every answer takes from now on; answers how long it took before.
    pub fn lengthen(&self, latency: Duration) -> Duration {
        self.state.latency.send_replace(latency)
    }

    /// Nothing passes until told otherwise, and nobody is told.
    pub fn silence(&self, is_silent: bool) {
        self.state.is_silent.send_replace(is_silent);
    }

    /// Cuts every connection, at once.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(carry(client, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let carrying = async {
        let mut server = TcpStream::connect(state.server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        tokio::select! {
            ended = pass(from_client, to_server, &state, None) => ended,
            ended = pass(from_server, to_client, &state, Some(&state.latency)) => ended,
        }
    };
    tokio::select! {
        // However it ends, both sides are dropped.
        _ = carrying => {}
        _ = cuts.changed() => {}
    }
}

async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    state: &State,
    latency: Option<&watch::Sender<Duration>>,
) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut bytes).await?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
        let delay = latency.map(|latency| *latency.borrow()).unwrap_or_default();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let _ = state.is_silent.subscribe().wait_for(|is_silent| !is_silent).await;
        to.write_all(read).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut echoing = JoinSet::new();
        echoing.spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                let (mut from, mut to) = peer.split();
                let _ = io::copy(&mut from, &mut to).await;
            }
        });
        (address, echoing)
    }

    async fn answer(peer: &mut TcpStream, patience: Duration) -> Option<u8> {
        peer.write_all(b"x").await.ok()?;
        let mut byte = [0];
        tokio::time::timeout(patience, peer.read_exact(&mut byte)).await.ok()?.ok()?;
        Some(byte[0])
    }

    #[tokio::test]
    async fn it_carries_is_silent_and_is_cut() {
        let (server, _echoing) = echo().await;
        let wire = Wire::to(server, Duration::ZERO).await.unwrap();
        let mut peer = TcpStream::connect(wire.address).await.unwrap();
        assert_eq!(answer(&mut peer, Duration::from_secs(10)).await, Some(b'x'));
        wire.silence(true);
        assert_eq!(answer(&mut peer, Duration::from_millis(50)).await, None);
        wire.silence(false);
        let mut byte = [0];
        peer.read_exact(&mut byte).await.unwrap();
        wire.cut();
        assert_eq!(answer(&mut peer, Duration::from_secs(10)).await, None, "it was cut");
        let mut other = TcpStream::connect(wire.address).await.unwrap();
        assert_eq!(wire.lengthen(Duration::from_millis(1)), Duration::ZERO);
        assert_eq!(answer(&mut other, Duration::from_secs(10)).await, Some(b'x'));
    }
}
