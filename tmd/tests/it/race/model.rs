//! Random histories of a few buyers on a few seats against a model of what each may see.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use tmapi::client::Client;
use tmapi::event::EventPatch;
use tmapi::order::{OrderStatus, OrderView};
use tmcore::{EventId, OrderId};
use tmd::config::Config;

use crate::harness::{Daemon, key, quick};
use crate::till::{Purchase, of, open, pay, unswept};

const BUYERS: usize = 2;
const SEATS: usize = 7;
const PER_ORDER: usize = 2;
const PER_BUYER: usize = 3;

#[derive(Clone, Debug)]
enum Command {
    Create,
    Confirm { seats: Vec<usize>, good: bool },
    Finalize,
    Cancel,
    Lapse,
}

fn command() -> impl Strategy<Value = Command> {
    let some = |count| proptest::sample::subsequence((1..=SEATS).collect::<Vec<_>>(), count).prop_shuffle();
    let seats = prop_oneof![6 => some(1), 6 => some(2), 1 => some(3)];
    prop_oneof![
        1 => Just(Command::Create),
        8 => (seats, proptest::bool::weighted(0.5)).prop_map(|(seats, good)| Command::Confirm { seats, good }),
        3 => Just(Command::Finalize),
        1 => Just(Command::Cancel),
        1 => Just(Command::Lapse),
    ]
}

/// One buyer's newest order as the model has it.
#[derive(Clone, Debug, Default)]
struct Known {
    status: Option<OrderStatus>,
    seats: BTreeSet<usize>,
    declines: u32,
    bought: BTreeSet<usize>,
}

impl Known {
    fn is_open(&self) -> bool {
        self.status.is_some_and(OrderStatus::is_open)
    }

    fn end(&mut self, status: OrderStatus) {
        self.status = Some(status);
        self.seats.clear();
    }
}

/// What everybody has.
#[derive(Clone, Debug, Default)]
struct Model {
    buyers: [Known; BUYERS],
}

impl Model {
    fn taken(&self, by_others_than: usize) -> BTreeSet<usize> {
        let others = self.buyers.iter().enumerate();
        let seats = others.flat_map(|(who, buyer)| {
            let held = (who != by_others_than).then_some(&buyer.seats).into_iter().flatten();
            buyer.bought.iter().chain(held)
        });
        seats.copied().collect()
    }

    /// The status that the command must be answered with; `None` where the buyer has no order to name.
    fn run(&mut self, who: usize, command: &Command) -> Option<u16> {
        if let Command::Create = command {
            return Some(self.create(who));
        }
        let status = self.buyers[who].status?;
        Some(match command {
            Command::Create => return None,
            Command::Confirm { seats, good } => self.confirm(who, status, seats, *good),
            Command::Finalize => self.finalize(who, status),
            Command::Cancel => match status {
                OrderStatus::Finalized => 409,
                OrderStatus::Expired => 410,
                _ => {
                    self.buyers[who].end(OrderStatus::Cancelled);
                    200
                }
            },
            Command::Lapse => {
                if status.is_open() {
                    self.buyers[who].end(OrderStatus::Expired);
                }
                return None;
            }
        })
    }

    fn create(&mut self, who: usize) -> u16 {
        let buyer = &mut self.buyers[who];
        if buyer.is_open() || buyer.bought.len() >= PER_BUYER {
            return 409;
        }
        *buyer =
            Known { status: Some(OrderStatus::Pending), bought: buyer.bought.clone(), ..Known::default() };
        201
    }

    fn confirm(&mut self, who: usize, status: OrderStatus, seats: &[usize], good: bool) -> u16 {
        let wanted: BTreeSet<usize> = seats.iter().copied().collect();
        match status {
            OrderStatus::Pending => {}
            OrderStatus::Authorized | OrderStatus::Finalized if self.buyers[who].seats == wanted => {
                return 202;
            }
            OrderStatus::Expired => return 410,
            _ => return 409,
        }
        if wanted.len() > PER_ORDER {
            return 422;
        }
        if self.buyers[who].bought.len() + wanted.len() > PER_BUYER || !self.taken(who).is_disjoint(&wanted) {
            return 409;
        }
        let buyer = &mut self.buyers[who];
        buyer.seats = wanted;
        if good {
            buyer.status = Some(OrderStatus::Authorized);
            return 202;
        }
        buyer.declines += 1;
        if buyer.declines == 3 {
            buyer.end(OrderStatus::Cancelled);
        }
        402
    }

    fn finalize(&mut self, who: usize, status: OrderStatus) -> u16 {
        match status {
            OrderStatus::Finalized => 200,
            OrderStatus::Expired => 410,
            OrderStatus::Authorized => {
                let buyer = &mut self.buyers[who];
                buyer.status = Some(OrderStatus::Finalized);
                buyer.bought.extend(buyer.seats.iter().copied());
                200
            }
            _ => 409,
        }
    }

    /// Every seat as it is shown: 0 to be had, 1 held, 2 sold.
    fn codes(&self) -> Vec<u8> {
        let code = |seat: usize| {
            if self.buyers.iter().any(|buyer| buyer.bought.contains(&seat)) {
                2
            } else {
                u8::from(self.buyers.iter().any(|buyer| buyer.seats.contains(&seat)))
            }
        };
        (1..=SEATS).map(code).collect()
    }
}

/// The buyers for real.
struct Real<'a> {
    daemon: &'a Daemon,
    event: EventId,
    buyers: Vec<(Client, Option<OrderId>)>,
}

impl Real<'_> {
    async fn run(&mut self, who: usize, command: &Command) -> u16 {
        let (client, order) = &mut self.buyers[who];
        if let Command::Create = command {
            let created = client.create_order(&of(&self.event), &key()).await;
            if let Ok(created) = &created {
                *order = Some(created.order_id);
            }
            return status(201, created);
        }
        let order = order.unwrap();
        match command {
            Command::Create => unreachable!("answered above"),
            Command::Confirm { seats, good } => {
                let ids: Vec<String> = seats.iter().map(|seat| format!("A-{seat}")).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let token = if *good { "tok_ok" } else { "tok_declined" };
                status(202, client.confirm(order, &pay(&ids, token), &key()).await)
            }
            Command::Finalize => status(200, client.finalize(order, &key()).await),
            Command::Cancel => status(200, client.cancel(order, &key()).await),
            Command::Lapse => {
                self.daemon.lapse_if_open(order).await;
                0
            }
        }
    }

    /// Whether what is shown is what the model has.
    async fn check(&self, model: &Model) {
        for ((client, order), known) in self.buyers.iter().zip(&model.buyers) {
            let (Some(order), Some(status)) = (order, known.status) else { continue };
            let view = client.order(*order).await.unwrap();
            let seats: BTreeSet<String> = view.seats.iter().map(|seat| seat.seat_id.to_string()).collect();
            let expected: BTreeSet<String> = known.seats.iter().map(|seat| format!("A-{seat}")).collect();
            assert_eq!((view.status, seats), (status, expected));
        }
        let shown = self.daemon.office.availability(&self.event).await.unwrap().unwrap();
        assert_eq!(shown.snapshot.codes, model.codes(), "S5");
    }
}

fn status(success: u16, answer: Result<OrderView, tmapi::client::ClientError>) -> u16 {
    match answer {
        Ok(_) => success,
        Err(error) => error.status().unwrap(),
    }
}

async fn history(daemon: &Daemon, event: &str, commands: &[(usize, Command)]) {
    let limits = EventPatch {
        seats_per_order: u32::try_from(PER_ORDER).ok(),
        seats_per_buyer: u32::try_from(PER_BUYER).ok(),
        ..EventPatch::default()
    };
    let event = daemon.event(event, 1, u32::try_from(SEATS).unwrap(), open(limits)).await;
    let guest = daemon.client();
    let mut real = Real { daemon, event: event.clone(), buyers: Vec::new() };
    for _ in 0..BUYERS {
        let begun = Purchase::begin(&guest, &event).await;
        begun.cancel().await.unwrap();
        real.buyers.push((begun.buyer, None));
    }
    let mut model = Model::default();
    for (step, (who, command)) in commands.iter().enumerate() {
        let buyer = &model.buyers[*who];
        let begins = matches!(command, Command::Create);
        // Most who choose seats have begun anew; now and then one whose order is over tries all the same.
        let anew = matches!(command, Command::Confirm { .. }) && !buyer.is_open() && step % 5 > 0;
        if anew {
            let expected = model.run(*who, &Command::Create);
            assert_eq!(
                Some(real.run(*who, &Command::Create).await),
                expected,
                "step {step}: buyer {who} anew"
            );
        }
        if model.buyers[*who].status.is_none() && !begins {
            continue;
        }
        let expected = model.run(*who, command);
        let answered = real.run(*who, command).await;
        assert_eq!(answered, expected.unwrap_or(0), "step {step}: buyer {who} {command:?}");
        real.check(&model).await;
    }
    daemon.check_invariants().await;
}

fn histories(config: Config, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let daemon = runtime.block_on(Daemon::start_with(config));
    let events = AtomicU32::new(0);
    let cases = Cases { cases, max_shrink_iters: 150, failure_persistence: None, ..Cases::default() };
    let commands = proptest::collection::vec((0..BUYERS, command()), 20..70);
    let outcome = TestRunner::new(cases).run(&commands, |commands| {
        let event = format!("E{}", events.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(history(&daemon, &event, &commands));
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(daemon.check_money());
}

#[test]
fn whatever_a_few_buyers_do_the_seats_are_as_the_model_says() {
    histories(quick(), 16);
}

#[test]
fn s5_without_a_sweeper_they_are_too() {
    histories(unswept(), 16);
}

impl Daemon {
    async fn lapse_if_open(&self, order: OrderId) {
        if ["PENDING", "AUTHORIZING", "AUTHORIZED"].contains(&self.state(order).await.as_str()) {
            self.lapse(order).await;
        }
    }
}
