//! A connection of HTTP/1.1 that costs next to nothing: the generator shares its cores with what it measures.
//!
//! It reads what the daemon and hyper write (a status line, `content-length` in lower case, no trailers) and no more.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Connections from one source address; the system has 28,000 ports for each pair of addresses.
const CONNECTIONS_PER_SOURCE: u32 = 4_000;
const FIRST_READ: usize = 16 * 1024;

/// A connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The head, as it came.
    pub head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects, from one of several addresses of this host.
    pub async fn open(server: SocketAddr) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let source = 2 + (NEXT.fetch_add(1, Ordering::Relaxed) / CONNECTIONS_PER_SOURCE) % 200;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::from(0x7f00_0000 + source), 0).into())?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = self.read_head().await?;
        let (status, length) = parse_head(&self.buffer[..head_end])?;
        self.read_until(head_end + length).await?;
        let (head, rest) = self.buffer.split_at(head_end);
        Ok(Answer { status, head, body: &rest[..length] })
    }

    /// Sends the request for a stream and reads its head.
    pub async fn listen(mut self, request: &[u8]) -> io::Result<Listening> {
        self.stream.write_all(request).await?;
        let head_end = self.read_head().await?;
        let (status, _) = parse_head(&self.buffer[..head_end])?;
        if status != 200 {
            return Err(io::Error::other(format!("a stream was answered {status}")));
        }
        self.buffer.drain(..head_end);
        Ok(Listening { stream: self.stream, unread: self.buffer })
    }

    async fn read_head(&mut self) -> io::Result<usize> {
        let mut searched = 0_usize;
        loop {
            if let Some(end) = find(&self.buffer[searched..], b"\r\n\r\n") {
                return Ok(searched + end + 4);
            }
            searched = self.buffer.len().saturating_sub(3);
            self.read_more(FIRST_READ).await?;
        }
    }

    async fn read_until(&mut self, wanted: usize) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let missing = wanted - self.buffer.len();
            self.read_more(missing).await?;
        }
        Ok(())
    }

    async fn read_more(&mut self, room: usize) -> io::Result<()> {
        self.buffer.reserve(room);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// A stream of server-sent events. While it is silent it costs the generator its socket and no buffer.
pub struct Listening {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Listening {
    /// Waits for the next bytes and shows them, lengths of chunks and all.
    pub async fn next(&mut self, shown: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if !self.unread.is_empty() {
            shown(&std::mem::take(&mut self.unread));
            return Ok(());
        }
        loop {
            self.stream.readable().await?;
            match self.read_once(shown) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    fn read_once(&self, shown: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut piece = [0_u8; FIRST_READ];
        match self.stream.try_read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                shown(&piece[..length]);
                Ok(())
            }
        }
    }
}

fn parse_head(head: &[u8]) -> io::Result<(u16, usize)> {
    let malformed = || io::Error::other("not an answer of HTTP/1.1");
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?;
    let length = match field(head, b"\r\ncontent-length: ") {
        Some(digits) => digits.parse().map_err(|_| malformed())?,
        None => 0,
    };
    Ok((status, length))
}

/// The value of a field, given with the end of the line before it.
pub fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let value = &head[find(head, name)? + name.len()..];
    let value = &value[..find(value, b"\r")?];
    std::str::from_utf8(value).ok()
}

/// Where a text begins.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// A request of HTTP/1.1 with the fields it needs and no other.
pub fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: office\r\n");
    for (name, value) in fields {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(text, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    } else if method == "POST" {
        text.push_str("content-length: 0\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
