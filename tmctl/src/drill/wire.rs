//! A wire between two processes, and the weather on it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tmcore::drill::Dice;
use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{MutexGuard, watch};
use tokio::task::JoinSet;

const CHUNK_BYTES: usize = 16 << 10;
/// Connections at once, of three descriptors each in this process: the caller's end, and the two of the wire.
const MAX_CONNECTIONS: usize = 5_000;
/// After there was no descriptor for a connection.
const BREATH: Duration = Duration::from_millis(10);
/// Between two pieces that are sent one by one.
const BETWEEN_PIECES: Duration = Duration::from_millis(1);
/// Of a slow wire's bytes, as many pieces come in a second.
const PIECES_PER_SECOND: u32 = 20;

/// What becomes of bytes that go one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether anything passes; nobody is told that it does not.
    pub is_open: bool,
    /// How long they take.
    pub latency: Duration,
    /// How much longer they may take, drawn each time.
    pub jitter: Duration,
    /// As many pass in a second, on each connection; 0: as many as come.
    pub bytes_per_second: u32,
    /// As many are sent at once; 0: as many as come.
    pub piece_bytes: u32,
}

impl Way {
    const CLEAR: Self = Self {
        is_open: true,
        latency: Duration::ZERO,
        jitter: Duration::ZERO,
        bytes_per_second: 0,
        piece_bytes: 0,
    };

    /// How many of so many bytes are sent next.
    fn piece(&self, left: usize) -> usize {
        let most = match (self.piece_bytes, self.bytes_per_second) {
            (0, 0) => return left,
            (0, rate) => rate.div_ceil(PIECES_PER_SECOND),
            (piece, _) => piece,
        };
        left.min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// How long it takes until more can be sent.
    fn rest(&self, sent: usize) -> Duration {
        match (self.piece_bytes, self.bytes_per_second) {
            (0, 0) => Duration::ZERO,
            (_, 0) => BETWEEN_PIECES,
            (_, rate) => Duration::from_secs(sent as u64) / rate,
        }
    }
}

/// How it goes on a wire, from the one who calls to the one who is called, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    pub there: Way,
    pub back: Way,
    /// Once these bytes went there, the connection is cut before the answer passes.
    pub fatal: Option<&'static [u8]>,
}

/// How connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Both sides read to the end.
    Cut,
    /// Both sides are told that what they sent is lost (RST).
    Reset,
}

/// Up as long as this lives.
#[derive(Debug)]
pub struct Wire {
    pub address: SocketAddr,
    state: Arc<State>,
    turn: tokio::sync::Mutex<()>,
    _carrying: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    weather: watch::Sender<Weather>,
    ends: watch::Sender<End>,
    /// How many connections were cut by their bytes.
    fatalities: AtomicU64,
    dice: Mutex<Dice>,
}

impl Wire {
    /// A wire to a server of this machine, whose answers take some time.
    pub async fn to(server: SocketAddr, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let weather = Weather { there: Way::CLEAR, back: Way { latency, ..Way::CLEAR }, fatal: None };
        let state = Arc::new(State {
            server,
            weather: watch::Sender::new(weather),
            ends: watch::Sender::new(End::Cut),
            fatalities: AtomicU64::new(0),
            dice: Mutex::new(Dice::new(address.port().into())),
        });
        let mut carrying = JoinSet::new();
        carrying.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, turn: tokio::sync::Mutex::new(()), _carrying: carrying })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whoever changes something waits until nobody else does.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub fn weather(&self) -> Weather {
        *self.state.weather.borrow()
    }

    /// How it goes from now on.
    pub fn set(&self, weather: Weather) {
        self.state.weather.send_replace(weather);
    }

    /// Cuts every connection, at once.
    pub fn cut(&self) {
        self.state.ends.send_replace(End::Cut);
    }

    /// Cuts every connection so that both sides are told (RST).
    pub fn reset(&self) {
        self.state.ends.send_replace(End::Reset);
    }

    /// How many connections were cut by their bytes so far.
    pub fn fatalities(&self) -> u64 {
        self.state.fatalities.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(carry(client, Arc::clone(&state)));
            }
            // Where too many are, the next is turned away at once.
            Ok(_) => {}
            // There is no descriptor left; somebody may give one back.
            Err(_) => tokio::time::sleep(BREATH).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, state: Arc<State>) {
    let mut ends = state.ends.subscribe();
    let Ok(mut server) = TcpStream::connect(state.server).await else { return };
    for side in [&client, &server] {
        // Only makes it slower where it fails.
        let _ = side.set_nodelay(true);
    }
    let is_doomed = AtomicBool::new(false);
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    tokio::select! {
        // Of a cut connection nothing passes any more, though its way be open again.
        biased;
        _ = ends.changed() => {}
        // However it ends, both sides are dropped.
        _ = there(from_client, to_server, &state, &is_doomed) => return,
        _ = back(from_server, to_client, &state, &is_doomed) => return,
    }
    if *ends.borrow() == End::Reset {
        for side in [&client, &server] {
            let _ = side.set_zero_linger();
        }
    }
}

async fn there(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    state: &State,
    is_doomed: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut tail = Vec::new();
    loop {
        let count = from.read(&mut bytes).await?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
        if state.weather.borrow().fatal.is_some_and(|fatal| holds(&mut tail, read, fatal)) {
            is_doomed.store(true, Ordering::SeqCst);
        }
        state.send(&mut to, read, |weather| weather.there).await?;
    }
}

async fn back(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    state: &State,
    is_doomed: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut bytes).await?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
        if is_doomed.load(Ordering::SeqCst) {
            state.fatalities.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        state.send(&mut to, read, |weather| weather.back).await?;
    }
}

/// Whether a text was sent, be it in two parts; `tail` keeps what may be the first.
fn holds(tail: &mut Vec<u8>, read: &[u8], text: &[u8]) -> bool {
    tail.extend_from_slice(read);
    let found = tail.windows(text.len()).any(|window| window == text);
    tail.drain(..tail.len().saturating_sub(text.len().saturating_sub(1)));
    found
}

impl State {
    async fn send(
        &self,
        to: &mut WriteHalf<'_>,
        mut left: &[u8],
        way: impl Fn(&Weather) -> Way,
    ) -> io::Result<()> {
        let now = way(&self.weather.borrow());
        let delay = now.latency + self.drawn(now.jitter);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        while !left.is_empty() {
            let mut weather = self.weather.subscribe();
            let open = weather.wait_for(|weather| way(weather).is_open).await.map(|open| way(&open));
            let Ok(now) = open else { return Ok(()) };
            let (piece, rest) = left.split_at(now.piece(left.len()));
            to.write_all(piece).await?;
            left = rest;
            let pause = now.rest(piece.len());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    fn drawn(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        if most == 0 {
            return Duration::ZERO;
        }
        Duration::from_micros(self.dice.lock().unwrap_or_else(PoisonError::into_inner).below(most + 1))
    }
}

#[cfg(test)]
mod tests;
