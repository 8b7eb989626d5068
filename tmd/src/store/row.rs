//! Values between Rust and columns, the same for every dialect. A value the schema should never hold is a failure, not a
//! guess.

pub mod event;
pub mod identity;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod seat;
pub mod session;

use std::str::FromStr;

use serde::Serialize;
use sqlx::{ColumnIndex, Decode, Row, Type};
use tmcore::money::Currency;
use tmcore::{Money, Timestamp};

use crate::ports::StoreError;

/// Reads columns by name.
pub trait Columns {
    /// A whole number.
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    /// A whole number that may be missing.
    fn int_opt(&self, column: &str) -> Result<Option<i64>, StoreError>;
    /// A text.
    fn text(&self, column: &str) -> Result<&str, StoreError>;
    /// A text that may be missing.
    fn text_opt(&self, column: &str) -> Result<Option<&str>, StoreError>;

    /// A text that names something.
    fn parse<T: FromStr>(&self, column: &str) -> Result<T, StoreError> {
        parse(self.text(column)?)
    }

    /// A name that may be missing.
    fn parse_opt<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.text_opt(column)?.map(parse).transpose()
    }

    /// A count.
    fn count(&self, column: &str) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(StoreError::failed)
    }

    /// An instant.
    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_millis)
    }

    /// An instant that may be missing.
    fn time_opt(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.int_opt(column)?.map(Timestamp::from_millis))
    }

    /// An amount of the currency in `currency`.
    fn money(&self, amount: &str, currency: &str) -> Result<Money, StoreError> {
        Ok(Money::new(self.int(amount)?, self.parse::<Currency>(currency)?))
    }
}

impl<R> Columns for R
where
    R: Row,
    for<'c> &'c str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.try_get(column).map_err(StoreError::failed)
    }

    fn int_opt(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.try_get(column).map_err(StoreError::failed)
    }

    fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.try_get(column).map_err(StoreError::failed)
    }

    fn text_opt(&self, column: &str) -> Result<Option<&str>, StoreError> {
        self.try_get(column).map_err(StoreError::failed)
    }
}

/// Reads a name.
pub fn parse<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::failed(format_args!("the store holds a malformed {text:?}")))
}

/// A count as a column takes it.
pub fn int(count: impl TryInto<i64>) -> Result<i64, StoreError> {
    count.try_into().map_err(|_| StoreError::failed("a number does not fit the store"))
}

/// A JSON array, the way many values travel into one statement.
pub fn json_array<T: Serialize>(values: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(StoreError::failed)
}

/// A value that no version of the program writes.
pub fn strange(what: &str) -> StoreError {
    StoreError::failed(format_args!("the store holds an unknown {what}"))
}
