//! How each fault is thrown and undone, and what is told of it.

use std::time::Duration;

use super::{Fault, How, Kind, Measure};
use crate::child::{OwnPostgres, OwnRedis, OwnTmd};
use crate::drill::Office;
use crate::drill::messenger::Manner;
use crate::drill::trouble::Trouble;
use crate::drill::wire::Wire;
use crate::error::Failure;

const DAEMON: &str = "the daemon";
const PROVIDER: &str = "the payment provider";
/// How often somebody who does not start is started again: what it needs may be away itself.
const STARTS: u32 = 40;
const BETWEEN_STARTS: Duration = Duration::from_millis(500);

/// Throws a fault, and undoes it; tells what was.
pub async fn carry_out(office: &Office, fault: Fault, measure: &Measure) -> String {
    match (fault.kind, fault.how) {
        (Kind::Kill, _) => kill(&mut *office.daemon.lock().await, DAEMON, measure).await,
        (Kind::Pause, _) => pause(&*office.daemon.lock().await, DAEMON, measure).await,
        (Kind::Network, How::Trouble(trouble)) => trouble.befall(&office.wires.street, DAEMON, measure).await,
        (Kind::Gateway, how) => gateway(office, how, measure).await,
        (Kind::Postgres, how) => postgres(office, how, measure).await,
        (Kind::Redis, how) => redis(office, how, measure).await,
        (Kind::Disk, _) => disk(office, measure).await,
        (Kind::Clock, _) => clock(office, measure).await,
        (Kind::Network, _) => nothing(),
    }
}

/// What is chosen can be thrown: this is never told.
fn nothing() -> String {
    "nothing: there is none of it here".to_owned()
}

/// Whatever can be killed, stopped, and started again.
trait Mortal {
    async fn kill(&mut self);
    async fn start(&mut self) -> Result<(), Failure>;
    fn pause(&self);
    fn go_on(&self);
}

macro_rules! mortal {
    ($($process:ty),+) => {$(
        impl Mortal for $process {
            async fn kill(&mut self) {
                Self::kill(self).await;
            }

            async fn start(&mut self) -> Result<(), Failure> {
                Self::start(self).await
            }

            fn pause(&self) {
                Self::pause(self);
            }

            fn go_on(&self) {
                Self::go_on(self);
            }
        }
    )+};
}

mortal!(OwnTmd, OwnPostgres, OwnRedis);

async fn kill(process: &mut impl Mortal, who: &str, measure: &Measure) -> String {
    process.kill().await;
    let away = measure.lasts.as_millis();
    tokio::time::sleep(measure.lasts).await;
    match start(process).await {
        Ok(()) => format!("{who} was killed, and away for {away} ms"),
        Err(failure) => format!("{who} was killed, and did not start again: {}", failure.message),
    }
}

async fn start(process: &mut impl Mortal) -> Result<(), Failure> {
    for _ in 1..STARTS {
        if process.start().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_STARTS).await;
    }
    process.start().await
}

async fn pause(process: &impl Mortal, who: &str, measure: &Measure) -> String {
    process.pause();
    tokio::time::sleep(measure.lasts).await;
    process.go_on();
    format!("{who} stood still for {} ms", measure.lasts.as_millis())
}

async fn gateway(office: &Office, how: How, measure: &Measure) -> String {
    let line = &office.wires.line;
    match how {
        How::Kill => kill(&mut *office.gateway.lock().await, PROVIDER, measure).await,
        How::Pause => pause(&*office.gateway.lock().await, PROVIDER, measure).await,
        How::Trouble(trouble) => trouble.befall(line, PROVIDER, measure).await,
        How::Callbacks(manner) => {
            let until = async {
                if manner == Manner::WrongAmount {
                    // Who has no answer yet might believe the lie.
                    Trouble::OneWay.befall(line, PROVIDER, measure).await;
                } else {
                    tokio::time::sleep(measure.lasts).await;
                }
            };
            let messages = office.wires.messenger.carry(manner, until).await;
            manner.told(messages, measure.lasts)
        }
        _ => nothing(),
    }
}

async fn on_the_way(wire: Option<&Wire>, trouble: Trouble, whose: &str, measure: &Measure) -> String {
    match wire {
        Some(wire) => trouble.befall(wire, whose, measure).await,
        None => nothing(),
    }
}

async fn postgres(office: &Office, how: How, measure: &Measure) -> String {
    if let How::Trouble(trouble) = how {
        return on_the_way(office.wires.postgres.as_ref(), trouble, "the database", measure).await;
    }
    let Some(servers) = &office.servers else { return nothing() };
    let mut server = servers.postgres.lock().await;
    match how {
        How::Kill => kill(&mut *server, "the database", measure).await,
        How::Pause => pause(&*server, "the database", measure).await,
        How::Terminate => format!("the database ended {} sessions", server.end_sessions()),
        _ => nothing(),
    }
}

async fn redis(office: &Office, how: How, measure: &Measure) -> String {
    if let How::Trouble(trouble) = how {
        return on_the_way(office.wires.redis.as_ref(), trouble, "Redis", measure).await;
    }
    let Some(servers) = &office.servers else { return nothing() };
    let mut server = servers.redis.lock().await;
    match how {
        How::Kill => kill(&mut *server, "Redis", measure).await,
        How::Pause => pause(&*server, "Redis", measure).await,
        How::Empty => {
            server.kill().await;
            if let Err(error) = server.empty() {
                return format!("Redis was killed, and could not be emptied: {error}");
            }
            let told = kill(&mut *server, "Redis", measure).await;
            format!("{told}; it had forgotten everything")
        }
        How::Flush => match server.flush().await {
            Ok(()) => "Redis was told to forget everything".to_owned(),
            Err(error) => format!("Redis was told to forget everything, and did not: {error}"),
        },
        _ => nothing(),
    }
}

async fn disk(office: &Office, measure: &Measure) -> String {
    let Some(disk) = &office.surroundings.disk else { return nothing() };
    let filled = disk.fill();
    tokio::time::sleep(measure.lasts).await;
    let cleared = disk.clear();
    match filled.and(cleared) {
        Ok(()) => {
            format!("there was no room on the disk of the daemon for {} ms", measure.lasts.as_millis())
        }
        Err(error) => format!("the disk of the daemon was to be filled, and was not: {error}"),
    }
}

async fn clock(office: &Office, measure: &Measure) -> String {
    let Some(clock) = &office.surroundings.clock else { return nothing() };
    let set = clock.set(measure.offset_seconds);
    tokio::time::sleep(measure.lasts).await;
    let (offset, time) = (measure.offset_seconds, measure.lasts.as_millis());
    match set.and(clock.set(0)) {
        Ok(()) => format!("the clock of the daemon was {offset:+} s off for {time} ms"),
        Err(error) => format!("the clock of the daemon was to be set, and was not: {error}"),
    }
}
