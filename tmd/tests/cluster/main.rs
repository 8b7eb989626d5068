//! Several daemons of one office as real processes, on a PostgreSQL and a Redis of their own, which are killed, cut off and
//! stopped under them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]
#![allow(clippy::print_stdout, reason = "how long it took is of use to whoever reads it")]

mod audit;
mod commit;
mod crowd;
mod database;
mod granter;
#[allow(dead_code, reason = "shared with the tests inside the process, which use all of it")]
#[path = "../it/harness.rs"]
mod harness;
mod line;
#[allow(dead_code, reason = "shared with the tests of disks and clocks, which use all of it")]
#[path = "../hostile/machine.rs"]
mod machine;
mod office;
mod outage;
mod proxy;
mod redis_lost;
#[allow(dead_code, reason = "shared with the adapter's tests, which use all of it")]
#[path = "../../src/adapters/redis/tests/server.rs"]
mod redis_server;
mod shopper;
mod stream;
