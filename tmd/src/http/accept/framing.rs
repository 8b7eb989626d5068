//! A request whose length is told twice, by `Content-Length` and by `Transfer-Encoding`, is how one request is hidden in
//! another (RFC 9112, 6.1 and 11.2). hyper goes by the coding and forgets the length, so that nobody behind it can tell;
//! here such a head is made one that hyper refuses.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which no head with two lengths passes.
///
/// A head begins with the connection, and after each answer. One that comes in the same packet as the request before it
/// is not looked at: hyper then goes by the coding alone and closes, as RFC 9112 allows.
pub(super) struct OneLength<T> {
    io: T,
    head: Head,
}

impl<T> OneLength<T> {
    pub(super) fn new(io: T) -> Self {
        Self { io, head: Head::default() }
    }
}

const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";
/// How a connection of HTTP/2 begins. Its requests have no such fields.
const PREFACE: &[u8] = b"pri * http/2.0";

/// How far the head has come.
#[derive(Default)]
struct Head {
    is_over: bool,
    /// The beginning of the line, in lower case.
    line: [u8; CODING.len() + 1],
    length: usize,
    has: [bool; 2],
}

impl Head {
    /// Reads on; the end of the line that has the second of the two fields is made what no head may have.
    fn read(&mut self, bytes: &mut [u8]) {
        for at in 0..bytes.len() {
            if self.is_over {
                return;
            }
            if bytes[at] == b'\n' {
                self.end_line();
                if self.has == [true; 2] {
                    // The line has to end all the same, or hyper waits for more: its last character is spoiled.
                    bytes[at.saturating_sub(1)] = 0;
                    self.is_over = true;
                }
            } else if self.length < self.line.len() {
                self.line[self.length] = bytes[at].to_ascii_lowercase();
                self.length += 1;
            }
        }
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length];
        let is = |name: &[u8]| {
            line.strip_prefix(name)
                .and_then(<[u8]>::first)
                .is_some_and(|next| matches!(next, b':' | b' ' | b'\t'))
        };
        self.has = [self.has[0] || is(LENGTH), self.has[1] || is(CODING)];
        self.is_over = matches!(line, b"" | b"\r") || line.starts_with(PREFACE);
        self.length = 0;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for OneLength<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.head.read(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for OneLength<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.head = Head::default();
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.head = Head::default();
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_spoiled(text: &str, parts: usize) -> bool {
        let mut bytes = text.as_bytes().to_vec();
        let mut head = Head::default();
        for part in bytes.chunks_mut(parts.max(1)) {
            head.read(part);
        }
        bytes.contains(&0)
    }

    proptest! {
        #[test]
        fn two_lengths_are_found_however_the_head_comes_and_nothing_else_is_touched(parts in 1..200_usize) {
            let with = |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n{body}");
            for fields in [
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "transfer-encoding:chunked\r\nx: y\r\ncontent-length:5",
                "TRANSFER-ENCODING : chunked\r\ncontent-length\t: 5",
            ] {
                prop_assert!(is_spoiled(&with(fields, ""), parts), "{fields}");
            }
            for (fields, body) in [
                ("content-length: 5", "transfer-encoding: chunked\n"),
                ("transfer-encoding: chunked", "content-length: 5\n"),
                ("x-content-length: 5\r\ntransfer-encoding: chunked", ""),
                ("content-lengths: 5\r\ntransfer-encoding: chunked", ""),
                ("x: content-length: 5\r\ntransfer-encoding: chunked", ""),
            ] {
                prop_assert!(!is_spoiled(&with(fields, body), parts), "{fields}");
            }
            let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ncontent-length: 1\ntransfer-encoding: x\n";
            prop_assert!(!is_spoiled(http2, parts));
        }
    }
}
