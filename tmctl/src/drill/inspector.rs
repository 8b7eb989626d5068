//! Who comes last, when everybody has gone home: what is shown as free can be had.

use std::time::Duration;

use tmapi::client::{Client, SeatStates};
use tmapi::order::{CreateOrder, SeatsAndPayment};
use tmapi::session::SessionStatus;
use tmcore::drill::Dice;
use tmcore::{OrderId, SeatId};
use tokio::time::{sleep, timeout};

use super::Shop;
use super::shop::refusal;
use crate::host::Host;

/// How long they wait to be let in. Where others who left without a word are still inside they see nothing.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(200);

/// Tries to hold some of the seats that are shown as free, when nobody else is there who could have them. Answers what was
/// refused.
pub async fn inspect(shop: &Shop, per_order: u32, seed: u64) -> Vec<String> {
    match timeout(PATIENCE, try_seats(shop, per_order, seed)).await {
        Ok(Some(refused)) => vec![refused],
        Ok(None) | Err(_) => Vec::new(),
    }
}

async fn try_seats(shop: &Shop, per_order: u32, seed: u64) -> Option<String> {
    if free(shop, per_order, &mut Dice::new(seed)).await.is_empty() {
        return None;
    }
    let (client, order) = begin(shop).await?;
    let seats = free(shop, per_order, &mut Dice::new(seed)).await;
    let named: Vec<_> = seats.iter().map(ToString::to_string).collect();
    let request = SeatsAndPayment { seats, payment_token: "tok_declined".to_owned() };
    let key = Host::idempotency_key();
    let held = client.confirm(order, &request, &key).await;
    let _ = client.cancel(order, &Host::idempotency_key()).await;
    let code = refusal(&held.err()?).filter(|code| code == "seats-unavailable")?;
    Some(format!(
        "nobody was there any more, {} were shown as free, and refused with {code}",
        named.join(", ")
    ))
}

async fn begin(shop: &Shop) -> Option<(Client, OrderId)> {
    let mut client = shop.guest.clone();
    let mut create = CreateOrder { event_id: shop.event.clone(), session_id: None };
    if shop.has_waiting_room {
        let joined = shop.guest.join(&shop.event).await.ok()?;
        client = client.with_token(&joined.access_token?).ok()?;
        let session = joined.session.session_id;
        while client.session(session).await.ok()?.status != SessionStatus::Active {
            sleep(LOOK).await;
        }
        create.session_id = Some(session);
    }
    let order = client.create_order(&create, &Host::idempotency_key()).await.ok()?;
    let client =
        order.access_token.as_deref().map_or(Ok(client.clone()), |token| client.with_token(token)).ok()?;
    Some((client, order.order_id))
}

async fn free(shop: &Shop, per_order: u32, dice: &mut Dice) -> Vec<SeatId> {
    let Ok(view) = shop.guest.availability(&shop.event).await else { return Vec::new() };
    SeatStates::unpack(&view).map(|states| shop.house.choose(&states, per_order, dice)).unwrap_or_default()
}
