//! The books: what a settled payment does to them.
//!
//! Double entry, as it has been kept since Pacioli: every movement is written twice, to the debit of one account and to
//! the credit of another, so that the whole always sums to zero (M11). An authorization and its void move no money and
//! are not written.

use crate::Money;
use crate::payment::Operation;

/// Where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// What the payment provider has taken for the office and not given back.
    Provider,
    /// What buyers have paid for tickets and not been given back.
    Sales,
}

impl Account {
    /// Every account.
    pub const ALL: [Self; 2] = [Self::Provider, Self::Sales];

    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "PROVIDER",
            Self::Sales => "SALES",
        }
    }
}

/// One line of the books. Debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// By how much.
    pub amount: Money,
}

/// The lines of an operation that went well. They sum to zero.
#[must_use]
pub fn postings(operation: Operation, amount: Money) -> Vec<Posting> {
    let (debit, credit) = match operation {
        Operation::Capture => (Account::Provider, Account::Sales),
        Operation::Refund => (Account::Sales, Account::Provider),
        Operation::Authorize | Operation::Void => return Vec::new(),
    };
    let against = Money::new(-amount.amount, amount.currency);
    vec![Posting { account: debit, amount }, Posting { account: credit, amount: against }]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn sum(postings: &[Posting], account: Option<Account>) -> i64 {
        let of = postings.iter().filter(|line| account.is_none_or(|account| account == line.account));
        of.map(|line| line.amount.amount).sum()
    }

    proptest! {
        #[test]
        fn m11_the_books_sum_to_zero_and_hold_what_was_captured_and_not_refunded(
            amounts in proptest::collection::vec((0..4_usize, 0..1_000_000_i64), 0..50)
        ) {
            let (mut books, mut kept) = (Vec::new(), 0);
            for (kind, amount) in amounts {
                let operation = Operation::ALL[kind];
                books.extend(postings(operation, Money::new(amount, Currency::EUR)));
                kept += match operation {
                    Operation::Capture => amount,
                    Operation::Refund => -amount,
                    Operation::Authorize | Operation::Void => 0,
                };
            }
            prop_assert_eq!(sum(&books, None), 0);
            prop_assert_eq!(sum(&books, Some(Account::Provider)), kept);
            prop_assert_eq!(sum(&books, Some(Account::Sales)), -kept);
        }
    }
}
