//! Who carries what the payment provider tells by itself to the daemon, and not always as told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tmapi::client::{Client, ClientOptions, HeaderMap, Method};
use tmcore::webhook::{MessageHead, WebhookSecret};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::Failure;

/// The largest message.
const MAX_BODY_BYTES: usize = 64 << 10;
/// How long the daemon may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often what was held back is offered to a daemon that does not take it, and how long after each other.
const TRIES: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(250);
/// After there was no descriptor for a connection.
const BREATH: Duration = Duration::from_millis(10);
/// What a lie about money adds, minor units.
const LIE: i64 = 100;
/// A secret that is not the provider's.
const FORGED: [u8; 32] = [7; 32];

/// How messages are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As told.
    Faithful,
    /// At once, and again at the end.
    Twice,
    /// At the end.
    Late,
    /// At the end, the last one first.
    Backwards,
    /// After a lie about the amount that the provider signed.
    WrongAmount,
    /// After a lie about the amount that somebody else signed.
    Forged,
}

impl Manner {
    /// All that are wrong.
    pub const WRONG: [Self; 5] = [Self::Twice, Self::Late, Self::Backwards, Self::WrongAmount, Self::Forged];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Faithful => "faithful",
            Self::Twice => "twice",
            Self::Late => "late",
            Self::Backwards => "backwards",
            Self::WrongAmount => "wrong-amount",
            Self::Forged => "forged",
        }
    }

    /// What was done with so many messages.
    pub fn told(self, messages: usize, lasts: Duration) -> String {
        let how = match self {
            Self::Faithful => "were told as they were",
            Self::Twice => "were told twice",
            Self::Late => "were held back until the end",
            Self::Backwards => "were held back, and told the last one first",
            Self::WrongAmount => "came after a lie about the amount, while no answer of the provider came",
            Self::Forged => "came after a lie that somebody else had signed",
        };
        format!("{messages} callbacks of the payment provider {how}, within {} ms", lasts.as_millis())
    }
}

#[derive(Clone, Debug)]
struct Message {
    headers: HeaderMap,
    path: String,
    body: Bytes,
}

/// Carries as long as it lives.
#[derive(Debug)]
pub struct Messenger {
    pub address: SocketAddr,
    state: Arc<State>,
    turn: tokio::sync::Mutex<()>,
    _listening: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    daemon: Client,
    /// The file of the secret that the provider signs with.
    secret: PathBuf,
    manner: watch::Sender<Manner>,
    carried: Mutex<Carried>,
}

/// What was carried in the present manner.
#[derive(Debug, Default)]
struct Carried {
    messages: usize,
    held: Vec<Message>,
    /// What the daemon took that it could not believe, ever.
    believed: Vec<String>,
}

impl Messenger {
    /// One who carries to the daemon at a URL.
    pub async fn to(daemon: &str, secret: PathBuf) -> Result<Self, Failure> {
        let options = ClientOptions { max_retries: 0, timeout: TIMEOUT, ..ClientOptions::default() };
        let daemon = Client::new(daemon, options)?;
        let broken = |error: std::io::Error| {
            Failure::new(crate::exit::Exit::Error, format!("failed to listen to the provider: {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let (manner, carried) = (watch::Sender::new(Manner::Faithful), Mutex::default());
        let state = Arc::new(State { daemon, secret, manner, carried });
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&state)));
        Ok(Self { address, state, turn: tokio::sync::Mutex::default(), _listening: listening })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Carries in a manner until something is over; answers how many messages that were.
    pub async fn carry(&self, manner: Manner, until: impl Future<Output = ()>) -> usize {
        let _turn = self.turn.lock().await;
        self.state.carried().messages = 0;
        self.state.manner.send_replace(manner);
        until.await;
        self.state.manner.send_replace(Manner::Faithful);
        let mut held = std::mem::take(&mut self.state.carried().held);
        if manner == Manner::Backwards {
            held.reverse();
        }
        for message in held {
            for _ in 0..TRIES {
                if self.state.pass(&message).await.is_success() {
                    break;
                }
                tokio::time::sleep(BETWEEN).await;
            }
        }
        self.state.carried().messages
    }

    /// The ids of messages that the daemon took although the provider had not signed them.
    pub fn believed(&self) -> Vec<String> {
        self.state.carried().believed.clone()
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut peers = JoinSet::new();
    loop {
        // Where there is no descriptor left, somebody may give one back.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let state = Arc::clone(&state);
        peers.spawn(async move {
            let service = service_fn(|request| answer(&state, request));
            // Whoever did not get an answer tells it again.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while peers.try_join_next().is_some() {}
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let status = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => {
            let headers = parts.headers.iter().filter(|(name, _)| {
                name.as_str().starts_with("webhook-") || *name == hyper::header::CONTENT_TYPE
            });
            let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
            let path = parts.uri.path().to_owned();
            state.take(Message { headers, path, body: body.to_bytes() }).await
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}

impl State {
    fn carried(&self) -> std::sync::MutexGuard<'_, Carried> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, message: Message) -> StatusCode {
        let manner = *self.manner.borrow();
        self.carried().messages += 1;
        match manner {
            Manner::Faithful => {}
            Manner::Twice => self.carried().held.push(message.clone()),
            Manner::Late | Manner::Backwards => {
                self.carried().held.push(message);
                return StatusCode::ACCEPTED;
            }
            Manner::WrongAmount => {
                if let Some(lie) = self.secret().and_then(|secret| message.lie("lie", &secret)) {
                    self.pass(&lie).await;
                }
            }
            Manner::Forged => {
                if let Some(lie) = message.lie("forged", &WebhookSecret::from_bytes(&FORGED))
                    && self.pass(&lie).await.is_success()
                {
                    self.carried().believed.push(lie.header("webhook-id").to_owned());
                }
            }
        }
        self.pass(&message).await
    }

    async fn pass(&self, message: &Message) -> StatusCode {
        let Message { headers, path, body } = message.clone();
        match self.daemon.raw(Method::POST, &path, headers, body).await {
            Ok((status, ..)) => status,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn secret(&self) -> Option<WebhookSecret> {
        std::fs::read_to_string(&self.secret).ok()?.parse().ok()
    }
}

impl Message {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The same, about more money, by another name, and signed.
    fn lie(&self, kind: &str, secret: &WebhookSecret) -> Option<Self> {
        let mut told: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let amount = told.pointer_mut("/data/amount/amount")?;
        *amount = (amount.as_i64()? + LIE).into();
        let body = serde_json::to_vec(&told).ok()?;
        let id = format!("{}_{kind}", self.header("webhook-id"));
        let head = MessageHead { id: &id, timestamp: self.header("webhook-timestamp") };
        let signature = secret.sign(head, &body);
        let mut headers = self.headers.clone();
        headers.insert("webhook-id", id.parse().ok()?);
        headers.insert("webhook-signature", signature.parse().ok()?);
        Some(Self { headers, path: self.path.clone(), body: body.into() })
    }
}

#[cfg(test)]
mod tests;
