//! What a refusal costs, and what is left for those who are let in.
#![allow(clippy::disallowed_methods, reason = "rates are told by the clock on the wall")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tmapi::order::SeatsAndPayment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::child::Child;
use crate::harness::{client, event_id, key, seats};
use crate::wire::connect;

/// The status of one answer on a kept connection.
async fn ask(stream: &mut TcpStream, request: &[u8], said: &mut Vec<u8>) -> u16 {
    stream.write_all(request).await.unwrap();
    said.clear();
    loop {
        assert!(stream.read_buf(said).await.unwrap() > 0, "closed");
        let text = String::from_utf8_lossy(said);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return head[9..12].parse().unwrap();
            }
        }
    }
}

const SEARCH: &[u8] = b"GET /api/events/search?keyword=a HTTP/1.1\r\nhost: it\r\n\r\n";

fn join() -> Vec<u8> {
    let body = r#"{"eventId":"E1"}"#;
    let head = "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length";
    format!("{head}: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Asks the same again and again, and answers what the daemon's processor spent on each, in ticks a thousand.
async fn cost(child: &Child, request: &[u8], (status, times): (u16, u32)) -> f64 {
    let (mut stream, mut said) = (connect(&child.url, b"").await, Vec::new());
    for _ in 0..20 {
        assert_eq!(ask(&mut stream, request, &mut said).await, status, "{}", String::from_utf8_lossy(&said));
    }
    let before = child.processor_ticks();
    for _ in 0..times {
        assert_eq!(ask(&mut stream, request, &mut said).await, status);
    }
    let spent = u32::try_from(child.processor_ticks() - before).unwrap();
    f64::from(spent) * 1_000.0 / f64::from(times)
}

/// A join that is refused costs the daemon at most a tenth of one that is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_costs_at_most_a_tenth_of_what_it_refuses() {
    let child =
        Child::start(&[("TMD_OVERLOAD_MAX_IN_FLIGHT", "1"), ("TMD_SERVER_BODY_TIMEOUT_SECONDS", "30")]).await;
    let served = cost(&child, &join(), (201, 300)).await;
    // One request that does not end takes all the room there is.
    let head = "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let (mut stream, mut said) = (connect(&child.url, b"").await, Vec::new());
    let _held = 'held: loop {
        // It is refused itself when it meets another one.
        let held = connect(&child.url, head.as_bytes()).await;
        for _ in 0..20 {
            if ask(&mut stream, SEARCH, &mut said).await == 503 {
                break 'held held;
            }
        }
    };
    let refused = cost(&child, &join(), (503, 2_000)).await;
    println!("refused {refused:.1}, served {served:.1} ticks a thousand");
    assert!(refused <= served / 10.0, "{refused} of {served}");
}

/// Buyers who go through while others ask for what matters less.
async fn buy(url: String, stop: Arc<AtomicBool>, bought: Arc<AtomicU64>, buyer: usize) {
    let (buyers, event) = (client(&url, None), event_id("E4"));
    while !stop.load(Ordering::Relaxed) {
        let seat = SeatsAndPayment { seats: seats(&["no-such-seat"]), payment_token: "tok_ok".to_owned() };
        // A booking of a seat that is not there is decided by the database, and can be repeated for ever.
        let refused = buyers.book(&event, &seat, &key()).await.unwrap_err();
        assert!(matches!(refused.status(), Some(422 | 503)), "{buyer}: {refused}");
        bought.fetch_add(u64::from(refused.status() == Some(422)), Ordering::Relaxed);
    }
}

async fn search(url: String, stop: Arc<AtomicBool>, counts: Arc<[AtomicU64; 2]>) {
    let (mut stream, mut said) = (connect(&url, b"").await, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let refused = ask(&mut stream, SEARCH, &mut said).await == 503;
        counts[usize::from(refused)].fetch_add(1, Ordering::Relaxed);
    }
}

/// Bookings a second of eight buyers beside so many who only search and never pause.
async fn goodput(child: &Child, searchers: usize, lasts: Duration) -> (f64, [u64; 2]) {
    let (stop, bought, counts) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
    let mut clients = JoinSet::new();
    for buyer in 0..8 {
        clients.spawn(buy(child.url.clone(), Arc::clone(&stop), Arc::clone(&bought), buyer));
    }
    for _ in 0..searchers {
        clients.spawn(search(child.url.clone(), Arc::clone(&stop), Arc::clone(&counts)));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (began, before) = (Instant::now(), bought.load(Ordering::Relaxed));
    tokio::time::sleep(lasts).await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate = (bought.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    (rate, [&counts[0], &counts[1]].map(|count| count.load(Ordering::Relaxed)))
}

/// Measures and prints; both sides share the machine, so it is run by hand on one that has nothing else to do.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn goodput_from_one_to_ten_times_the_load() {
    let child = Child::start(&[("TMD_OVERLOAD_QUEUE_DELAY_MILLISECONDS", "5")]).await;
    for searchers in [0, 8, 32, 72, 256, 1_024, 0] {
        let (rate, [served, refused]) = goodput(&child, searchers, Duration::from_secs(6)).await;
        println!(
            "{searchers} who search: {rate:.0} decided bookings/s, {served} searches served, {refused} refused"
        );
    }
}
