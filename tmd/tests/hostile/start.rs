//! How long a start takes, and what the program finds again.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tmcore::{OrderId, SessionId, UserId};
use tmd::clock::{Clock, SystemClock};
use tmd::health;
use uuid::Uuid;

use crate::harness::database;
use crate::machine::{Program, Surroundings, addresses, open, put_on};

/// The fastest of some starts: what else the machine does is not the program's.
async fn fastest_start(data: impl Fn() -> TempDir) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        fastest = fastest.min(start(data().path()).await);
    }
    fastest
}

/// From the start of the process to its readiness.
async fn start(data: &Path) -> Duration {
    let clock = SystemClock::new();
    let mut program = Program::spawn(&Surroundings::default(), data, addresses());
    let mut again = tokio::time::interval(Duration::from_millis(2));
    while health::probe(&program.url).await.is_err() {
        again.tick().await;
        assert!(program.ended().is_none(), "{}", program.log());
    }
    clock.monotonic()
}

#[tokio::test]
async fn an_empty_office_is_ready_within_a_second() {
    let took = fastest_start(|| TempDir::new().unwrap()).await;
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

const ORDERS: u32 = 10_000;

fn id(kind: u128, n: u32) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 | (kind << 32) | u128::from(n))
}

/// As many buyers inside with an order and held seats, as many in line, and every tenth order's card in doubt.
async fn crowd(data: &Path) {
    let mut program = Program::start(data).await;
    let organiser = program.organiser(&data.join("organiser.token"));
    let settings = tmapi::event::EventPatch {
        waiting_room: None,
        capacity: Some(ORDERS),
        admissions_per_minute: Some(1),
        ..open()
    };
    put_on(&organiser, "E1", (25, ORDERS / 25), settings).await;
    program.kill();
    let rows: Vec<_> = (0..ORDERS)
        .map(|n| {
            let text = |kind: u128| UserId::from_uuid(id(kind, n)).to_string();
            let session = |kind: u128| SessionId::from_uuid(id(kind, n)).to_string();
            let order = OrderId::from_uuid(id(3, n)).to_string();
            let card = format!("{n:064x}");
            serde_json::json!([n, text(1), session(2), order, text(4), session(5), card])
        })
        .collect();
    let rows = serde_json::to_string(&rows).unwrap();
    let db = database(data).await;
    let mut tx = db.begin().await.unwrap();
    let now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    for statement in [
        "INSERT INTO orders (order_id, event_id, user_id, session_id, state, expires_at, created_at, total, currency, attempts, seats)
         SELECT value ->> 3, 'E1', value ->> 1, value ->> 2, iif(value ->> 0 % 10 = 0, 'AUTHORIZING', 'AUTHORIZED'),
           @now + 600000, @now, 1000, 'EUR', 1, json_array(value ->> 0) FROM json_each(?)",
        "INSERT INTO sessions (session_id, event_id, user_id, state, place, lobby, joined_at, seen_at, order_id)
         SELECT value ->> 2, 'E1', value ->> 1, 'ORDERING', value ->> 0, 0, @now, @now, value ->> 3 FROM json_each(?)",
        "INSERT INTO sessions (session_id, event_id, user_id, state, place, lobby, joined_at, seen_at)
         SELECT value ->> 5, 'E1', value ->> 4, 'WAITING', 100000 + (value ->> 0), 0, @now, @now FROM json_each(?)",
        "INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, detail, due_at, created_at)
         SELECT value ->> 6, value ->> 3, 'AUTHORIZE', 1, iif(value ->> 0 % 10 = 0, 'UNKNOWN', 'OK'), 1000, 'EUR',
           iif(value ->> 0 % 10 = 0, NULL, value ->> 6), @now, @now FROM json_each(?)",
    ] {
        let statement = sqlx::AssertSqlSafe(statement.replace("@now", now));
        sqlx::query(statement).bind(&rows).execute(&mut *tx).await.unwrap();
    }
    let held = "UPDATE seat_inventory SET status = 1, reserved_until = o.expires_at, order_id = o.order_id
                FROM orders o WHERE o.seats = json_array(seat_inventory.seat_index)";
    sqlx::query(held).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
}

/// D3: nothing is read whole, and nothing waits for what can be found out later.
#[tokio::test(flavor = "multi_thread")]
async fn d3_an_office_with_ten_thousand_open_orders_is_ready_within_three_seconds() {
    let data = TempDir::new().unwrap();
    crowd(data.path()).await;
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        fastest = fastest.min(start(data.path()).await);
    }
    assert!(fastest <= Duration::from_secs(3), "{fastest:?}");
    // Everybody is where they were.
    let program = Program::start(data.path()).await;
    let sale =
        program.organiser(&data.path().join("organiser.token")).sale(&"E1".parse().unwrap()).await.unwrap();
    assert_eq!((sale.waiting, sale.ordering), (u64::from(ORDERS), u64::from(ORDERS)));
}
