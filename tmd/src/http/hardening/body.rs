//! Slow bodies.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

/// Set when the body did not come in time.
pub(super) type Late = Arc<AtomicBool>;

/// Makes reading the request's body fail when its last byte has not come within `limit` from now. A request without a
/// body stays as it is.
pub(super) fn with_deadline(request: Request, limit: Duration) -> (Request, Option<Late>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let late = Late::default();
    let passes = Box::pin(tokio::time::sleep(limit));
    let request = request.map(|body| Body::new(Deadline { body, passes, late: Arc::clone(&late) }));
    (request, Some(late))
}

#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;

struct Deadline {
    body: Body,
    passes: Pin<Box<Sleep>>,
    late: Late,
}

impl HttpBody for Deadline {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            return frame;
        }
        ready!(self.passes.as_mut().poll(context));
        self.late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
