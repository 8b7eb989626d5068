//! What some buyers do that nobody should, and that the office has to bear.

use serde_json::json;
use tmapi::client::{Client, HeaderMap, HeaderValue, Method};
use tmapi::order::{CreateOrder, OrderStatus, OrderView, SeatsAndPayment};
use tmapi::session::SessionStatus;
use tmcore::drill::{Known, Outcome, Step};
use tmcore::payment::{Operation, ProviderKey};
use tmcore::webhook::{MessageHead, WebhookSecret};
use tmcore::{OrderId, SessionId};

use super::buyer::Buyer;
use super::shop::{Question, refusal};

/// As often a bot tries to order.
const RUSHES: usize = 5;
/// As often somebody looks who wants to know something that they cannot do without.
const LOOKS: usize = 40;
/// How often somebody in several tabs joins again.
const MORE_TABS: usize = 2;
/// Between two looks at an order whose time is nearly up, milliseconds.
const LATE_LOOK_MILLIS: u64 = 150;
/// How much later some come than when the time is up, milliseconds.
const LATER_MILLIS: u64 = 2_500;
/// Where the payment provider tells what it did.
const CALLBACKS: &str = "/api/provider/callbacks";
/// A secret of nobody's.
const WRONG_SECRET: &str = "whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBvZmZpY2U=";

impl Buyer<'_> {
    /// Joins in the other tabs: it is the same place.
    pub async fn join_again(&self, client: &Client, first: SessionId) {
        for _ in 0..MORE_TABS {
            let began = self.shop.watch.millis();
            let note = |outcome| self.shop.note(self.member.number, Step::Rejoin, began, outcome);
            let joined = match client.join(&self.shop.event).await {
                Ok(joined) => joined,
                Err(error) => {
                    // Who has a place already does not insist.
                    if let Some(code) = refusal(&error) {
                        note(Outcome::Fail(code));
                    }
                    continue;
                }
            };
            let mut places = vec![joined.session.session_id.to_string()];
            // Whoever lost the first place may have another: then the first is over.
            if joined.session.session_id != first
                && client.session(first).await.is_ok_and(|view| !view.status.is_terminal())
            {
                places.push(first.to_string());
            }
            note(Outcome::Ok(Known { places, ..Known::default() }));
        }
    }

    /// Comes to pay when the office says that the time is up.
    pub async fn come_late(&mut self, client: &Client, order: OrderId) {
        loop {
            if self.shop.is_over() {
                return self.give_up(client, order).await;
            }
            match client.order(order).await.map(|view| view.status) {
                Ok(OrderStatus::Expired) => break,
                Ok(_) | Err(_) => self.pause(LATE_LOOK_MILLIS).await,
            }
        }
        // Half of them at once, half when others may have bought the seats.
        if self.dice.chance(50) {
            self.pause(LATER_MILLIS).await;
        }
        let key = self.key("late");
        self.ask(Step::Late, &key, client, || client.finalize(order, &key)).await;
    }

    /// Sends another request under the key of one that is done.
    pub async fn take_the_wrong_key(&self, client: &Client, order: OrderId, held: super::buyer::Held) {
        let request = SeatsAndPayment { payment_token: "tok_ok_too".to_owned(), ..held.request };
        let send = || client.confirm(order, &request, &held.key);
        self.ask(Step::Reuse, &held.key, client, send).await;
    }

    /// Tells the office in the payment provider's name that the declined card is good: without a signature, and with
    /// one of another secret.
    pub async fn forge(&mut self, client: &Client, order: OrderId) {
        let Ok(view) = client.order(order).await else { return };
        let Ok(secret) = WRONG_SECRET.parse::<WebhookSecret>() else { return };
        let (id, body) = (format!("evt_{}", self.key("forged")), forged(&view));
        let timestamp = (view.created_at.as_millis() / 1_000).to_string();
        let signature = secret.sign(MessageHead { id: &id, timestamp: &timestamp }, body.as_bytes());
        for signature in [None, Some(signature)] {
            let mut headers = HeaderMap::new();
            let fields = [("webhook-id", Some(&id)), ("webhook-timestamp", Some(&timestamp))];
            for (name, value) in fields.into_iter().chain([("webhook-signature", signature.as_ref())]) {
                if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                    headers.insert(name, value);
                }
            }
            self.tell(headers, body.clone()).await;
        }
    }

    async fn tell(&mut self, headers: HeaderMap, body: String) {
        let began = self.shop.watch.millis();
        for _ in 0..LOOKS {
            let sent = self.shop.guest.raw(Method::POST, CALLBACKS, headers.clone(), body.clone()).await;
            let outcome = match sent.map(|(status, ..)| status.as_u16()) {
                Ok(401) => Outcome::Fail("unauthenticated".to_owned()),
                Ok(status @ 400..=499) if status != 429 => Outcome::Fail(status.to_string()),
                Ok(200..=399) => Outcome::Ok(Known::default()),
                Ok(_) | Err(_) => {
                    self.pause(500).await;
                    continue;
                }
            };
            return self.shop.note(self.member.number, Step::Forge, began, outcome);
        }
    }

    /// Orders without waiting to be let in, a few times: some without a place in line even.
    pub async fn rush_in(&mut self) {
        let (client, session) = if self.shop.has_waiting_room && self.dice.chance(50) {
            let Some((client, session)) = self.join().await else { return };
            (client, Some(session))
        } else {
            (self.shop.guest.clone(), None)
        };
        for _ in 0..RUSHES {
            if let Some(order) = self.order_from_outside(&client, session).await {
                // Who was let in meanwhile takes nobody's seats.
                if session.is_some() {
                    self.give_up(&client, order).await;
                }
                return;
            }
            self.pause(1_000).await;
        }
        self.leave(&client, session).await;
    }

    async fn order_from_outside(&mut self, client: &Client, session: Option<SessionId>) -> Option<OrderId> {
        let began = self.shop.watch.millis();
        let create = CreateOrder { event_id: self.shop.event.clone(), session_id: None };
        let key = self.key("order");
        let question = Question { buyer: self.member.number, step: Step::Order, key: &key };
        let outcome = self.shop.ask(&question, client, || client.create_order(&create, &key)).await;
        let order = match &outcome {
            Outcome::Ok(known) => known.order.as_deref().and_then(|order| order.parse().ok()),
            Outcome::Fail(_) | Outcome::Info(_) => None,
        };
        if let Some(session) = session.filter(|_| order.is_some()) {
            // Their turn may have come without their looking: then they were inside.
            if self.was_let_in(client, session).await? {
                self.shop.note(self.member.number, Step::Wait, began, Outcome::Ok(Known::default()));
            }
        }
        self.shop.write(&question, began, outcome);
        order
    }

    /// `None` when that cannot be found out.
    async fn was_let_in(&mut self, client: &Client, session: SessionId) -> Option<bool> {
        use SessionStatus::{Active, Done, Expired, Ordering};
        for _ in 0..LOOKS {
            match client.session(session).await {
                Ok(view) => return Some(matches!(view.status, Active | Ordering | Done | Expired)),
                Err(_) => self.pause(500).await,
            }
        }
        None
    }
}

/// What the provider would tell of the order's first card, were it good.
fn forged(view: &OrderView) -> String {
    let key = ProviderKey::derive(view.order_id, Operation::Authorize, 1);
    let answer = json!({"outcome": "OK", "reference": "auth_forged"});
    let record = json!({"sequence": 1, "key": key, "order": view.order_id, "operation": Operation::Authorize,
        "amount": view.total, "answer": answer, "at": view.created_at});
    json!({"type": "operation.recorded", "data": record}).to_string()
}
