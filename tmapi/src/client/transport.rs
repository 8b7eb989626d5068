//! Lets the event-source crate speak through our HTTP client, so that there is one TLS stack and one connection pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use http::{Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use sync_wrapper::{SyncFuture, SyncStream};

/// What the server asked for by `retry:`, milliseconds; `u64::MAX` until it does.
#[derive(Clone, Debug)]
pub(super) struct RetryHint(Arc<AtomicU64>);

impl RetryHint {
    pub(super) fn none() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    /// The hint, once: it speaks of the next reconnection only.
    pub(super) fn take(&self) -> Option<u64> {
        let millis = self.0.swap(u64::MAX, Ordering::Relaxed);
        (millis != u64::MAX).then_some(millis)
    }
}

/// Our HTTP client as the crate's transport.
#[derive(Clone)]
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) hint: RetryHint,
}

impl HttpTransport for Transport {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let (http, hint) = (self.http.clone(), self.hint.clone());
        Box::pin(SyncFuture::new(async move {
            let request = request.map(Option::unwrap_or_default);
            let request = reqwest::Request::try_from(request).map_err(TransportError::new)?;
            let answer = http.execute(request).await.map_err(|e| TransportError::new(e.without_url()))?;
            let mut head = Response::builder().status(answer.status());
            if let Some(headers) = head.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let (mut finder, mut meter) = (RetryFinder::default(), Meter::default());
            let body = answer.bytes_stream().map_err(|e| TransportError::new(e.without_url()));
            let body = body.inspect_ok(move |chunk| finder.feed(chunk, &hint));
            let body = body.map(move |chunk| {
                let chunk = chunk?;
                meter.feed(&chunk).map_err(TransportError::new)?;
                Ok(chunk)
            });
            head.body(Box::pin(SyncStream::new(body)) as ByteStream).map_err(TransportError::new)
        }))
    }
}

/// The longest event that is read. A snapshot of 200,000 seats in 2,000 sections takes a tenth of it.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// The crate keeps an event in memory until its last line, however long it is.
#[derive(Debug, thiserror::Error)]
#[error("an event is longer than {MAX_EVENT_BYTES} bytes")]
struct EventTooLong;

/// Measures the event that passes, from one empty line to the next.
#[derive(Default)]
struct Meter {
    event: usize,
    line: usize,
}

impl Meter {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), EventTooLong> {
        for &byte in chunk {
            match byte {
                b'\r' => {}
                b'\n' if std::mem::take(&mut self.line) == 0 => self.event = 0,
                b'\n' => self.event += 1,
                _ => (self.line, self.event) = (self.line + 1, self.event + 1),
            }
            if self.event > MAX_EVENT_BYTES {
                return Err(EventTooLong);
            }
        }
        Ok(())
    }
}

/// Finds `retry:` lines in the bytes that pass. The crate drops them unless they come with data, and a server that
/// shuts down sends them alone.
#[derive(Default)]
struct RetryFinder {
    /// The current line, as far as it can still be a `retry:`.
    line: Vec<u8>,
    skipping: bool,
}

impl RetryFinder {
    /// `retry: ` and the digits of 2^64.
    const LONGEST: usize = 27;

    fn feed(&mut self, chunk: &[u8], hint: &RetryHint) {
        for &byte in chunk {
            match byte {
                b'\n' | b'\r' => {
                    if let Some(millis) = self.finish() {
                        hint.set(millis);
                    }
                }
                _ if self.skipping => {}
                _ if self.line.len() < Self::LONGEST => self.line.push(byte),
                _ => self.skipping = true,
            }
        }
    }

    fn finish(&mut self) -> Option<u64> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.skipping) {
            return None;
        }
        std::str::from_utf8(line.strip_prefix(b"retry:")?).ok()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_may_be_longer_than_one() {
        let mut meter = Meter::default();
        let half = vec![b'x'; MAX_EVENT_BYTES / 2];
        for end in [b"\n\n".as_slice(), b"\r\n\r\n"] {
            for _ in 0..3 {
                assert!(meter.feed(&half).is_ok() && meter.feed(end).is_ok());
            }
        }
        assert!(meter.feed(&half).is_ok() && meter.feed(b"\n").is_ok());
        assert!(meter.feed(&half).is_err());
    }

    #[test]
    fn e3_a_retry_line_is_found_wherever_chunks_are_cut() {
        let text =
            b": beat\nid: 1\ndata: retry: 5\n\nretry: 2500\n\nretry: 99999999999999999999999999999999\n";
        for cut in 0..text.len() {
            let (hint, mut finder) = (RetryHint::none(), RetryFinder::default());
            finder.feed(&text[..cut], &hint);
            finder.feed(&text[cut..], &hint);
            assert_eq!(hint.take(), Some(2500), "cut at {cut}");
            assert_eq!(hint.take(), None);
        }
    }
}
