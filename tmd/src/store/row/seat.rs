//! How the seats of an event stand.

use tmcore::Timestamp;

use super::Columns;
use crate::ports::StoreError;
use crate::ports::seat::SeatSnapshot;

/// Of `seq`, and `codes`: a digit a seat.
pub fn snapshot(row: &impl Columns, as_of: Timestamp) -> Result<SeatSnapshot, StoreError> {
    let codes = row.text("codes")?.bytes().map(|digit| digit - b'0').collect();
    let seq = u64::try_from(row.int("seq")?).map_err(StoreError::failed)?;
    Ok(SeatSnapshot { seq, as_of, codes })
}
