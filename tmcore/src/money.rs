//! Money in integer minor units. No float comes near it (promise M3).

use std::fmt;
use std::str::FromStr;

pub use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount of one currency, in minor units (cents, pence; whole yen).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units. Never negative in what this program makes.
    pub amount: i64,
    /// ISO 4217.
    pub currency: Currency,
}

/// Why two amounts cannot be put together, or a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are of different currencies.
    #[error("amounts of different currencies cannot be put together")]
    Currency,
    /// The sum does not fit 64 bits.
    #[error("the amount is too large")]
    Overflow,
    /// The text is no amount in the currency.
    #[error("expected an amount such as 49.50")]
    Malformed,
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`MoneyError::Currency`] for two currencies, [`MoneyError::Overflow`] past 64 bits.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currency);
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Reads an amount in major units as people write it (`49.5`, `120`), exactly.
    ///
    /// # Errors
    /// [`MoneyError::Malformed`] for anything else, also for more decimals than the currency has;
    /// [`MoneyError::Overflow`] past 64 bits.
    pub fn from_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let digits = exponent(currency);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !is_number(whole)
            || !is_number(fraction)
            || fraction.len() > digits
            || text.ends_with('.')
        {
            return Err(MoneyError::Malformed);
        }
        let minor = format!("{whole}{fraction:0<digits$}");
        let amount = i64::from_str(&minor).map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(amount, currency))
    }
}

/// Decimal digits of the currency's minor unit: 2 for EUR, 0 for JPY.
fn exponent(currency: Currency) -> usize {
    currency.exponent().map_or(0, usize::from)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = exponent(self.currency);
        let sign = if self.amount < 0 { "-" } else { "" };
        let text = format!("{:0>width$}", self.amount.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction} {}", self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn m3_written_amounts_read_back_exactly(amount in 0..i64::MAX) {
            for currency in [Currency::EUR, Currency::JPY, Currency::KWD] {
                let money = Money::new(amount, currency);
                let written = money.to_string();
                let number = written.split(' ').next().unwrap_or_default();
                prop_assert_eq!(Money::from_major(number, currency), Ok(money));
            }
        }
    }

    #[test]
    fn m3_sums_never_mix_currencies_nor_wrap() {
        let euro = Money::new(i64::MAX, Currency::EUR);
        assert_eq!(euro.plus(Money::new(1, Currency::JPY)), Err(MoneyError::Currency));
        assert_eq!(euro.plus(Money::new(1, Currency::EUR)), Err(MoneyError::Overflow));
    }

    #[test]
    fn amounts_are_written_the_way_the_currency_is() {
        assert_eq!(Money::new(4950, Currency::EUR).to_string(), "49.50 EUR");
        assert_eq!(Money::new(5, Currency::EUR).to_string(), "0.05 EUR");
        assert_eq!(Money::new(500, Currency::JPY).to_string(), "500 JPY");
        for bad in ["", ".", "1.", "1.234", "-1", "1e3", "1,00", " 1"] {
            assert!(Money::from_major(bad, Currency::EUR).is_err(), "{bad:?}");
        }
    }
}
