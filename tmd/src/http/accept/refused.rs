//! What hyper refuses by itself, with a body: a head that does not parse never reaches the service, and hyper answers
//! it with an empty 400, 414 or 431. Such an answer is recognised as it is written and gets a problem body.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode};
use tmapi::problem::PROBLEM_JSON;
use tmapi::{Problem, ProblemCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::hardening::problem::RequestId;

/// A connection that lets no empty refusal out.
pub(super) struct Explained<T> {
    io: T,
    /// What is written instead of hyper's own words, and how many of those it stands for.
    instead: Option<(Bytes, usize)>,
}

impl<T> Explained<T> {
    pub(super) fn new(io: T) -> Self {
        Self { io, instead: None }
    }
}

/// What hyper says by itself: no answer of ours is without a request's id, none of hyper's has one.
fn explained(said: &[u8]) -> Option<Bytes> {
    let rest = said.strip_prefix(b"HTTP/1.1 ")?;
    let (code, detail) = match rest.get(..3)? {
        b"400" => (ProblemCode::InvalidParameter, "the request is not written as HTTP wants it"),
        b"414" => (ProblemCode::UriTooLong, "the request line is too long"),
        b"431" => (ProblemCode::HeadersTooLarge, "the header fields are too large"),
        _ => return None,
    };
    let head = std::str::from_utf8(said).ok()?.to_ascii_lowercase();
    let is_bare = head.ends_with("\r\n\r\n") && head.contains("\r\ncontent-length: 0\r\n");
    if !is_bare || head.contains("\r\nx-request-id:") {
        return None;
    }
    let status = StatusCode::from_bytes(&rest[..3]).ok()?;
    let id = RequestId::of(&HeaderMap::new());
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem {
        kind: "about:blank".to_owned(),
        title: title.to_owned(),
        status: status.as_u16(),
        detail: detail.to_owned(),
        code,
        request_id: id.as_str().to_owned(),
        retryable: false,
        hint: None,
        seats: Vec::new(),
    };
    let body = serde_json::to_string(&problem).ok()?;
    let text = format!(
        "HTTP/1.1 {} {title}\r\nconnection: close\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nx-request-id: {}\r\n\r\n{body}",
        status.as_u16(),
        body.len(),
        id.as_str()
    );
    Some(text.into())
}

impl<T: AsyncWrite + Unpin> Explained<T> {
    /// Writes what stands for hyper's words, if these are such.
    fn poll_instead(&mut self, context: &mut Context<'_>, said: &[u8]) -> Poll<io::Result<Option<usize>>> {
        if self.instead.is_none() {
            self.instead = explained(said).map(|text| (text, said.len()));
        }
        let Some((text, length)) = &mut self.instead else { return Poll::Ready(Ok(None)) };
        while text.has_remaining() {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, text))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            text.advance(written);
        }
        let length = *length;
        self.instead = None;
        Poll::Ready(Ok(Some(length)))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Explained<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Explained<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_instead(context, bytes))? {
            Some(length) => Poll::Ready(Ok(length)),
            None => Pin::new(&mut self.io).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |slice| slice);
        match ready!(self.poll_instead(context, first))? {
            Some(length) => Poll::Ready(Ok(length)),
            None => Pin::new(&mut self.io).poll_write_vectored(context, slices),
        }
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const HYPERS: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";

    async fn written(said: &str) -> String {
        // Small, so that it takes several writes.
        let (near, mut far) = tokio::io::duplex(16);
        let mut near = Explained::new(near);
        let writing = async move { near.write_all(said.as_bytes()).await.unwrap() };
        let mut text = String::new();
        tokio::join!(writing, async { far.read_to_string(&mut text).await.unwrap() });
        text
    }

    #[tokio::test]
    async fn an_empty_refusal_is_explained_and_nothing_else_is_touched() {
        let text = written(HYPERS).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!((problem.code, problem.status), (ProblemCode::HeadersTooLarge, 431));
        for kept in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
            HYPERS.replace("date: x", "x-request-id: req_1"),
            HYPERS.replace("length: 0", "length: 2") + "ok",
        ] {
            assert_eq!(written(&kept).await, kept);
        }
    }
}
