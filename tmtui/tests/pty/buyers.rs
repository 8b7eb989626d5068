//! Other buyers.

use std::time::Duration;

use tmapi::client::{Client, ClientOptions};
use tmapi::order::{CreateOrder, SeatsAndPayment};
use tmapi::session::{SessionStatus, SessionView};
use tmcore::EventId;
use tokio::runtime::Runtime;

/// Somebody in line, or let in.
pub struct Buyer {
    client: Client,
    session: SessionView,
}

/// Buyers of one event, each a guest of their own.
pub struct Buyers {
    runtime: Runtime,
    client: Client,
    event: EventId,
}

impl Buyers {
    pub fn of(url: &str, event: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::new(url, ClientOptions::default()).unwrap();
        Self { runtime, client, event: event.parse().unwrap() }
    }

    pub fn join(&self) -> Buyer {
        let joined = self.runtime.block_on(self.client.join(&self.event)).unwrap();
        let client = self.client.with_token(&joined.access_token.unwrap()).unwrap();
        Buyer { client, session: joined.session }
    }

    /// Waits until the buyer is let in, and holds a seat for them.
    pub fn take(&self, buyer: &Buyer, seat: &str) {
        self.runtime.block_on(async {
            for _ in 0..600 {
                let now = buyer.client.session(buyer.session.session_id).await.unwrap();
                if now.status == SessionStatus::Active {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let order =
                CreateOrder { event_id: self.event.clone(), session_id: Some(buyer.session.session_id) };
            let order = buyer.client.create_order(&order, "rival-1").await.unwrap();
            let payment =
                SeatsAndPayment { seats: vec![seat.parse().unwrap()], payment_token: "tok_ok".to_owned() };
            buyer.client.confirm(order.order_id, &payment, "rival-2").await.unwrap();
        });
    }
}
