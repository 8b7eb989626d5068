//! The life of one operation asked of the payment provider.
//!
//! ```text
//! INTENT -> SENT -> OK | DECLINED | UNKNOWN;   UNKNOWN -> OK | DECLINED | NEVER_HAPPENED (by look-up only)
//! ```
//!
//! The row is written as INTENT before the call leaves (M5), so whatever crashes, the key to ask for is known. Telling
//! a payment again what it knows already changes nothing; telling it anything else is refused and nothing is lost.

pub mod answer;
pub mod key;
pub mod test_token;
pub mod token;

pub use answer::{Answer, DeclineReason, Exchange, OutcomeUnknown, ProviderReference, Reply};
pub use key::ProviderKey;
pub use test_token::{TEST_TOKENS, TestToken};
pub use token::PaymentToken;

use serde::{Deserialize, Serialize};

use crate::Money;

/// What is asked of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    /// Set the amount aside on the card.
    Authorize,
    /// Take what is set aside.
    Capture,
    /// Give up what is set aside.
    Void,
    /// Give back what was taken.
    Refund,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "AUTHORIZE",
            Self::Capture => "CAPTURE",
            Self::Void => "VOID",
            Self::Refund => "REFUND",
        }
    }

    /// The operation of a name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == name)
    }
}

/// Where an operation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Written down, not asked yet.
    Intent,
    /// Asked, no answer yet.
    Sent,
    /// Done.
    Ok {
        /// The provider's name for what it did.
        reference: ProviderReference,
    },
    /// Refused for good, under this key.
    Declined {
        /// Why, in the provider's words.
        reason: DeclineReason,
    },
    /// Asked, and nobody here knows what became of it (M6).
    Unknown,
    /// Fenced at the provider before it took effect: it never will.
    NeverHappened,
}

/// What the provider's record of a key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The provider has dealt with it.
    Happened(Answer),
    /// The key is fenced and nothing had happened under it. "Not seen yet" is not this: the request may still be under
    /// way.
    NeverHappened,
}

/// Why a payment does not take what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// The step does not follow from where the payment stands.
    #[error("a payment that is {0} does not take this step")]
    State(&'static str),
    /// An answer came for a payment that had been given up as unknown.
    #[error("the outcome is unknown, and only a look-up settles it")]
    OnlyByLookUp,
    /// The provider said one thing first and another later.
    #[error("the payment is {held}, and now the provider says otherwise")]
    Contradiction {
        /// The name of the state that stays.
        held: &'static str,
    },
}

impl PaymentState {
    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Intent => "INTENT",
            Self::Sent => "SENT",
            Self::Ok { .. } => "OK",
            Self::Declined { .. } => "DECLINED",
            Self::Unknown => "UNKNOWN",
            Self::NeverHappened => "NEVER_HAPPENED",
        }
    }

    /// What the store keeps beside the name: the reference of an OK, the reason of a DECLINED.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Ok { reference } => Some(reference.as_str()),
            Self::Declined { reason } => Some(reason.as_str()),
            Self::Intent | Self::Sent | Self::Unknown | Self::NeverHappened => None,
        }
    }

    /// The state of a name and its detail as they were stored, if there is one.
    #[must_use]
    pub fn from_stored(name: &str, detail: Option<&str>) -> Option<Self> {
        match (name, detail) {
            ("INTENT", None) => Some(Self::Intent),
            ("SENT", None) => Some(Self::Sent),
            ("OK", Some(reference)) => Some(Self::Ok { reference: reference.parse().ok()? }),
            ("DECLINED", Some(reason)) => Some(Self::Declined { reason: reason.into() }),
            ("UNKNOWN", None) => Some(Self::Unknown),
            ("NEVER_HAPPENED", None) => Some(Self::NeverHappened),
            _ => None,
        }
    }

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Ok { .. } | Self::Declined { .. } | Self::NeverHappened)
    }

    /// The call is about to leave: INTENT -> SENT.
    ///
    /// # Errors
    /// [`PaymentRefusal::State`] unless INTENT.
    pub fn send(self) -> Result<Self, PaymentRefusal> {
        match self {
            Self::Intent => Ok(Self::Sent),
            other => Err(PaymentRefusal::State(other.as_str())),
        }
    }

    /// The call came back: SENT -> OK | DECLINED | UNKNOWN. When a look-up was faster, an outcome that agrees with it,
    /// or that says nothing, changes nothing.
    ///
    /// # Errors
    /// [`PaymentRefusal::OnlyByLookUp`] for a definite answer to an UNKNOWN payment, [`PaymentRefusal::Contradiction`]
    /// for one that differs from what is settled, [`PaymentRefusal::State`] before it was sent.
    pub fn answered(self, outcome: Result<Answer, OutcomeUnknown>) -> Result<Self, PaymentRefusal> {
        match (self, outcome) {
            (Self::Intent, _) => Err(PaymentRefusal::State(Self::Intent.as_str())),
            (Self::Sent, Ok(answer)) => Ok(answer.into()),
            (Self::Sent, Err(_)) => Ok(Self::Unknown),
            (Self::Unknown, Ok(_)) => Err(PaymentRefusal::OnlyByLookUp),
            (settled, Ok(answer)) => settled.agreeing_with(&answer.into()),
            (unchanged, Err(_)) => Ok(unchanged),
        }
    }

    /// The provider's record was read: UNKNOWN -> OK | DECLINED | NEVER_HAPPENED. A verified callback and the answer to
    /// the same request sent again under the same key are readings of the record too; such a reading may come
    /// before the first answer, so it also moves SENT -> OK | DECLINED.
    ///
    /// # Errors
    /// [`PaymentRefusal::Contradiction`] for a record that differs from what is settled, [`PaymentRefusal::State`] before
    /// it was sent, and for [`Finding::NeverHappened`] while the first answer is awaited.
    pub fn looked_up(self, finding: Finding) -> Result<Self, PaymentRefusal> {
        match (self, finding) {
            (Self::Intent, _) => Err(PaymentRefusal::State(Self::Intent.as_str())),
            (Self::Sent, Finding::NeverHappened) => Err(PaymentRefusal::State(Self::Sent.as_str())),
            (Self::Sent | Self::Unknown, Finding::Happened(answer)) => Ok(answer.into()),
            (Self::Unknown, Finding::NeverHappened) => Ok(Self::NeverHappened),
            (settled, Finding::Happened(answer)) => settled.agreeing_with(&answer.into()),
            (settled, Finding::NeverHappened) => settled.agreeing_with(&Self::NeverHappened),
        }
    }

    /// Keeps what is settled when `said` comes to the same: one thing done, or nothing done, in whatever words. A
    /// request that arrives after its key was fenced is told "declined", and that is no contradiction.
    fn agreeing_with(self, said: &Self) -> Result<Self, PaymentRefusal> {
        let agrees = match (&self, said) {
            (Self::Ok { reference }, Self::Ok { reference: said }) => reference == said,
            (held, said) => !matches!(held, Self::Ok { .. }) && !matches!(said, Self::Ok { .. }),
        };
        if agrees { Ok(self) } else { Err(PaymentRefusal::Contradiction { held: self.as_str() }) }
    }
}

impl From<Answer> for PaymentState {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Ok { reference } => Self::Ok { reference },
            Answer::Declined { reason } => Self::Declined { reason },
        }
    }
}

/// Why a capture must not be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureRefusal {
    /// The amounts are of different currencies.
    #[error("the capture is in another currency than the authorization")]
    Currency,
    /// More than was authorized.
    #[error("the capture exceeds the authorization")]
    Exceeds,
    /// Nothing, or less.
    #[error("a capture takes a positive amount")]
    NotPositive,
}

/// Whether `captured` may be taken from what was `authorized` (M3).
///
/// # Errors
/// [`CaptureRefusal`] unless both are of one currency and 0 < captured <= authorized.
pub fn check_capture(authorized: Money, captured: Money) -> Result<(), CaptureRefusal> {
    if authorized.currency != captured.currency {
        return Err(CaptureRefusal::Currency);
    }
    if captured.amount <= 0 {
        return Err(CaptureRefusal::NotPositive);
    }
    if captured.amount > authorized.amount { Err(CaptureRefusal::Exceeds) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
