//! The simplest office that is kept in a database: one daemon, one PostgreSQL, nothing else.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tmapi::client::{HeaderMap, Method, StatusCode};
use tmapi::event::WaitingRoomMode;
use tmapi::order::{CreateOrder, OrderStatus};
use tmapi::session::SessionStatus;
use tmcore::{EventId, OrderId};

use crate::harness::postgres::{Database, server};
use crate::harness::{client, confirm, key, until};
use crate::program::Program;
use crate::till::pay;

const CHAPTER: &str = "## One daemon, one PostgreSQL\n";
/// The address that stands there.
const ADDRESS: &str = "postgres://tmd:secret@127.0.0.1:5432/tmd";

/// The configuration that the chapter tells to paste, for another database.
fn pasted(url: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scaling.md")).unwrap();
    let chapter = text.split(CHAPTER).nth(1).expect("the chapter is there");
    let block = chapter.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.contains(ADDRESS), "{block}");
    block.replace(ADDRESS, url)
}

async fn text_of(program: &Program, path: &str) -> (StatusCode, String) {
    let (status, _, body) = program.client().raw(Method::GET, path, HeaderMap::new(), "").await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// From the line to the tickets; the order is left open before its last step.
async fn begun(program: &Program, event: &EventId) -> (String, OrderId) {
    let joined = program.client().join(event).await.unwrap();
    let token = joined.access_token.unwrap();
    let buyer = client(&program.url, Some(token.clone()));
    until(&buyer, joined.session.session_id, SessionStatus::Active).await;
    let create = CreateOrder { event_id: event.clone(), session_id: Some(joined.session.session_id) };
    let order = buyer.create_order(&create, &key()).await.unwrap().order_id;
    let held = confirm(&buyer, order, &["A-1", "A-2"], "tok_ok").await.unwrap();
    assert_eq!(held.status, OrderStatus::Authorized);
    (token, order)
}

/// With a waiting room and without one, over a SIGKILL, and nothing in it has heard of Redis.
#[tokio::test(flavor = "multi_thread")]
async fn one_daemon_on_one_database_sells_and_goes_on_after_its_death() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let data = TempDir::new().unwrap();
    let file = data.path().join("tmd.toml");
    fs::write(&file, pasted(&database.url())).unwrap();
    let arguments = ["--config", file.to_str().unwrap()];
    let program = Program::start(data.path(), &[], &arguments).await.unwrap();
    let (queued, plain) =
        (program.put_on("E1", WaitingRoomMode::On).await, program.put_on("E2", WaitingRoomMode::Off).await);
    let (token, order) = begun(&program, &queued).await;
    let booked = program.client().book(&plain, &pay(&["A-1"], "tok_ok"), &key()).await.unwrap();
    assert_eq!((booked.status, booked.tickets.len()), (OrderStatus::Finalized, 1));
    program.kill();

    let program = Program::start(data.path(), &[], &arguments).await.unwrap();
    let buyer = client(&program.url, Some(token));
    let paid = buyer.finalize(order, &key()).await.unwrap();
    assert_eq!((paid.status, paid.tickets.len()), (OrderStatus::Finalized, 2));
    let again = program.client().book(&plain, &pay(&["A-1"], "tok_ok"), &key()).await;
    again.expect_err("the seat was sold before");
    for path in ["/readyz", "/readyz?verbose"] {
        let (status, text) = text_of(&program, path).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(!text.to_lowercase().contains("redis"), "{text}");
    }
}
