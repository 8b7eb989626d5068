//! Listeners on real sockets.

use std::sync::Mutex;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::http::hardening::{RequestLimits, harden};

/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(100);

fn limits() -> AcceptLimits {
    AcceptLimits {
        max_connections: 100,
        max_connections_per_address: 100,
        max_head_bytes: 16384,
        header_timeout: PATIENCE,
        write_timeout: PATIENCE,
        grace: Grace { requests: PATIENCE, streams: PATIENCE },
        listener: "test",
    }
}

struct Running {
    address: SocketAddr,
    lifecycle: Lifecycle,
    ended: JoinHandle<()>,
}

async fn start<S>(service: S, limits: AcceptLimits) -> Running
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lifecycle = Lifecycle::new();
    let ended = lifecycle.spawn("listener", serve(listener, service, limits, lifecycle.clone()));
    Running { address, lifecycle, ended }
}

fn hello() -> Router {
    Router::new().route("/", get(async |Extension(Peer(peer)): Extension<Peer>| peer.to_string()))
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to these bytes until the connection ends.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }

    fn begin_draining(&self) {
        self.lifecycle.draining.cancel();
        self.lifecycle.streams.cancel();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE / 2, stream.read_to_end(&mut answer)).await;
    // A reset after the answer is an end, too.
    drop(read.expect("the connection ends"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the text has come.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(PATIENCE / 2, stream.read(&mut buffer)).await;
        let length = read.expect("an answer").unwrap();
        assert_ne!(length, 0, "the connection ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let running = start(hello(), limits()).await;
    let mut stream = running.connect().await;
    stream.write_all(LAST_REQUEST).await.unwrap();
    let peer = stream.local_addr().unwrap().to_string();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&peer), "{answer}");
}

#[tokio::test]
async fn http2_is_answered_too() {
    let running = start(hello(), limits()).await;
    let io = TokioIo::new(running.connect().await);
    let executor = Tasks(running.lifecycle.tasks.clone());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    running.lifecycle.spawn("client", connection.map(drop));
    let request = Request::get("http://a/").body(Body::empty()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
}

#[tokio::test]
async fn whoever_says_nothing_or_not_enough_is_closed() {
    let running = start(hello(), AcceptLimits { header_timeout: SHORT, ..limits() }).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: a\r\n", "\r\n"] {
        assert_eq!(running.exchange(beginning.as_bytes()).await, "", "{beginning:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_closed() {
    let running = start(hello(), AcceptLimits { header_timeout: SHORT, ..limits() }).await;
    let mut stream = running.connect().await;
    let mut drops = tokio::time::interval(SHORT / 10);
    let dripping = async {
        while stream.write_all(b"x-a: 1\r\n").await.is_ok() {
            drops.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE / 2, dripping).await.expect("the connection ends");
}

#[tokio::test]
async fn a_kept_connection_that_falls_silent_is_closed() {
    let running = start(hello(), AcceptLimits { header_timeout: SHORT, ..limits() }).await;
    let answer = running.exchange(REQUEST).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_head_over_the_limit_is_431() {
    let running = start(hello(), limits()).await;
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n", "a".repeat(16384));
    let answer = running.exchange(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_the_next_one_fits_again() {
    let one = AcceptLimits { max_connections: 1, ..limits() };
    let one_each = AcceptLimits { max_connections_per_address: 1, ..limits() };
    for (limits, status) in [(one, "503 Service Unavailable"), (one_each, "429 Too Many Requests")] {
        let running = start(hello(), limits).await;
        let mut first = running.connect().await;
        first.write_all(REQUEST).await.unwrap();
        read_until(&mut first, "127.0.0.1").await;

        let refused = running.exchange(REQUEST).await;
        assert!(refused.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{refused}");
        for part in
            ["retry-after: 1", "application/problem+json", "\"requestId\":\"req_", "connection: close"]
        {
            assert!(refused.contains(part), "{part} in {refused}");
        }

        drop(first);
        let until_it_fits =
            async { while !running.exchange(LAST_REQUEST).await.starts_with("HTTP/1.1 200 ") {} };
        tokio::time::timeout(PATIENCE, until_it_fits).await.expect("the place is free again");
    }
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_off() {
    type Told = Arc<Mutex<Option<oneshot::Sender<()>>>>;
    async fn endless(State(told): State<Told>) -> Body {
        struct Tell(Option<oneshot::Sender<()>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.take().map(|told| told.send(()));
            }
        }
        let tell = Tell(told.lock().unwrap().take());
        let pieces = std::iter::repeat_with(move || {
            let _ = &tell;
            Ok::<_, Infallible>(Bytes::from_static(&[0; 16384]))
        });
        Body::from_stream(futures::stream::iter(pieces))
    }
    let (told, cut) = oneshot::channel();
    let router = Router::new().route("/", get(endless)).with_state(Arc::new(Mutex::new(Some(told))));
    let running = start(router, AcceptLimits { write_timeout: SHORT, ..limits() }).await;
    let mut stream = running.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    tokio::time::timeout(PATIENCE, cut).await.expect("the answer is given up").unwrap();
}

/// A request that takes as long as the test wants.
#[derive(Clone, Default)]
struct Slow {
    begun: CancellationToken,
    finish: CancellationToken,
}

/// A stream that says hello, and goodbye when told to, if it listens; and a slow request.
fn streams(lifecycle: &Lifecycle, slow: Slow) -> Router {
    let stream = |goodbye: CancellationToken| {
        let parts = futures::stream::unfold(0, move |part| {
            let goodbye = goodbye.clone();
            async move {
                match part {
                    0 => Some((Ok::<_, Infallible>("data: hello\n\n"), 1)),
                    1 => {
                        goodbye.cancelled().await;
                        Some((Ok("retry: 1\n\n"), 2))
                    }
                    _ => None,
                }
            }
        });
        let event_stream = [(header::CONTENT_TYPE, "text/event-stream")];
        std::future::ready((event_stream, Body::from_stream(parts)))
    };
    let told = lifecycle.streams.clone();
    let wait = async move || {
        slow.begun.cancel();
        slow.finish.cancelled().await;
        "finished"
    };
    Router::new()
        .route("/", get(wait))
        .route("/stream", get(move || stream(told)))
        .route("/deaf", get(move || stream(CancellationToken::new())))
}

/// A listener whose router shares its life.
async fn start_streams(limits: AcceptLimits) -> (Running, Slow) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (lifecycle, slow) = (Lifecycle::new(), Slow::default());
    let router = streams(&lifecycle, slow.clone());
    let ended = lifecycle.spawn("listener", serve(listener, router, limits, lifecycle.clone()));
    (Running { address, lifecycle, ended }, slow)
}

#[tokio::test]
async fn l1_an_open_stream_says_goodbye_and_the_listener_ends() {
    let (running, _) = start_streams(limits()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, "hello").await;
    let mut idle = running.connect().await;

    running.begin_draining();
    assert!(rest(&mut stream).await.contains("retry: 1"));
    assert_eq!(rest(&mut idle).await, "");
    tokio::time::timeout(PATIENCE / 2, running.ended).await.expect("the listener ends").unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// Asks for the slow request and waits until it is in flight.
async fn ask_slowly(running: &Running, slow: &Slow) -> TcpStream {
    let mut stream = running.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    tokio::time::timeout(PATIENCE, slow.begun.cancelled()).await.expect("the request is in flight");
    stream
}

#[tokio::test]
async fn l1_a_deaf_stream_is_cut_off_while_a_request_in_flight_may_end() {
    let grace = Grace { requests: PATIENCE, streams: SHORT };
    let (running, slow) = start_streams(AcceptLimits { grace, ..limits() }).await;
    let mut deaf = running.connect().await;
    deaf.write_all(b"GET /deaf HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    read_until(&mut deaf, "hello").await;
    let mut asking = ask_slowly(&running, &slow).await;

    running.begin_draining();
    assert!(!rest(&mut deaf).await.contains("retry"));
    slow.finish.cancel();
    assert!(rest(&mut asking).await.ends_with("finished"));
    tokio::time::timeout(PATIENCE / 2, running.ended).await.expect("the listener ends").unwrap();
}

#[tokio::test]
async fn l1_a_request_that_does_not_end_is_cut_off() {
    let grace = Grace { requests: SHORT, streams: SHORT };
    let (running, slow) = start_streams(AcceptLimits { grace, ..limits() }).await;
    let mut asking = ask_slowly(&running, &slow).await;
    running.begin_draining();
    assert_eq!(rest(&mut asking).await, "");
    tokio::time::timeout(PATIENCE / 2, running.ended).await.expect("the listener ends").unwrap();
}

#[tokio::test]
async fn l1_while_a_request_is_in_flight_a_probe_is_still_answered_once() {
    let (running, slow) = start_streams(limits()).await;
    let mut asking = ask_slowly(&running, &slow).await;
    running.begin_draining();
    let probe = running.exchange(b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(probe.starts_with("HTTP/1.1 404 ") && probe.contains("connection: close"), "{probe}");
    slow.finish.cancel();
    assert!(rest(&mut asking).await.ends_with("finished"));
    tokio::time::timeout(PATIENCE / 2, running.ended).await.expect("the listener ends").unwrap();
}

#[tokio::test]
async fn hostile_heads_are_refused_and_never_500() {
    let server = Config::defaults().unwrap().server;
    let router = hello().route("/api/orders/{id}", get(async || "an order"));
    let hardened = harden(router, RequestLimits::from(&server), Arc::new(SystemClock::new()));
    let running = start(hardened, AcceptLimits::from(&server)).await;
    let line = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let fields =
        |fields: &str| format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n\r\nhello");
    for (request, statuses) in [
        (line("/api/orders/1"), "200"),
        (line(&format!("/api/orders/{}", "a".repeat(8192))), "414"),
        (line(&format!("/api/orders/{}", "a".repeat(30_000))), "414"),
        (fields(&format!("x-a: {}", "a".repeat(16_384))), "431"),
        (fields(&format!("x-a: {}", "a".repeat(100_000))), "431"),
        (fields(&"x-a: 1\r\n".repeat(200)), "431"),
        (line("/api/orders/%00"), "404"),
        (line("/api/orders/../../etc/passwd"), "404"),
        (line("/api/orders/1:confirm%20"), "404"),
        (line("/api/orders/1/-/confirm"), "404"),
        (line("/api/orders/%F0%9F%8E%AB:nothing"), "404"),
        (line("//api/orders/1"), "404"),
        (line("/api/orders/'%20OR%201=1--"), "404"),
        (line("/api/orders/\u{1f3ab}"), "200 400 404"),
        (line("/api/orders/\0"), "400"),
        (line("/api/orders/a b"), "400"),
        (fields("content-length: 5\r\ncontent-length: 6"), "400"),
        (fields("content-length: +5"), "400"),
        (fields("transfer-encoding: gzip"), "400"),
        (fields("transfer-encoding: chunked, identity"), "400"),
        (fields("content-length : 5"), "400"),
        (fields("host: b"), "400"),
        (line("/").replace("GET", "TRACE"), "405"),
        (line("/").replace("1.1", "1.2"), "400"),
    ] {
        let answer = running.exchange(request.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or("none");
        assert!(statuses.contains(status), "{statuses} for {:?}, got {answer:?}", request.get(..80));
    }
}
