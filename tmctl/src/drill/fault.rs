//! What is done to the office while the crowd buys. Everything is undone again: the office has to get over it.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tmcore::drill::Dice;

use super::wire::Wire;
use super::{Office, Shop};

/// Between two faults, milliseconds.
const CALM_MILLIS: (u64, u64) = (2_000, 3_000);

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The daemon is killed with SIGKILL, and started again
    Kill,
    /// The daemon stands still (SIGSTOP) for some seconds
    Pause,
    /// The payment provider is killed, silent, slow, or its connections are cut
    Gateway,
    /// The crowd's connections are cut, silent or slow
    Network,
    /// The connections to PostgreSQL are cut, silent or slow; needs --set store.url
    Postgres,
    /// The connections to Redis are cut, silent or slow; needs --set redis.url
    Redis,
}

/// A fault that was thrown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thrown {
    pub at_millis: u64,
    pub fault: Fault,
    pub what: String,
}

/// Throws one after the other until the sale is over; nothing is broken any more when this returns.
pub async fn throw(office: &Office, shop: &Shop, faults: &[Fault], seed: u64) -> Vec<Thrown> {
    let mut dice = Dice::new(seed);
    let mut thrown = Vec::new();
    let count = faults.len() as u64;
    while count > 0 && !shop.is_over() {
        rest(&mut dice, CALM_MILLIS).await;
        if shop.is_over() {
            break;
        }
        let at_millis = shop.watch.millis();
        let Some(&fault) = usize::try_from(dice.below(count)).ok().and_then(|at| faults.get(at)) else {
            break;
        };
        let what = match fault {
            Fault::Kill => kill(office, &mut dice).await,
            Fault::Pause => pause(office, &mut dice).await,
            Fault::Gateway => gateway(office, &mut dice).await,
            Fault::Network => trouble(&office.wires.street, "the daemon", &mut dice).await,
            Fault::Postgres => beside(office.wires.postgres.as_ref(), "the database", &mut dice).await,
            Fault::Redis => beside(office.wires.redis.as_ref(), "Redis", &mut dice).await,
        };
        thrown.push(Thrown { at_millis, fault, what });
    }
    thrown
}

/// Waits for a time drawn between the least and the least and some more; answers it.
async fn rest(dice: &mut Dice, (least_millis, more_millis): (u64, u64)) -> u64 {
    let millis = least_millis + dice.below(more_millis);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    millis
}

async fn kill(office: &Office, dice: &mut Dice) -> String {
    let mut daemon = office.daemon.lock().await;
    daemon.kill().await;
    let away = rest(dice, (200, 1_500)).await;
    match daemon.start().await {
        Ok(()) => format!("the daemon was killed, and away for {away} ms"),
        Err(failure) => format!("the daemon was killed, and did not start again: {}", failure.message),
    }
}

async fn pause(office: &Office, dice: &mut Dice) -> String {
    let daemon = office.daemon.lock().await;
    daemon.pause();
    let still = rest(dice, (500, 4_000)).await;
    daemon.go_on();
    format!("the daemon stood still for {still} ms")
}

async fn gateway(office: &Office, dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => {
            let mut gateway = office.gateway.lock().await;
            gateway.kill().await;
            let away = rest(dice, (200, 2_000)).await;
            match gateway.start().await {
                Ok(()) => format!("the payment provider was killed, and away for {away} ms"),
                Err(failure) => {
                    format!("the payment provider was killed, and did not start again: {}", failure.message)
                }
            }
        }
        1 => silence(&office.wires.line, "the payment provider", rest(dice, (500, 3_000))).await,
        2 => {
            let latency = Duration::from_millis(200 + dice.below(800));
            slow(&office.wires.line, "the payment provider", latency, rest(dice, (1_000, 3_000))).await
        }
        _ => {
            office.wires.line.cut();
            "all connections to the payment provider were cut".to_owned()
        }
    }
}

async fn beside(wire: Option<&Wire>, whose: &str, dice: &mut Dice) -> String {
    match wire {
        Some(wire) => trouble(wire, whose, dice).await,
        None => format!("nothing: {whose} is none of this rehearsal"),
    }
}

async fn trouble(wire: &Wire, whose: &str, dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => silence(wire, whose, rest(dice, (300, 2_000))).await,
        1 => {
            let latency = Duration::from_millis(50 + dice.below(250));
            slow(wire, whose, latency, rest(dice, (1_000, 3_000))).await
        }
        _ => {
            wire.cut();
            format!("all connections to {whose} were cut")
        }
    }
}

async fn silence(wire: &Wire, whose: &str, rest: impl Future<Output = u64>) -> String {
    wire.silence(true);
    let silent = rest.await;
    wire.silence(false);
    format!("nothing was heard of {whose} for {silent} ms")
}

async fn slow(wire: &Wire, whose: &str, latency: Duration, rest: impl Future<Output = u64>) -> String {
    let before = wire.lengthen(latency);
    let time = rest.await;
    wire.lengthen(before);
    format!("every answer of {whose} took {} ms, for {time} ms", latency.as_millis())
}
