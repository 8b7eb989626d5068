//! When faults are thrown: one after the other as they are drawn, or each at its time.

use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use tmcore::drill::Dice;

use super::deed::carry_out;
use super::{Fault, Measure};
use crate::drill::{Office, Shop};

/// Between two faults that are drawn, milliseconds.
const CALM_MILLIS: (u64, u64) = (2_000, 3_000);

/// A fault that was thrown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thrown {
    pub at_millis: u64,
    /// When nothing was broken any more.
    pub over_millis: u64,
    pub fault: Fault,
    pub what: String,
}

/// What is to be thrown.
#[derive(Clone, Debug)]
pub enum Barrage {
    /// Out of these, by kind, as long as something is to be sold.
    Drawn(Vec<Vec<Fault>>),
    /// These, each at its time.
    Timed(Vec<(Duration, Fault, Measure)>),
}

/// Throws all of it. Nothing is broken any more when this returns.
pub async fn throw(office: &Office, shop: &Shop, barrage: &Barrage, seed: u64) -> Vec<Thrown> {
    let mut thrown = match barrage {
        Barrage::Drawn(kinds) => throw_drawn(office, shop, kinds, &mut Dice::new(seed)).await,
        Barrage::Timed(faults) => {
            join_all(faults.iter().map(|(at, fault, measure)| async move {
                tokio::time::sleep(at.saturating_sub(Duration::from_millis(shop.watch.millis()))).await;
                one(office, shop, *fault, measure).await
            }))
            .await
        }
    };
    thrown.sort_by_key(|thrown| thrown.at_millis);
    thrown
}

async fn one(office: &Office, shop: &Shop, fault: Fault, measure: &Measure) -> Thrown {
    let at_millis = shop.watch.millis();
    let what = carry_out(office, fault, measure).await;
    Thrown { at_millis, over_millis: shop.watch.millis(), fault, what }
}

async fn throw_drawn(office: &Office, shop: &Shop, kinds: &[Vec<Fault>], dice: &mut Dice) -> Vec<Thrown> {
    let mut thrown = Vec::new();
    while let Some(fault) = drawn(kinds, dice) {
        let measure = Measure::drawn(fault, dice);
        let (least, more) = CALM_MILLIS;
        tokio::time::sleep(Duration::from_millis(least + dice.below(more))).await;
        if shop.is_over() {
            break;
        }
        thrown.push(one(office, shop, fault, &measure).await);
    }
    thrown
}

/// A kind, and then one of it: no kind comes more often for being many.
fn drawn(kinds: &[Vec<Fault>], dice: &mut Dice) -> Option<Fault> {
    fn pick<T>(list: &[T], drawn: u64) -> Option<&T> {
        list.get(usize::try_from(drawn).ok()?)
    }
    let kind = pick(kinds, dice.below(kinds.len() as u64))?;
    pick(kind, dice.below(kind.len() as u64)).copied()
}
