//! How the test tokens choose what the sandbox does.

use tmcore::payment::{Operation, PaymentToken};
pub use tmcore::payment::{TEST_TOKENS, TestToken};

macro_rules! test_tokens {
    ($($behaviour:ident = $name:literal),+ $(,)?) => {
        /// How the sandbox treats a card.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Behaviour {
            $(#[doc = concat!("What `tok_", $name, "` chooses.")] $behaviour,)+
            /// No test token: declined.
            Unknown,
        }

        impl Behaviour {
            /// Every behaviour.
            pub const ALL: &[Self] = &[$(Self::$behaviour,)+ Self::Unknown];

            /// Its name in the sandbox's log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$behaviour => $name,)+
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

test_tokens! {
    Ok = "ok",
    Declined = "declined",
    InsufficientFunds = "insufficient_funds",
    Slow = "slow",
    LostAnswer = "lost_answer",
    Timeout = "timeout",
    Duplicate = "duplicate",
    Garbage = "garbage",
    WrongAmount = "wrong_amount",
    CaptureLost = "capture_lost",
    CaptureDeclined = "capture_declined",
    Lapsed = "lapsed",
    VoidFails = "void_fails",
    RefundFails = "refund_fails",
    CallbackLate = "callback_late",
}

/// What is odd about one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    /// Nothing.
    None,
    /// Refused, for this reason.
    Decline(&'static str),
    /// Done, and the answer gets lost.
    LoseAnswer,
    /// Not done, and never answered.
    Silence,
    /// Done once, recorded twice.
    Twice,
    /// Done, and the answer does not read.
    Garble,
    /// Done, and the answer is about another amount.
    WrongAmount,
    /// Not done the first two times, which end in a fault.
    FailTwice,
}

impl Behaviour {
    /// The behaviour of a name in the log, if there is one.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|behaviour| behaviour.as_str() == name)
    }

    /// The behaviour that a token chooses.
    #[must_use]
    pub fn of(token: &PaymentToken) -> Self {
        let name = token.expose().strip_prefix("tok_").unwrap_or_default();
        match Self::parse(name) {
            Some(Self::Unknown) | None if name.starts_with("ok") => Self::Ok,
            Some(behaviour) => behaviour,
            None => Self::Unknown,
        }
    }

    /// What is odd about an operation on a card that behaves so.
    pub(super) const fn quirk(self, operation: Operation) -> Quirk {
        match (self, operation) {
            (Self::Declined, Operation::Authorize) => Quirk::Decline("card declined"),
            (Self::InsufficientFunds, Operation::Authorize) => Quirk::Decline("insufficient funds"),
            (Self::Unknown, Operation::Authorize) => Quirk::Decline("unknown token"),
            (Self::CaptureDeclined, Operation::Capture) => Quirk::Decline("capture declined"),
            (Self::Lapsed, Operation::Capture) => Quirk::Decline("the authorization has lapsed"),
            (Self::LostAnswer, Operation::Authorize) | (Self::CaptureLost, Operation::Capture) => {
                Quirk::LoseAnswer
            }
            (Self::Timeout, Operation::Authorize) => Quirk::Silence,
            (Self::Duplicate, Operation::Authorize | Operation::Capture) => Quirk::Twice,
            (Self::Garbage, Operation::Authorize) => Quirk::Garble,
            (Self::WrongAmount, Operation::Authorize) => Quirk::WrongAmount,
            (Self::VoidFails, Operation::Void) | (Self::RefundFails, Operation::Refund) => Quirk::FailTwice,
            _ => Quirk::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(token: &str) -> Behaviour {
        Behaviour::of(&token.parse().unwrap())
    }

    #[test]
    fn every_token_of_the_table_chooses_its_own_behaviour() {
        for (line, behaviour) in TEST_TOKENS.iter().zip(Behaviour::ALL) {
            assert_eq!(of(line.token), *behaviour, "{}", line.token);
            assert_eq!(Behaviour::parse(behaviour.as_str()), Some(*behaviour));
        }
        assert_eq!(TEST_TOKENS.len() + 1, Behaviour::ALL.len());
    }

    #[test]
    fn any_other_token_is_unknown_unless_it_begins_with_tok_ok() {
        for token in ["tok_ok_1", "tok_ok-visa", "tok_okay"] {
            assert_eq!(of(token), Behaviour::Ok, "{token}");
        }
        for token in ["tok_", "tok_unknown", "ok", "TOK_OK", "tok_slow_1", "4242424242424242", "xtok_ok"] {
            assert_eq!(of(token), Behaviour::Unknown, "{token}");
        }
    }
}
