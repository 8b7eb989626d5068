//! What is worth money or opens a door is written nowhere: a real process, its log at its most talkative, and canaries.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmd::health;

use crate::harness::{PATIENCE, key};
use crate::scene::at;
use crate::wire::{Answer, Ask};

/// A real process on a data folder. Killed when dropped.
struct Process {
    child: Child,
    url: String,
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Process {
    async fn start(home: &Path, filter: &str) -> Self {
        let (listen, admin) = (free_address(), free_address());
        let log = File::options().create(true).append(true).open(home.join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tmd"))
            .env_clear()
            .env("HOME", home)
            .env("TMD_LOG_FILTER", filter)
            .env("TMD_LOG_FORMAT", "json")
            .args(["--demo", "--listen", &listen.to_string(), "--admin-listen", &admin.to_string()])
            .arg("--data-dir")
            .arg(home.join("data"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let process = Self { child, url: format!("http://{listen}") };
        let probe = health::local_url(listen);
        let ready = tokio::time::timeout(3 * PATIENCE, async {
            while health::probe(&probe).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(ready.await.is_ok(), "not ready: {}", fs::read_to_string(home.join("log")).unwrap());
        process
    }

    async fn ask(&self, ask: Ask) -> Answer {
        ask.send(&self.url).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seats of an event that are to be had, in the order of its map.
async fn free_seats(process: &Process, event: &str, count: usize) -> Vec<String> {
    let map = process.ask(at("GET /api/events/{eventId}/seat-map", event)).await.json();
    let ids = &map["sections"][0]["rows"][0]["ids"];
    ids.as_array().unwrap().iter().take(count).map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Lines and files that hold one of the secrets.
fn leaks(text: &[u8], secrets: &[String]) -> Vec<String> {
    let holds = |secret: &&String| text.windows(secret.len()).any(|window| window == secret.as_bytes());
    secrets.iter().filter(holds).cloned().collect()
}

const GOOD_CARD: &str = "tok_ok_canary_4111111111111111";
const BAD_CARD: &str = "tok_canary_5500000000000004";
const ODD_CARDS: &[&str] =
    &["tok canary_6011000000000004", "tok_canary_é_3566002020360505", "tok_canary_\u{1}_30569309025904"];
const NUMBER: &str = "378282246310005";

/// Everything a buyer's way to a ticket passes, and everything that can go wrong with a card on it. Answers the bodies
/// of what was refused, the token, and the order.
async fn shop(process: &Process) -> (Vec<Vec<u8>>, String, String) {
    let mut refused = Vec::new();
    let seats = free_seats(process, "E4", 3).await;
    let begun = process.ask(at("POST /api/orders", "").json(r#"{"eventId":"E4"}"#)).await;
    let (order, token) = (begun.field("orderId"), begun.field("accessToken"));
    let confirm = |body: String| {
        let ask = at("POST /api/orders/{orderId}:confirm", &order).token(&token).json(body);
        async { process.ask(ask).await }
    };
    let with = |card: &str| serde_json::json!({"seats": [seats[0]], "paymentToken": card}).to_string();
    let mut bodies = vec![
        with(BAD_CARD),
        with(&"tok_canary_".repeat(40)),
        format!("{{\"seats\":[\"{}\"],\"paymentToken\":{NUMBER}}}", seats[0]),
        format!("{{\"seats\":\"{BAD_CARD}\",\"paymentToken\":\"x\"}}"),
        format!("{{\"seats\":[[\"{BAD_CARD}\"]],\"paymentToken\":[\"{BAD_CARD}\"]}}"),
        format!("{{\"seats\":[\"{}\"],\"paymentToken\":{{\"card\":\"{BAD_CARD}\"}}}}", seats[0]),
        format!("{{\"seats\":[\"{}\"],\"paymentToken\":\"{BAD_CARD}\",\"status\":1}}", seats[0]),
        format!("{{\"seats\":[\"{}\"],\"paymentToken\":\"{BAD_CARD}\",", seats[0]),
        format!("{{\"seats\":[\"nowhere\"],\"paymentToken\":\"{BAD_CARD}\"}}"),
    ];
    bodies.extend(ODD_CARDS.iter().map(|card| with(card)));
    for body in bodies {
        let answer = confirm(body.clone()).await;
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.text());
        refused.push(answer.body);
    }
    assert_eq!(confirm(with(GOOD_CARD)).await.status, 202);
    let paid = process.ask(at("POST /api/orders/{orderId}:finalize", &order).token(&token)).await;
    assert_eq!(paid.field("status"), "FINALIZED");
    let booking = serde_json::json!({"seats": [seats[1]], "paymentToken": GOOD_CARD}).to_string();
    let ask = at("POST /api/bookings/{eventId}", "E4").json(booking);
    assert_eq!(process.ask(ask.clone()).await.status, 200);
    // Somebody else's card on a seat that is gone, and tokens that are none.
    let late = at("POST /api/bookings/{eventId}", "E4").json(with(GOOD_CARD));
    refused.push(process.ask(late).await.body);
    for header in [format!("Bearer {token}x"), format!("Basic {token}"), token.clone()] {
        let look = Ask::new(&format!("GET /api/orders/{order}")).header("authorization", &header);
        let answer = process.ask(look).await;
        assert_eq!(answer.status, 401);
        refused.push(answer.body);
    }
    let elsewhere = Ask::new(&format!("GET /api/nothing?access_token={token}")).token(&token).key(&key());
    refused.push(process.ask(elsewhere).await.body);
    let joined = process.ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#)).await;
    let (session, guest) = (joined.field("sessionId"), joined.field("accessToken"));
    let poll = at("GET /api/waiting-room/sessions/{sessionId}", &session).token(&guest);
    assert_eq!(process.ask(poll).await.status, 200);
    (refused, token, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_and_credentials_are_in_no_log_no_error_and_no_database() {
    let home = TempDir::new().unwrap();
    let process = Process::start(home.path(), "trace").await;
    let organiser = fs::read_to_string(home.path().join("data/organiser.token")).unwrap();
    let run = at("GET /api/events/{eventId}/sale", "E4").token(&organiser);
    assert_eq!(process.ask(run).await.status, 200);
    let (refused, token, _) = shop(&process).await;
    let admin = at("GET /api/orders/{orderId}", "ord_01h455vb4pex5vsknk084sn02q").token(&organiser);
    let forbidden = process.ask(admin).await;
    assert_eq!(forbidden.status, 403);

    let digits = |text: &str| text.rsplit_once('_').map_or(text, |(_, digits)| digits).to_owned();
    let mut cards: Vec<_> =
        [GOOD_CARD, BAD_CARD, NUMBER].iter().chain(ODD_CARDS).map(|card| digits(card)).collect();
    cards.push("tok_canary_tok_canary_".to_owned());
    let signature = token[token.len() - 40..].to_owned();
    let credentials = [organiser.trim().to_owned(), "v4.public.".to_owned(), signature];
    let secrets = [cards.clone(), credentials.to_vec()].concat();
    for body in refused.iter().chain([&forbidden.body]) {
        assert_eq!(leaks(body, &secrets), Vec::<String>::new(), "{}", String::from_utf8_lossy(body));
    }
    drop(process);
    let log = fs::read(home.path().join("log")).unwrap();
    assert!(String::from_utf8_lossy(&log).contains("\"level\":\"DEBUG\""), "the log was to be talkative");
    assert_eq!(leaks(&log, &secrets), Vec::<String>::new(), "in the log");
    let mut databases = 0;
    for file in fs::read_dir(home.path().join("data")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        databases += usize::from(file.path().extension().is_some_and(|end| end == "db"));
        assert_eq!(leaks(&fs::read(file.path()).unwrap(), &cards), Vec::<String>::new(), "in {name}");
    }
    assert_eq!(databases, 2);
}

/// D1: what was answered is still there after a kill, for whoever had it.
#[tokio::test(flavor = "multi_thread")]
async fn d1_a_killed_process_comes_back_with_everything_it_said() {
    let home = TempDir::new().unwrap();
    let process = Process::start(home.path(), "info").await;
    let (_, token, order) = shop(&process).await;
    let joined = process.ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E3"}"#)).await;
    assert_eq!(joined.said(), (409, "not-on-sale".to_owned()));
    // Dropped, it is killed with signal 9.
    drop(process);
    let process = Process::start(home.path(), "info").await;
    let found = process.ask(at("GET /api/orders/{orderId}", &order).token(&token)).await;
    assert_eq!((found.status, found.field("status")), (200, "FINALIZED".to_owned()));
    let organiser = fs::read_to_string(home.path().join("data/organiser.token")).unwrap();
    let code = found.json()["tickets"][0]["code"].as_str().unwrap().to_owned();
    let check = at("POST /api/ticket-checks", "")
        .token(&organiser)
        .json(serde_json::json!({"code": code}).to_string());
    assert_eq!(process.ask(check).await.field("verdict"), "VALID");
    let sale = process.ask(at("GET /api/events/{eventId}/sale", "E4").token(&organiser)).await.json();
    assert_eq!((sale["ordersFinalized"].as_u64(), sale["seats"]["reserved"].as_u64()), (Some(2), Some(0)));
}
