//! The wire between a daemon and its database: it can be slow, silent, cut, and cut in the very moment of a COMMIT.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::Dice;

/// When the wire breaks around a COMMIT. Its sender cannot tell one from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of it.
    Before,
    /// The server has it, and nobody to answer.
    Behind,
    /// The server has done it, and its answer is lost.
    Answered,
}

impl Cut {
    pub const ALL: [Self; 3] = [Self::Before, Self::Behind, Self::Answered];
}

/// Which COMMIT is cut.
enum Plan {
    None,
    /// Each, with this chance of one in so many, in any way.
    OneIn(usize, Dice),
    /// After so many others, once.
    After(usize, Cut),
}

/// A wire that is up as long as this lives.
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
    _carrying: JoinSet<()>,
}

struct Wire {
    server: SocketAddr,
    plan: Mutex<Plan>,
    cuts: AtomicUsize,
    silent: watch::Sender<bool>,
    /// How often every connection was cut.
    resets: watch::Sender<usize>,
    /// Connections that are as old as this hear nothing any more, and are not told so.
    forgotten: watch::Sender<usize>,
    opened: AtomicUsize,
}

impl Proxy {
    /// A wire to a port of this machine.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(Wire {
            server: SocketAddr::from(([127, 0, 0, 1], server)),
            plan: Mutex::new(Plan::None),
            cuts: AtomicUsize::new(0),
            silent: watch::Sender::new(false),
            resets: watch::Sender::new(0),
            forgotten: watch::Sender::new(0),
            opened: AtomicUsize::new(0),
        });
        let mut carrying = JoinSet::new();
        carrying.spawn(accept(listener, Arc::clone(&wire)));
        Self { port, wire, _carrying: carrying }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Cuts one COMMIT in so many, in any way, until told otherwise.
    pub fn cut_one_in(&self, commits: usize, seed: u64) {
        *self.wire.plan.lock().unwrap() = Plan::OneIn(commits, Dice::new(seed));
    }

    /// Lets so many COMMITs through, and cuts the next.
    pub fn cut_after(&self, commits: usize, cut: Cut) {
        *self.wire.plan.lock().unwrap() = Plan::After(commits, cut);
    }

    /// Cuts no COMMIT any more; answers whether there was still one to be cut.
    pub fn leave_commits(&self) -> bool {
        !matches!(std::mem::replace(&mut *self.wire.plan.lock().unwrap(), Plan::None), Plan::None)
    }

    /// How many COMMITs were cut.
    pub fn cuts(&self) -> usize {
        self.wire.cuts.load(Ordering::Relaxed)
    }

    /// Nothing passes until told otherwise, and nobody is told.
    pub fn silence(&self, is_silent: bool) {
        self.wire.silent.send_replace(is_silent);
    }

    /// Cuts every connection, at once.
    pub fn reset(&self) {
        self.wire.resets.send_modify(|resets| *resets += 1);
    }

    /// Nothing passes on the connections there are, ever, and nobody is told; new ones are as good as before.
    pub fn forget(&self) {
        self.wire.forgotten.send_replace(self.wire.opened.load(Ordering::SeqCst));
    }
}

impl Wire {
    fn at_commit(&self) -> Option<Cut> {
        let mut plan = self.plan.lock().unwrap();
        let cut = match &mut *plan {
            Plan::None => None,
            Plan::OneIn(commits, dice) => (dice.below(*commits) == 0).then(|| Cut::ALL[dice.below(3)]),
            Plan::After(0, cut) => {
                let cut = *cut;
                *plan = Plan::None;
                Some(cut)
            }
            Plan::After(commits, _) => {
                *commits -= 1;
                None
            }
        };
        if cut.is_some() {
            self.cuts.fetch_add(1, Ordering::Relaxed);
        }
        cut
    }

    /// Returns when something may pass on a connection.
    async fn passes(&self, connection: usize) {
        let _ = self.forgotten.subscribe().wait_for(|&forgotten| connection > forgotten).await;
        let _ = self.silent.subscribe().wait_for(|&is_silent| !is_silent).await;
    }
}

async fn accept(listener: TcpListener, wire: Arc<Wire>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.spawn(carry(client, Arc::clone(&wire)));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, wire: Arc<Wire>) {
    let number = wire.opened.fetch_add(1, Ordering::SeqCst) + 1;
    let mut resets = wire.resets.subscribe();
    let hears_nothing = AtomicBool::new(false);
    let carrying = async {
        wire.passes(number).await;
        let mut server = TcpStream::connect(wire.server).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            ended = there(from_client, to_server, (&wire, number), &hears_nothing) => ended,
            ended = back(from_server, to_client, (&wire, number), &hears_nothing) => ended,
        }
    };
    tokio::select! {
        // However it ends, both sides are dropped.
        _ = carrying => {}
        _ = resets.changed() => {}
    }
    let _ = socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
}

/// Carries whole messages to the server, and looks for COMMIT: a simple query, as the driver sends it.
/// Source: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
async fn there(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    (wire, number): (&Wire, usize),
    hears_nothing: &AtomicBool,
) -> io::Result<()> {
    let (mut from, mut to) = (BufReader::new(from), BufWriter::new(to));
    // The first message has no type.
    let mut kind_bytes = 0;
    loop {
        let mut message = vec![0; kind_bytes + 4];
        from.read_exact(&mut message).await?;
        let length = u32::from_be_bytes(message[kind_bytes..].try_into().unwrap());
        let head = message.len();
        message.resize(kind_bytes + length as usize, 0);
        from.read_exact(&mut message[head..]).await?;
        wire.passes(number).await;
        let is_commit = kind_bytes == 1 && message[0] == b'Q' && message[head..].starts_with(b"COMMIT");
        let cut = if is_commit { wire.at_commit() } else { None };
        if cut == Some(Cut::Before) {
            return Ok(());
        }
        hears_nothing.fetch_or(cut == Some(Cut::Answered), Ordering::SeqCst);
        to.write_all(&message).await?;
        if from.buffer().is_empty() || cut.is_some() {
            to.flush().await?;
        }
        if cut == Some(Cut::Behind) {
            return Ok(());
        }
        kind_bytes = 1;
    }
}

/// Carries what the server says, up to the answer that is to be lost.
async fn back(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    (wire, number): (&Wire, usize),
    hears_nothing: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 || hears_nothing.load(Ordering::SeqCst) {
            return Ok(());
        }
        wire.passes(number).await;
        to.write_all(&bytes[..count]).await?;
    }
}
