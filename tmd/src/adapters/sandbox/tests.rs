use std::time::Instant;

use futures::stream::{self, StreamExt as _};
use sqlx::Connection as _;
use tempfile::TempDir;
use tmcore::money::Currency;
use tmcore::payment::{Operation, ProviderReference};
use tmcore::{Money, OrderId};
use uuid::Uuid;

use super::*;
use crate::ports::contract::gateway::{Subject, run};
use crate::ports::gateway::ProviderOperation;

/// A sandbox on a file of its own.
struct Lab {
    folder: TempDir,
    tasks: TaskTracker,
}

const QUICK: Pace = Pace {
    latency: Duration::ZERO,
    slow: Duration::from_millis(20),
    silence: Duration::from_millis(5),
    callback: Duration::from_millis(5),
};

impl Lab {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), tasks: TaskTracker::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("gateway.db")
    }

    async fn open(&self, pace: Pace) -> Sandbox {
        Sandbox::open(&self.path(), pace, &self.tasks, CancellationToken::new()).await.unwrap()
    }

    /// Waits until everything that a dropped sandbox had begun has ended.
    async fn settle(&self) {
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(20), self.tasks.wait()).await.expect("a task does not end");
        self.tasks.reopen();
    }
}

fn authorize(number: u128, token: &str) -> ProviderRequest {
    let order = OrderId::from_uuid(Uuid::from_u128(number));
    ProviderRequest {
        key: ProviderKey::derive(order, Operation::Authorize, 1),
        order,
        operation: ProviderOperation::Authorize {
            token: token.parse().unwrap(),
            amount: Money::new(100, Currency::EUR),
        },
    }
}

fn void(number: u128, authorization: ProviderReference) -> ProviderRequest {
    let order = OrderId::from_uuid(Uuid::from_u128(number));
    let operation = ProviderOperation::Void { authorization };
    ProviderRequest { key: ProviderKey::derive(order, Operation::Void, 1), order, operation }
}

fn reference(answer: Result<Answer, OutcomeUnknown>) -> ProviderReference {
    let Ok(Answer::Ok { reference }) = answer else { panic!("{answer:?}") };
    reference
}

#[tokio::test]
async fn p1_the_sandbox_keeps_the_contract() {
    for latency in [Duration::ZERO, Duration::from_millis(1)] {
        let make = async || {
            let lab = Lab::new();
            let gateway = Arc::new(lab.open(Pace { latency, ..QUICK }).await);
            Subject { gateway, keep: Box::new(lab) }
        };
        run(make).await;
    }
}

#[tokio::test]
async fn d1_what_was_answered_is_there_after_a_restart() {
    let lab = Lab::new();
    let sandbox = lab.open(QUICK).await;
    let (done, fenced) = (authorize(1, "tok_ok"), authorize(2, "tok_ok"));
    let answer = sandbox.submit(&done).await;
    let of = reference(sandbox.submit(&authorize(3, "tok_void_fails")).await);
    sandbox.submit(&void(3, of.clone())).await.unwrap_err();
    assert_eq!(sandbox.cancel(&fenced.key).await, Ok(None));
    let log = sandbox.list(0, 1000).await;
    // A second process finds it while the first still runs, so nothing is in memory only.
    let second = lab.open(QUICK).await;
    assert_eq!(second.list(0, 1000).await, log);
    drop((sandbox, second));
    lab.settle().await;

    let sandbox = lab.open(QUICK).await;
    assert_eq!(sandbox.list(0, 1000).await, log);
    assert_eq!(sandbox.submit(&done).await, answer);
    assert!(matches!(sandbox.submit(&fenced).await, Ok(Answer::Declined { .. })));
    sandbox.submit(&void(3, of.clone())).await.unwrap_err();
    reference(sandbox.submit(&void(3, of)).await);
}

#[tokio::test]
async fn two_processes_on_one_log_act_once() {
    let lab = Lab::new();
    let sandboxes = [lab.open(QUICK).await, lab.open(QUICK).await];
    for number in 0..20 {
        let request = authorize(number, "tok_ok");
        let (one, other) = tokio::join!(sandboxes[0].submit(&request), sandboxes[1].submit(&request));
        assert_eq!(reference(one), reference(other));
    }
    assert_eq!(sandboxes[0].list(0, 1000).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_token_is_nowhere_in_the_files() {
    let lab = Lab::new();
    let sandbox = lab.open(QUICK).await;
    for (number, token) in (0..).zip(["tok_ok_canary77", "tok_declined", "canary77-of-no-table"]) {
        let request = authorize(number, token);
        sandbox.submit(&request).await.unwrap();
        assert!(!format!("{request:?}").contains(token));
    }
    let mut read = 0;
    for file in std::fs::read_dir(lab.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds("canary77") && !holds("tok_"));
        read += usize::from(holds("card declined"));
    }
    assert!(read > 0, "the files that hold the answers were read");
}

#[tokio::test]
async fn m6_a_request_goes_on_when_its_caller_is_gone() {
    let lab = Lab::new();
    let sandbox = lab.open(QUICK).await;
    let request = authorize(1, "tok_slow");
    // One poll hands the request over; then the caller is dropped.
    assert!(futures::poll!(Box::pin(sandbox.submit(&request))).is_pending());
    assert_eq!(sandbox.look_up(&request.key).await, Ok(None), "not seen yet");
    drop(sandbox);
    lab.settle().await;
    let sandbox = lab.open(QUICK).await;
    reference(sandbox.look_up(&request.key).await.map(|record| record.expect("done").answer));
}

#[tokio::test]
async fn m6_a_slow_request_can_be_fenced_while_it_is_under_way() {
    let lab = Lab::new();
    let sandbox = lab.open(QUICK).await;
    let request = authorize(1, "tok_slow");
    let (answer, cancelled) = tokio::join!(sandbox.submit(&request), sandbox.cancel(&request.key));
    assert_eq!(cancelled, Ok(None));
    assert!(matches!(answer, Ok(Answer::Declined { .. })));
    assert_eq!(sandbox.list(0, 1000).await, Ok(vec![]));
}

#[tokio::test]
async fn l1_after_stop_nothing_is_done_and_the_writer_ends() {
    let lab = Lab::new();
    let stop = CancellationToken::new();
    let sandbox = Sandbox::open(&lab.path(), QUICK, &lab.tasks, stop.clone()).await.unwrap();
    reference(sandbox.submit(&authorize(1, "tok_ok")).await);
    stop.cancel();
    lab.settle().await;
    let refused = Err(OutcomeUnknown::ServerFault { status: 500 });
    assert_eq!(sandbox.submit(&authorize(2, "tok_ok")).await, refused);
    assert_eq!(sandbox.list(0, 1000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn m2_the_log_itself_refuses_a_second_capture() {
    let lab = Lab::new();
    drop(lab.open(QUICK).await);
    let mut connection = SqliteConnectOptions::new().filename(lab.path()).connect().await.unwrap();
    let insert =
        "INSERT INTO entry (key, repeat, order_id, operation, authorization, reference, amount, currency,
        fingerprint, at) VALUES (?1, 0, 'o', 'CAPTURE', 'auth', 'capt', 1, 'EUR', 'f', 0)";
    sqlx::query(insert).bind(vec![1_u8; 32]).execute(&mut connection).await.unwrap();
    let second = sqlx::query(insert).bind(vec![2_u8; 32]).execute(&mut connection).await.unwrap_err();
    assert!(second.as_database_error().unwrap().is_unique_violation(), "{second}");
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
    let lab = Lab::new();
    std::fs::write(lab.path(), "not a database, but long enough to be read as one".repeat(20)).unwrap();
    let refused =
        Sandbox::open(&lab.path(), QUICK, &lab.tasks, CancellationToken::new()).await.err().unwrap();
    assert!(refused.to_string().contains("gateway.db"), "{refused}");
}

/// D1: what the log is written with, as SQLite itself says.
#[tokio::test]
async fn d1_the_log_waits_for_the_disk() {
    let lab = Lab::new();
    let (mut writer, _readers, _id) = connect(&lab.path()).await.unwrap();
    let mode = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut writer.connection).await;
    let synchronous = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut writer.connection).await;
    assert_eq!((mode.unwrap(), synchronous.unwrap()), ("wal".to_owned(), 2), "2 is FULL");
}

/// `cargo test --release -- --ignored --nocapture throughput`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, for release builds"]
#[allow(clippy::disallowed_methods, reason = "measures real time")]
async fn throughput_of_64_concurrent_submits() {
    const SUBMITS: u128 = 40_000;
    let lab = Lab::new();
    let sandbox = lab.open(QUICK).await;
    let began = Instant::now();
    stream::iter(0..SUBMITS)
        .map(|number| {
            let sandbox = &sandbox;
            async move { reference(sandbox.submit(&authorize(number, "tok_ok")).await) }
        })
        .buffer_unordered(64)
        .for_each(async |_| {})
        .await;
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = SUBMITS as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} submits/s with 64 at once");
    assert!(rate > 3000.0, "{rate}");
    let lone = Instant::now();
    for number in 0..500 {
        reference(sandbox.submit(&authorize(SUBMITS + number, "tok_ok")).await);
    }
    println!("{:?} for one alone", lone.elapsed() / 500);
}
