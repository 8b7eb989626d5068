//! One buyer's way through a rehearsal, as their habit has it.

use std::time::Duration;

use tmapi::client::{Client, SeatStates};
use tmapi::order::{CreateOrder, SeatsAndPayment};
use tmapi::session::SessionStatus;
use tmcore::drill::{Dice, Habit, Known, Member, Outcome, Step};
use tmcore::{OrderId, SeatId, SessionId};

use super::shop::{Question, Shop, refusal};
use crate::host::Host;

/// As often somebody points at other seats before giving up.
const TRIES: usize = 40;
/// Tabs of somebody who has several.
const TABS: usize = 3;
/// Between two looks at one's place, milliseconds: near the front, and far from it.
const LOOK_MILLIS: (u64, u64) = (300, 1_500);
/// Who is this near looks more often.
const NEAR: u64 = 100;

/// Comes, buys or does not, and goes. Whoever wants to pay and got fewer seats than they came for comes again while there
/// is something to be had, as a guest of another number: `crowd` more.
pub async fn visit(shop: &Shop, mut member: Member, crowd: u32) {
    tokio::time::sleep(Duration::from_millis(member.arrives_millis)).await;
    let mut dice = Dice::new(member.seed);
    loop {
        let mut buyer = Buyer { shop, member, dice: dice.clone(), keys: 0 };
        let bought = match member.habit {
            Habit::Bot => {
                buyer.rush_in().await;
                0
            }
            _ => buyer.buy().await,
        };
        dice = buyer.dice;
        member.seats = member.seats.saturating_sub(bought);
        if member.seats == 0 || !member.habit.pays() || shop.is_over() {
            return;
        }
        let Some(number) = member.number.checked_add(crowd) else { return };
        member.number = number;
        tokio::time::sleep(Duration::from_millis(500 + dice.below(1_000))).await;
    }
}

pub(super) struct Buyer<'a> {
    pub shop: &'a Shop,
    pub member: Member,
    pub dice: Dice,
    /// How many keys they wrote down.
    keys: u32,
}

/// Seats that are held, and how they were asked for.
pub(super) struct Held {
    pub key: String,
    pub request: SeatsAndPayment,
}

impl Buyer<'_> {
    /// A purchase from the door to the tickets, or to wherever it ends. Answers how many tickets there are.
    async fn buy(&mut self) -> u32 {
        let Some((client, session)) = self.come_in().await else { return 0 };
        if self.abandons() {
            self.leave(&client, session).await;
            return 0;
        }
        let Some((order, client)) = self.begin(client, session).await else { return 0 };
        self.think().await;
        let held = if self.abandons() { None } else { self.hold(&client, order).await };
        let Some(held) = held else {
            self.give_up(&client, order).await;
            return 0;
        };
        self.think().await;
        match self.member.habit {
            Habit::Abandoner => {
                // Most of them without a word: the seats come back when the hold is over.
                if self.dice.chance(30) {
                    self.give_up(&client, order).await;
                }
                return 0;
            }
            Habit::Late => {
                self.come_late(&client, order).await;
                return 0;
            }
            Habit::Careless => self.take_the_wrong_key(&client, order, held).await,
            _ => {}
        }
        let key = self.key("finalize");
        let send = || client.finalize(order, &key);
        match self.ask(Step::Finalize, &key, &client, send).await {
            Outcome::Ok(known) => u32::try_from(known.seats.len()).unwrap_or(u32::MAX),
            Outcome::Fail(_) | Outcome::Info(_) => 0,
        }
    }

    /// A token, and the place by which one was let in. Where nobody has to be let in there is neither.
    async fn come_in(&mut self) -> Option<(Client, Option<SessionId>)> {
        if !self.shop.has_waiting_room {
            return (!self.shop.is_over()).then(|| (self.shop.guest.clone(), None));
        }
        let (client, session) = self.join().await?;
        if self.member.habit == Habit::Tabs {
            self.join_again(&client, session).await;
        }
        self.wait(&client, session).await.then_some((client, Some(session)))
    }

    pub(super) async fn join(&mut self) -> Option<(Client, SessionId)> {
        let began = self.shop.watch.millis();
        loop {
            if self.shop.is_over() {
                return None;
            }
            match self.shop.guest.join(&self.shop.event).await {
                Ok(joined) => {
                    let client = self.shop.guest.with_token(&joined.access_token?).ok()?;
                    self.shop.note(self.member.number, Step::Join, began, Outcome::Ok(Known::default()));
                    return Some((client, joined.session.session_id));
                }
                Err(error) => match refusal(&error) {
                    Some(code) => {
                        self.shop.note(self.member.number, Step::Join, began, Outcome::Fail(code));
                        return None;
                    }
                    None => self.pause(500).await,
                },
            }
        }
    }

    /// Waits to be let in. Answers whether one was.
    async fn wait(&mut self, client: &Client, session: SessionId) -> bool {
        let began = self.shop.watch.millis();
        // Some lose patience long before it is their turn.
        let patience = if self.member.habit == Habit::Abandoner && self.dice.chance(30) {
            Some(began + 1_000 + self.dice.below(10_000))
        } else {
            None
        };
        loop {
            let look = client.session(session).await;
            let status = look.as_ref().map(|view| view.status);
            let told = |outcome| self.shop.note(self.member.number, Step::Wait, began, outcome);
            match status {
                Ok(SessionStatus::Active | SessionStatus::Ordering) => {
                    told(Outcome::Ok(Known::default()));
                    return true;
                }
                Ok(over) if over.is_terminal() => {
                    told(Outcome::Fail(format!("{over:?}").to_lowercase()));
                    return false;
                }
                Err(error) if refusal(error).is_some() => {
                    told(Outcome::Fail(refusal(error).unwrap_or_default()));
                    return false;
                }
                Ok(_) | Err(_) => {}
            }
            let has_enough = patience.is_some_and(|until| self.shop.watch.millis() > until);
            if self.shop.is_over() || has_enough {
                told(Outcome::Fail(if has_enough { "left" } else { "sold-out" }.to_owned()));
                self.leave(client, Some(session)).await;
                return false;
            }
            let ahead = look.ok().and_then(|view| view.ahead).unwrap_or(NEAR);
            self.pause(if ahead < NEAR { LOOK_MILLIS.0 } else { LOOK_MILLIS.1 }).await;
        }
    }

    /// Begins an order; in as many tabs as there are at once, of which one wins.
    async fn begin(&mut self, client: Client, session: Option<SessionId>) -> Option<(OrderId, Client)> {
        self.think().await;
        let create = CreateOrder { event_id: self.shop.event.clone(), session_id: session };
        let tabs = if self.member.habit == Habit::Tabs && session.is_some() { TABS } else { 1 };
        let keys: Vec<_> = (0..tabs).map(|_| self.key("order")).collect();
        let attempts = keys.iter().map(|key| self.begin_in_a_tab(&create, &client, key));
        let outcomes = futures::future::join_all(attempts).await;
        outcomes.into_iter().find_map(|(outcome, client)| match outcome {
            Outcome::Ok(known) => known.order?.parse().ok().map(|order| (order, client)),
            Outcome::Fail(_) | Outcome::Info(_) => None,
        })
    }

    async fn begin_in_a_tab(&self, create: &CreateOrder, client: &Client, key: &str) -> (Outcome, Client) {
        let token = std::sync::Mutex::new(None);
        let send = async || {
            let view = client.create_order(create, key).await?;
            if let (Some(given), Ok(mut token)) = (&view.access_token, token.lock()) {
                *token = Some(given.clone());
            }
            Ok(view)
        };
        let (buyer, step) = (self.member.number, Step::Order);
        // Without a token two at once would be two guests, and each has an order of their own.
        let outcome = match create.session_id {
            Some(_) => self.ask(step, key, client, send).await,
            None => self.shop.insist(Question { buyer, step, key }, client, send).await,
        };
        let given = token.into_inner().ok().flatten().and_then(|token| client.with_token(&token).ok());
        (outcome, given.unwrap_or_else(|| client.clone()))
    }

    /// Holds seats and has the card authorized: other seats when somebody was faster, another card when one is declined.
    async fn hold(&mut self, client: &Client, order: OrderId) -> Option<Held> {
        let card = self.card();
        for _ in 0..TRIES {
            let seats = self.point_at().await;
            if seats.is_empty() {
                if self.shop.is_over() {
                    return None;
                }
                self.pause(300).await;
                continue;
            }
            let key = self.key("confirm");
            let request = SeatsAndPayment { seats, payment_token: card.to_owned() };
            let asking = self.ask(Step::Confirm, &key, client, || client.confirm(order, &request, &key));
            let outcome = match card {
                "tok_slow" if self.member.habit == Habit::Abandoner => {
                    let hasty = Buyer { dice: self.dice.clone(), ..*self };
                    tokio::join!(asking, hasty.go_off(client, order)).0
                }
                _ => asking.await,
            };
            match outcome {
                Outcome::Ok(_) => return Some(Held { key, request }),
                Outcome::Fail(code) if code == "declined" && self.member.habit == Habit::Forger => {
                    self.forge(client, order).await;
                    return None;
                }
                Outcome::Fail(code) if code == "declined" && card == "tok_declined" => {
                    return self.pay_with_another(client, order, request).await;
                }
                Outcome::Fail(code) if code == "seats-unavailable" => {}
                Outcome::Fail(code) if code == "payment-unavailable" => self.pause(1_000).await,
                Outcome::Fail(_) | Outcome::Info(_) => return None,
            }
        }
        None
    }

    fn card(&mut self) -> &'static str {
        match self.member.habit {
            Habit::SlowPayer => "tok_slow",
            Habit::Declined | Habit::Forger => "tok_declined",
            Habit::Lost if self.dice.chance(50) => "tok_lost_answer",
            Habit::Lost => "tok_capture_lost",
            // Some go off while their card is being asked.
            Habit::Abandoner if self.dice.chance(25) => "tok_slow",
            _ => "tok_ok",
        }
    }

    /// Another card for the seats that the order still holds.
    async fn pay_with_another(
        &mut self,
        client: &Client,
        order: OrderId,
        request: SeatsAndPayment,
    ) -> Option<Held> {
        self.pause(1_000).await;
        let request = SeatsAndPayment { payment_token: "tok_ok".to_owned(), ..request };
        for _ in 0..TRIES {
            let key = self.key("confirm");
            match self.ask(Step::Repay, &key, client, || client.confirm(order, &request, &key)).await {
                Outcome::Ok(_) => return Some(Held { key, request }),
                Outcome::Fail(code) if code == "payment-unavailable" => self.pause(1_000).await,
                Outcome::Fail(_) | Outcome::Info(_) => return None,
            }
        }
        None
    }

    /// Gives the order up while the card is being asked.
    async fn go_off(mut self, client: &Client, order: OrderId) {
        self.pause(800).await;
        self.give_up(client, order).await;
    }

    /// Looks at the seats, and picks some of those that are free.
    async fn point_at(&mut self) -> Vec<SeatId> {
        let Ok(view) = self.shop.guest.availability(&self.shop.event).await else { return Vec::new() };
        let Ok(states) = SeatStates::unpack(&view) else { return Vec::new() };
        self.shop.house.choose(&states, self.member.seats, &mut self.dice)
    }

    pub(super) async fn give_up(&mut self, client: &Client, order: OrderId) {
        let key = self.key("cancel");
        self.ask(Step::Cancel, &key, client, || client.cancel(order, &key)).await;
    }

    pub(super) async fn leave(&mut self, client: &Client, session: Option<SessionId>) {
        let Some(session) = session else { return };
        let began = self.shop.watch.millis();
        // Whoever goes does not ask twice.
        let outcome = match client.leave(session).await {
            Ok(()) => Outcome::Ok(Known::default()),
            Err(error) => match refusal(&error) {
                Some(code) => Outcome::Fail(code),
                None => return,
            },
        };
        self.shop.note(self.member.number, Step::Leave, began, outcome);
    }

    /// A key, written down before it is used. The careless count, and everybody who counts comes to the same keys.
    pub(super) fn key(&mut self, what: &str) -> String {
        self.keys += 1;
        match self.member.habit {
            Habit::Careless => format!("{what}-{}", self.keys),
            _ => Host::idempotency_key(),
        }
    }

    /// Asks once, or twice at once under the same key, as their habit is.
    pub(super) async fn ask<
        F: Future<Output = Result<tmapi::order::OrderView, tmapi::client::ClientError>>,
    >(
        &self,
        step: Step,
        key: &str,
        client: &Client,
        send: impl Fn() -> F,
    ) -> Outcome {
        let buyer = self.member.number;
        let once = || self.shop.insist(Question { buyer, step, key }, client, &send);
        if self.member.habit == Habit::Retrier {
            return tokio::join!(once(), once()).0;
        }
        once().await
    }

    fn abandons(&mut self) -> bool {
        self.member.habit == Habit::Abandoner && self.dice.chance(25)
    }

    /// Who dithers takes a while.
    async fn think(&mut self) {
        if self.member.habit == Habit::Ditherer {
            self.pause(1_500).await;
        }
    }

    /// About so long; a fifth of it in a storm.
    pub(super) async fn pause(&mut self, millis: u64) {
        let millis = if self.shop.is_stormy() { millis.div_ceil(5) } else { millis };
        tokio::time::sleep(Duration::from_millis(millis / 2 + self.dice.below(millis))).await;
    }
}
