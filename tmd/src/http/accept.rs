//! Accepting connections: how many, from whom, how slow they may be, and how they end.
//!
//! `axum::serve` sets no timer, so a client that says nothing would hold its connection for ever; hyper-util's server
//! is driven here directly. Used for the public listener, the operators' and the payment sandbox.

mod address;
mod framing;
mod refused;
mod stall;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures::FutureExt;
use http::{Request, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tmapi::ProblemCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::hardening::problem::{self, RequestId};
use crate::config::ServerConfig;
use crate::lifecycle::{Grace, Lifecycle};
use crate::telemetry::queue::QueueGauge;
pub(in crate::http) use address::{AddressPermit, Addresses, client};
use framing::OneLength;
use refused::Explained;
use stall::StallLimit;

/// The client's address, in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What a listener's connections may take.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLimits {
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address, or of one /64 network of IPv6.
    pub max_connections_per_address: usize,
    /// How much of a request's head is read. More is answered 431 by hyper.
    pub max_head_bytes: usize,
    /// How long a request's head may take, from the connection's start or the last answer's end.
    pub header_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_timeout: Duration,
    /// How long connections may stay after the draining began.
    pub grace: Grace,
    /// Whose connections these are, in metrics.
    pub listener: &'static str,
}

impl From<&ServerConfig> for AcceptLimits {
    fn from(server: &ServerConfig) -> Self {
        Self {
            max_connections: server.max_connections,
            max_connections_per_address: server.max_connections_per_address,
            // Twice what is allowed is read, so that most of what is too long is refused with a problem body.
            max_head_bytes: 2 * (server.max_header_bytes + server.max_request_line_bytes),
            header_timeout: Duration::from_secs(server.header_timeout_seconds.into()),
            write_timeout: Duration::from_secs(server.write_timeout_seconds.into()),
            grace: Grace::from(server),
            listener: "public",
        }
    }
}

/// How long to leave the listener alone when the system has no room for another connection (EMFILE, ENOMEM).
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// Connections over a limit that are told so at the same time; more are closed without a word.
const MAX_REFUSALS: usize = 64;
/// How long a connection over a limit may take to say what it wants and to hear no.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection that was opened just before the draining may take to ask.
const NEWCOMER_GRACE: Duration = Duration::from_millis(250);
/// Requests that one HTTP/2 connection may have in flight.
const MAX_HTTP2_STREAMS: u32 = 256;
/// What the system may keep of an answer beyond what is on its way to the client. Less makes a slow reader known, and
/// keeps what it hears new; more would be memory of ours that is filled for it.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 32 * 1024;
/// How often an HTTP/2 connection is asked whether anybody is there.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// Accepts connections and answers their requests with `service` until the draining, then lets them end.
///
/// While requests are in flight new connections are still accepted, for one request each, so that a load balancer sees
/// `/readyz` change its answer. Returns when every connection has ended or been cut off (L1).
pub async fn serve<S>(listener: TcpListener, service: S, limits: AcceptLimits, lifecycle: Lifecycle)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let acceptor = Arc::new(Acceptor {
        service,
        limits,
        lifecycle,
        room: Arc::new(Semaphore::new(limits.max_connections)),
        refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        addresses: Arc::new(Addresses::new(limits.max_connections_per_address)),
        shown: Shown::new(&limits),
    });
    let connections = TaskTracker::new();
    let draining = &acceptor.lifecycle.draining;
    draining.run_until_cancelled(acceptor.accept_all(&listener, &connections, KeepAlive::Yes)).await;

    connections.close();
    let late = TaskTracker::new();
    tokio::select! {
        never = acceptor.accept_all(&listener, &late, KeepAlive::No) => match never {},
        () = connections.wait() => {}
        () = tokio::time::sleep(limits.grace.requests) => {}
    }
    drop(listener);
    late.close();
    late.wait().await;
    connections.wait().await;
}

/// Whether a connection may ask more than once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeepAlive {
    Yes,
    No,
}

struct Acceptor<S> {
    service: S,
    limits: AcceptLimits,
    lifecycle: Lifecycle,
    room: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    shown: Shown,
}

/// How full it is.
struct Shown {
    connections: QueueGauge,
    refusals: QueueGauge,
}

impl Shown {
    fn new(limits: &AcceptLimits) -> Self {
        let name = |what| format!("{}_{what}", limits.listener);
        Self {
            connections: QueueGauge::new(name("connections"), limits.max_connections),
            refusals: QueueGauge::new(name("refusals"), MAX_REFUSALS),
        }
    }
}

/// The places a connection takes, given back when it ends.
struct Places {
    _room: OwnedSemaphorePermit,
    _address: AddressPermit,
}

/// What is known of a connection's requests.
#[derive(Default)]
struct Progress {
    asked: AtomicBool,
    open_streams: AtomicUsize,
}

impl<S> Acceptor<S>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn accept_all(
        self: &Arc<Self>,
        listener: &TcpListener,
        connections: &TaskTracker,
        keep_alive: KeepAlive,
    ) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.begin(stream, Peer(peer), connections, keep_alive),
                Err(fault) => {
                    if let Some(pause) = pause_after(&fault) {
                        metrics::counter!("http_accept_failures_total").increment(1);
                        tracing::warn!("failed to accept a connection: {fault}");
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }

    /// Gives a connection its task, or one that tells it no.
    fn begin(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: Peer,
        connections: &TaskTracker,
        keep_alive: KeepAlive,
    ) {
        // Answers are small: waiting for more to send would only make them late. Without it they still arrive.
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
        let acceptor = Arc::clone(self);
        match self.admit(peer) {
            Ok(places) => {
                self.shown.connections.set_free(self.room.available_permits());
                let delays = Arc::clone(&self.lifecycle.delays);
                let connection = async move {
                    delays.watch(Box::pin(acceptor.run(stream, peer, keep_alive))).await;
                    drop(places);
                    acceptor.shown.connections.set_free(acceptor.room.available_permits());
                };
                self.lifecycle.spawn("connection", connections.track_future(connection));
            }
            Err(code) => {
                metrics::counter!("http_connections_refused_total", "code" => code.as_str()).increment(1);
                if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
                    self.shown.refusals.set_free(self.refusals.available_permits());
                    let refusal = async move {
                        acceptor.refuse(stream, code).await;
                        drop(place);
                        acceptor.shown.refusals.set_free(acceptor.refusals.available_permits());
                    };
                    self.lifecycle.spawn("refusal", connections.track_future(refusal));
                }
            }
        }
    }

    fn admit(&self, Peer(peer): Peer) -> Result<Places, ProblemCode> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| ProblemCode::Busy)?;
        let address = self.addresses.enter(peer.ip()).ok_or(ProblemCode::RateLimited)?;
        Ok(Places { _room: room, _address: address })
    }

    /// One connection from its first byte to its last.
    async fn run(&self, stream: TcpStream, peer: Peer, keep_alive: KeepAlive) {
        let progress = Arc::new(Progress::default());
        let builder = self.builder(keep_alive);
        let (shared, seen) = (self.service.clone(), Arc::clone(&progress));
        let service = service_fn(move |request| answer(shared.clone(), request, peer, Arc::clone(&seen)));
        let stream = OneLength::new(StallLimit::new(stream, self.limits.write_timeout));
        let io = TokioIo::new(Explained::new(stream));
        let mut connection = pin!(builder.serve_connection(io, service));
        if keep_alive == KeepAlive::Yes {
            tokio::select! {
                ended = connection.as_mut() => return log_end(peer, ended),
                () = self.silence(&progress) => return,
                () = self.lifecycle.draining.cancelled() => {}
            }
            // hyper hangs up at once on who has not asked yet. Who has only just come may still ask.
            if !progress.asked.load(Ordering::Relaxed) {
                tokio::select! {
                    ended = connection.as_mut() => return log_end(peer, ended),
                    () = tokio::time::sleep(NEWCOMER_GRACE) => {}
                }
            }
            connection.as_mut().graceful_shutdown();
        }
        tokio::select! {
            ended = connection => log_end(peer, ended),
            () = self.silence(&progress) => {}
            () = self.grace(&progress) => tracing::debug!(peer = %peer.0, "connection cut off"),
        }
    }

    /// Ends when nothing was asked in time. hyper's own limit begins only when it knows the version of HTTP, which a
    /// silent client never tells.
    async fn silence(&self, progress: &Progress) {
        tokio::time::sleep(self.limits.header_timeout).await;
        if progress.asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when a draining connection's grace is over: early for one that carries a stream, since its reader has not
    /// taken the goodbye.
    async fn grace(&self, progress: &Progress) {
        let Grace { requests, streams } = self.limits.grace;
        tokio::time::sleep(streams).await;
        if progress.open_streams.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(requests.saturating_sub(streams)).await;
        }
    }

    async fn refuse(&self, stream: TcpStream, code: ProblemCode) {
        let builder = self.builder(KeepAlive::No);
        let service = service_fn(|request: Request<Incoming>| {
            let id = RequestId::of(request.headers());
            async move { Ok::<_, Infallible>(problem::too_many_connections(code, &id)) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // Whether the client hears the no is its own affair.
        let _ = tokio::time::timeout(REFUSAL_TIMEOUT, connection).await;
    }

    fn builder(&self, keep_alive: KeepAlive) -> Builder<Tasks> {
        let mut builder = Builder::new(Tasks(self.lifecycle.tasks.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .keep_alive(keep_alive == KeepAlive::Yes)
            .max_buf_size(self.limits.max_head_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(self.limits.header_timeout)
            .max_concurrent_streams(MAX_HTTP2_STREAMS)
            .max_header_list_size(u32::try_from(self.limits.max_head_bytes).unwrap_or(u32::MAX));
        builder
    }
}

/// Answers one request, and notes that it was asked and whether its answer is a stream.
async fn answer<S>(
    mut service: S,
    mut request: Request<Incoming>,
    peer: Peer,
    progress: Arc<Progress>,
) -> Result<Response, Infallible>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    progress.asked.store(true, Ordering::Relaxed);
    request.extensions_mut().insert(peer);
    let response = service.call(request).await?;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    Ok(if is_stream { response.map(|body| counted(body, progress)) } else { response })
}

/// Runs the tasks of HTTP/2 connections where the process waits for them.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        drop(self.0.spawn(task.map(drop)));
    }
}

/// Counts the stream as open until its body is dropped.
fn counted(body: Body, progress: Arc<Progress>) -> Body {
    struct Open(Arc<Progress>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.open_streams.fetch_sub(1, Ordering::Relaxed);
        }
    }
    progress.open_streams.fetch_add(1, Ordering::Relaxed);
    let open = Open(progress);
    Body::new(body.map_frame(move |frame| {
        let _ = &open;
        frame
    }))
}

/// How long to wait after a failure to accept; `None` when only the one connection failed.
fn pause_after(fault: &io::Error) -> Option<Duration> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    let only_this_one =
        matches!(fault.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted);
    (!only_this_one).then_some(PAUSE_AFTER_FAILURE)
}

fn log_end(peer: Peer, ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(fault) = ended {
        tracing::debug!(peer = %peer.0, "connection failed: {fault}");
    }
}

#[cfg(test)]
mod tests;
