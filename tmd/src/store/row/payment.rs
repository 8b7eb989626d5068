//! Rows of payments.

use tmcore::payment::{Operation, PaymentState};

use super::{Columns, strange};
use crate::ports::StoreError;
use crate::ports::payment::PaymentRecord;

/// A payment of a row with all columns.
pub fn read(row: &impl Columns) -> Result<PaymentRecord, StoreError> {
    let state = PaymentState::from_stored(row.text("state")?, row.text_opt("detail")?);
    let operation = Operation::parse(row.text("operation")?);
    Ok(PaymentRecord {
        order: row.parse("order_id")?,
        operation: operation.ok_or_else(|| strange("operation"))?,
        key: row.parse("provider_key")?,
        state: state.ok_or_else(|| strange("payment state"))?,
        amount: row.money("amount", "currency")?,
        against: row.parse_opt("against")?,
    })
}
