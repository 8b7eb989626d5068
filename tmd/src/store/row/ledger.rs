//! What the books come to.

use tmcore::Money;
use tmcore::money::Currency;
use tmcore::order::OrderState;

use super::{Columns, strange};
use crate::ports::StoreError;
use crate::ports::ledger::{Balance, Unbalanced};

/// The books by currency.
pub const BALANCES: &str = "SELECT currency, CAST(SUM(amount) AS BIGINT) AS sum,
    CAST(COALESCE(SUM(amount) FILTER (WHERE account = 'PROVIDER'), 0) AS BIGINT) AS provider,
    CAST(COALESCE(SUM(amount) FILTER (WHERE account = 'SALES'), 0) AS BIGINT) AS sales
  FROM ledger_entries GROUP BY currency ORDER BY currency";

/// Orders whose books are not what they have to be; $1 how many at most.
pub const UNBALANCED: &str = "
  WITH booked AS (SELECT order_id, SUM(amount) AS sum,
      COALESCE(SUM(amount) FILTER (WHERE account = 'PROVIDER'), 0) AS provider
    FROM ledger_entries GROUP BY order_id),
  paid AS (SELECT order_id, SUM(CASE operation WHEN 'CAPTURE' THEN amount ELSE -amount END) AS net
    FROM payments WHERE state = 'OK' AND operation IN ('CAPTURE', 'REFUND') GROUP BY order_id)
  SELECT o.order_id, o.state, o.total, o.currency, CAST(COALESCE(b.provider, 0) AS BIGINT) AS provider,
    CAST(COALESCE(p.net, 0) AS BIGINT) AS net
  FROM orders o LEFT JOIN booked b USING (order_id) LEFT JOIN paid p USING (order_id)
  WHERE COALESCE(b.sum, 0) <> 0 OR COALESCE(b.provider, 0) <> COALESCE(p.net, 0)
    OR (o.state = 'FINALIZED' AND COALESCE(p.net, 0) <> o.total)
    OR (o.state IN ('REFUNDED', 'EXPIRED', 'CANCELLED', 'FAILED') AND COALESCE(p.net, 0) <> 0)
  ORDER BY o.order_id LIMIT $1";

/// A row of [`BALANCES`].
pub fn balance(row: &impl Columns) -> Result<Balance, StoreError> {
    let currency: Currency = row.parse("currency")?;
    let amount = |column| Ok::<_, StoreError>(Money::new(row.int(column)?, currency));
    Ok(Balance { sum: amount("sum")?, provider: amount("provider")?, sales: amount("sales")? })
}

/// A row of [`UNBALANCED`].
pub fn unbalanced(row: &impl Columns) -> Result<Unbalanced, StoreError> {
    let state = OrderState::parse(row.text("state")?);
    Ok(Unbalanced {
        order: row.parse("order_id")?,
        state: state.ok_or_else(|| strange("order state"))?,
        total: row.money("total", "currency")?,
        booked: row.money("provider", "currency")?,
        paid: row.money("net", "currency")?,
    })
}
