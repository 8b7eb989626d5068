//! A ticket office of one event: enough of the daemon to buy from, and a memory of what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub const SESSION: &str = "wrs_01h455vb4pex5vsknk084sn02q";
pub const ORDER: &str = "ord_01h455vb4pex5vsknk084sn02q";
const TICKET: &str = "tkt_01h455vb4pex5vsknk084sn02q";
const TIME: &str = "2026-11-21T10:00:00Z";

/// One request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub line: String,
    pub key: Option<String>,
    pub token: Option<String>,
    pub body: String,
}

/// What is done to the next request to a path that ends so.
pub enum Trick {
    /// A refusal: code and status.
    Refuse(&'static str, u16),
    /// Done, but the answer never comes.
    Swallow,
}

pub struct Desk {
    pub event: Value,
    pub session: Value,
    /// Server-sent events, as text; the stream stays open after them.
    pub session_stream: String,
    pub order: Value,
    pub seat_status: Vec<u8>,
    pub tricks: VecDeque<(&'static str, Trick)>,
    /// What confirm and finalize come to.
    pub after_confirm: &'static str,
    pub after_finalize: &'static str,
    pub asked: Vec<Asked>,
    answered: HashMap<String, (u16, String)>,
    guests: u32,
    swallowed: Sender<()>,
}

pub struct Office {
    pub url: String,
    desk: Arc<Mutex<Desk>>,
    swallowed: Receiver<()>,
}

impl Office {
    pub fn open(waiting_room: &str) -> Self {
        let (swallowed, receiver) = channel();
        let desk = Arc::new(Mutex::new(Desk::new(waiting_room, swallowed)));
        let (url_sender, url) = channel();
        let shared = Arc::clone(&desk);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                url_sender.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                axum::serve(listener, Router::new().fallback(answer).with_state(shared)).await
            })
        });
        Self { url: url.recv().unwrap(), desk, swallowed: receiver }
    }

    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    pub fn trick(&self, path: &'static str, trick: Trick) {
        self.desk().tricks.push_back((path, trick));
    }

    /// Waits until a request was swallowed.
    pub fn wait_for_swallowed(&self) {
        self.swallowed.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    }

    pub fn asked(&self, line: &str) -> Vec<Asked> {
        self.desk().asked.iter().filter(|asked| asked.line == line).cloned().collect()
    }
}

impl Desk {
    fn new(waiting_room: &str, swallowed: Sender<()>) -> Self {
        let price = json!({"amount": 4950, "currency": "EUR"});
        let event = json!({"eventId": "E1", "name": "Gala", "startsAt": TIME,
            "venue": {"venueId": "V1", "name": "Halle", "city": "Berlin"},
            "performers": [{"performerId": "P1", "name": "Quartet"}], "saleStatus": "OPEN", "saleStartsAt": TIME,
            "waitingRoom": waiting_room, "fromPrice": price,
            "seats": {"available": 8, "reserved": 0, "sold": 0, "blocked": 0},
            "priceLevels": [{"name": "A", "color": "#ff0000", "price": price, "seats": 8}],
            "settings": {"holdTtlSeconds": 600, "capacity": 1, "admissionsPerMinute": 60, "seatsPerOrder": 4,
                "seatsPerBuyer": 4, "lapseSeconds": 120, "activeSeconds": 600, "lobbySeconds": 0}});
        let session = json!({"sessionId": SESSION, "eventId": "E1", "status": "WAITING", "position": 3, "ahead": 2,
            "waiting": 9, "lobby": false, "paused": false, "joinedAt": TIME});
        let order = json!({"orderId": ORDER, "userId": "usr_01h455vb4pex5vsknk084sn02q", "eventId": "E1",
            "status": "PENDING", "expiresAt": TIME, "createdAt": TIME, "seats": [],
            "total": {"amount": 0, "currency": "EUR"}, "tickets": []});
        let stream_of = |status: &str| {
            let mut active = session.clone();
            active["status"] = json!(status);
            format!("event: waiting-room-active\nid: 1\ndata: {active}\n\n")
        };
        Self {
            session_stream: stream_of("ACTIVE"),
            event,
            session,
            order,
            seat_status: vec![0; 8],
            tricks: VecDeque::new(),
            after_confirm: "AUTHORIZED",
            after_finalize: "FINALIZED",
            asked: Vec::new(),
            answered: HashMap::new(),
            guests: 0,
            swallowed,
        }
    }

    fn guest(&mut self) -> String {
        self.guests += 1;
        format!("guest-{}", self.guests)
    }

    fn respond(&mut self, asked: &Asked) -> (u16, Value) {
        let (method, path) = asked.line.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let is_guest = asked.token.as_deref().is_some_and(|token| token.starts_with("guest-"));
        let needs_guest = path.starts_with("/api/waiting-room/sessions/")
            || path.starts_with(&format!("/api/orders/{ORDER}"))
            || path.starts_with("/api/tickets/");
        if needs_guest && !is_guest {
            return problem("not-found", 404, &[]);
        }
        if matches!((method, path), ("POST", "/api/orders" | "/api/bookings/E1")) && !is_guest {
            let guest = self.guest();
            self.order["accessToken"] = json!(guest);
        } else if path.starts_with("/api/orders/")
            && let Some(order) = self.order.as_object_mut()
        {
            order.remove("accessToken");
        }
        match (method, path) {
            ("GET", "/api/events") => (200, json!({"items": [self.event]})),
            ("GET", "/api/events/search") => {
                (200, json!({"items": [self.event], "page": 1, "pageSize": 1, "total": 7}))
            }
            ("GET", "/api/events/E1") => (200, self.event.clone()),
            ("GET", "/api/events/E1/seat-map") => (200, seat_map()),
            ("GET", "/api/events/E1/availability") => (200, self.availability()),
            ("POST", "/api/waiting-room/sessions") if body["eventId"] == "E1" => {
                let mut joined = self.session.clone();
                if !is_guest {
                    joined["accessToken"] = json!(self.guest());
                }
                (201, joined)
            }
            ("GET", p) if p.starts_with("/api/waiting-room/sessions/") => (200, self.session.clone()),
            ("DELETE", p) if p.starts_with("/api/waiting-room/sessions/") => (204, Value::Null),
            ("POST", "/api/orders") => (201, self.order.clone()),
            ("GET", p) if p.starts_with("/api/orders/") => (200, self.order.clone()),
            ("POST", p) if p.ends_with(":confirm") => self.confirm(&body, 202),
            ("POST", p) if p.ends_with(":finalize") => self.finalize(),
            ("POST", p) if p.ends_with(":cancel") => {
                self.order["status"] = json!("CANCELLED");
                (200, self.order.clone())
            }
            ("POST", "/api/bookings/E1") => match self.confirm(&body, 200) {
                (200, _) if self.after_confirm == "AUTHORIZED" => self.finalize(),
                (200, order) => (202, order),
                refusal => refusal,
            },
            _ => problem("not-found", 404, &[]),
        }
    }

    fn confirm(&mut self, body: &Value, status: u16) -> (u16, Value) {
        let seats: Vec<_> =
            body["seats"].as_array().unwrap().iter().map(|seat| seat.as_str().unwrap()).collect();
        let numbers: Option<Vec<usize>> = seats
            .iter()
            .map(|seat| seat.strip_prefix("A-1-")?.parse().ok().filter(|number| (1..=8).contains(number)))
            .collect();
        let Some(numbers) = numbers else { return problem("invalid-seats", 422, &seats) };
        if body["paymentToken"] == "tok_declined" {
            return problem("declined", 402, &[]);
        }
        if numbers.iter().any(|number| self.seat_status[number - 1] != 0) {
            return problem("seats-unavailable", 409, &seats);
        }
        let price = json!({"amount": 4950, "currency": "EUR"});
        let seat = |number: &usize| {
            json!({"seatId": format!("A-1-{number}"), "section": "Parkett", "row": "1", "number": number.to_string(),
                "priceLevel": "A", "price": price})
        };
        self.order["seats"] = numbers.iter().map(seat).collect();
        self.order["total"]["amount"] = json!(4950 * numbers.len());
        self.order["status"] = json!(self.after_confirm);
        (status, self.order.clone())
    }

    fn finalize(&mut self) -> (u16, Value) {
        self.order["status"] = json!(self.after_finalize);
        if self.after_finalize != "FINALIZED" {
            return (202, self.order.clone());
        }
        let seats = self.order["seats"].as_array().unwrap();
        let ticket = |seat: &Value| {
            json!({"ticketId": TICKET, "orderId": ORDER, "eventId": "E1", "seatId": seat["seatId"],
                "section": "Parkett", "row": "1", "number": seat["number"],
                "code": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "issuedAt": TIME})
        };
        self.order["tickets"] = seats.iter().map(ticket).collect();
        (200, self.order.clone())
    }

    fn availability(&self) -> Value {
        use base64::Engine as _;
        let pack = |four: &[u8]| four.iter().rev().fold(0_u8, |byte, bits| (byte << 2) | bits);
        let packed: Vec<u8> = self.seat_status.chunks(4).map(pack).collect();
        let count = |state| self.seat_status.iter().map(|seat| usize::from(*seat == state)).sum::<usize>();
        let mut totals =
            json!({"available": count(0), "reserved": count(1), "sold": count(2), "blocked": count(3)});
        let all = totals.clone();
        totals["name"] = json!("Parkett");
        json!({"eventId": "E1", "seq": 1, "asOf": TIME, "seatCount": 8, "totals": all, "sections": [totals],
            "status": base64::prelude::BASE64_STANDARD.encode(packed)})
    }
}

fn seat_map() -> Value {
    let ids: Vec<_> = (1..=8).map(|n| format!("A-1-{n}")).collect();
    let numbers: Vec<_> = (1..=8).map(|n| n.to_string()).collect();
    let row = json!({"row": "1", "ids": ids, "numbers": numbers, "x": vec![0; 8], "y": vec![0; 8], "levels": vec![0; 8]});
    json!({"eventId": "E1", "width": 10, "height": 10, "seatCount": 8, "areas": [],
        "priceLevels": [{"name": "A", "color": "#ff0000", "price": {"amount": 4950, "currency": "EUR"}, "seats": 8}],
        "sections": [{"name": "Parkett", "offset": 0, "seatCount": 8, "rows": [row]}]})
}

fn problem(code: &str, status: u16, seats: &[&str]) -> (u16, Value) {
    let body = json!({"type": "about:blank", "title": "Refused", "status": status, "detail": format!("refused: {code}"),
        "code": code, "requestId": "req-7", "retryable": false, "seats": seats});
    (status, body)
}

async fn answer(
    State(desk): State<Arc<Mutex<Desk>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked {
        line: format!("{method} {uri}"),
        key: header("idempotency-key"),
        token: header("authorization").map(|value| value.trim_start_matches("Bearer ").to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let answer = {
        let mut desk = desk.lock().unwrap();
        desk.asked.push(asked.clone());
        if uri.path().starts_with("/api/sse/") {
            return stream(desk.session_stream.clone());
        }
        let path = uri.path().to_owned();
        let trick = desk.tricks.iter().position(|(end, _)| path.ends_with(end));
        let trick = trick.and_then(|at| desk.tricks.remove(at)).map(|(_, trick)| trick);
        if let Some(Trick::Refuse(code, status)) = &trick {
            Some(problem(code, *status, &[])).map(|(status, body)| (status, body.to_string()))
        } else {
            let known = asked.key.as_ref().and_then(|key| desk.answered.get(key).cloned());
            let answer = known.unwrap_or_else(|| {
                let (status, body) = desk.respond(&asked);
                (status, if body.is_null() { String::new() } else { body.to_string() })
            });
            if let Some(key) = asked.key {
                desk.answered.insert(key, answer.clone());
            }
            if trick.is_some() {
                desk.swallowed.send(()).unwrap();
                None
            } else {
                Some(answer)
            }
        }
    };
    match answer {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => std::future::pending().await,
    }
}

fn stream(text: String) -> Response {
    use axum::body::Body;
    use futures::StreamExt as _;
    let first = futures::stream::once(async move { Ok::<_, std::io::Error>(text) });
    let body = Body::from_stream(first.chain(futures::stream::pending()));
    ([("content-type", "text/event-stream")], body).into_response()
}
