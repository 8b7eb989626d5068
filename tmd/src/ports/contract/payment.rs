//! What every store of payments keeps.

use tmcore::payment::{Answer, Operation, PaymentState};

use super::stage::{Stage, hold, order_id};
use crate::ports::order::{OrderCommand, Verdict};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    m5_a_payment_is_written_with_its_hold(&make().await).await;
    m6_an_unknown_payment_is_due_again_and_leased_to_one(&make().await).await;
}

async fn m5_a_payment_is_written_with_its_hold(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    stage.order(&id, 1).await;
    let held = stage.apply(hold(1, &[0])).await.unwrap();
    let written = stage.store.payments(order_id(1)).await.unwrap();
    assert_eq!(written, [held.payment.unwrap()]);
    assert_eq!((written[0].operation, &written[0].state), (Operation::Authorize, &PaymentState::Sent));
    assert!(stage.store.due_payments(10, 30).await.unwrap().is_empty(), "whoever wrote it sends it first");
}

async fn m6_an_unknown_payment_is_due_again_and_leased_to_one(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    stage.order(&id, 1).await;
    let payment = stage.apply(hold(1, &[0])).await.unwrap().payment.unwrap().key;
    let settle = |verdict| OrderCommand::Settle { payment, verdict, tickets: Vec::new() };
    stage.apply(settle(Verdict::Unknown)).await.unwrap();
    let due = loop {
        let due = stage.store.due_payments(10, 30).await.unwrap();
        if !due.is_empty() {
            break due;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((due.len(), &due[0].state), (1, &PaymentState::Unknown));
    assert!(stage.store.due_payments(10, 30).await.unwrap().is_empty(), "leased");
    let ok = Verdict::Answered(Answer::Ok { reference: "auth".parse().unwrap() });
    stage.apply(settle(ok)).await.unwrap();
    assert!(stage.store.payments(order_id(1)).await.unwrap()[0].state.is_settled());
}
