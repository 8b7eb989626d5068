//! Connections: how each is set up, and which work shares them.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use super::PostgresOptions;
use crate::ports::StoreError;

/// The longest that one statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// What the server would have given up itself by now, and has not said so: nothing will be heard of it.
const SILENT_AFTER: Duration = Duration::from_secs(6);
/// A transaction that waits for its program longer than this is ended: a daemon that stops with a gate locked keeps the
/// others from letting in for so long, and 5 s are all they have (W5).
const IDLE_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked whether it still stands before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// Statements that a connection keeps prepared. A batch is written by one that is put together from what changed, so
/// there are some dozens.
const PREPARED_STATEMENTS: usize = 256;

/// Nearly every statement finds rows by their keys, and is written so that what is small comes first in every join. A plan
/// made while tables are empty or not yet counted would read them from end to end instead, and stay until somebody counts
/// their rows. So plans are made once, and as the statement says; and pages cost next to nothing, as what a sale looks at
/// is in memory: else the planner would rather read all seats of an event that it believes small than find one by its
/// name. A batch of 64 that took 190 ms takes 10 ms.
const BY_KEY: [(&str, &str); 7] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("join_collapse_limit", "1"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("random_page_cost", "0.01"),
    ("seq_page_cost", "0.01"),
];

/// Work of different kinds shares no connections: who looks keeps nobody from paying.
#[derive(Debug)]
pub(super) struct Pools {
    /// Orders, claims and payments.
    pub money: PgPool,
    /// The waiting room.
    pub room: PgPool,
    /// Whoever looks, and the organiser.
    pub browse: PgPool,
}

/// What somebody who looks is answered, as long as an answer can still come: a connection of which nothing is heard any more
/// would keep them, and its place in the pool.
pub(super) async fn unless_silent<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let silent = |_| StoreError::Unreachable("the server went silent".into());
    tokio::time::timeout(SILENT_AFTER, work).await.map_err(silent)?
}

impl Pools {
    /// Connects when the first one asks.
    pub(super) fn new(connect: &PgConnectOptions, options: PostgresOptions) -> Self {
        let pool = |name, connections, connect: PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.busy_timeout / 2)
                .test_before_acquire(false)
                .before_acquire(|connection, idle| {
                    Box::pin(async move {
                        if idle.idle_for > FRESH {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .after_release(move |connection, _| {
                    Box::pin(async move {
                        // The pool asks as well, and would wait for ever: a connection that was given up because it
                        // went silent would never make room for another.
                        let answer = tokio::time::timeout(options.busy_timeout, connection.ping()).await;
                        answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
                    })
                })
                .connect_lazy_with(connect.application_name(name))
        };
        Self {
            money: pool("tmd money", options.money_connections, connect.clone()),
            room: pool("tmd room", options.room_connections, connect.clone()),
            browse: pool("tmd browse", options.browse_connections, connect.clone()),
        }
    }
}

/// How long one transaction may wait for a lock. Before a batch another may wait as long, and both for a connection: a quarter
/// of what a request may, all told (S9).
fn share(busy_timeout: Duration) -> Duration {
    busy_timeout / 4
}

/// What holds for every connection.
pub(super) fn settled(connect: PgConnectOptions, busy_timeout: Duration) -> PgConnectOptions {
    connect
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .options([
            ("default_transaction_isolation", "read committed".to_owned()),
            ("lock_timeout", share(busy_timeout).as_millis().to_string()),
            ("statement_timeout", STATEMENT_TIMEOUT.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT.as_millis().to_string()),
            // Whatever is asked here is over before a compiler would be.
            ("jit", "off".to_owned()),
        ])
        .options(BY_KEY)
}
