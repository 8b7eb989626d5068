//! The payment provider.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tmcore::breaker::{BreakerState, HeldBack};
use tmcore::payment::{Answer, Operation, OutcomeUnknown, PaymentToken, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId, Timestamp};

/// The most records that [`PaymentGateway::list`] answers at once; a larger limit is read as this one.
pub const MAX_LIST_RECORDS: u32 = 1000;

/// What is asked of the provider, under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRequest {
    /// The name of this operation, the same however often it is sent (M5).
    pub key: ProviderKey,
    /// The order that it is for.
    pub order: OrderId,
    /// What to do.
    pub operation: ProviderOperation,
}

/// An operation with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderOperation {
    /// Set an amount aside on a card.
    Authorize {
        /// The card.
        token: PaymentToken,
        /// How much.
        amount: Money,
    },
    /// Take of what is set aside, once; the rest is let go.
    Capture {
        /// What the authorization answered.
        authorization: ProviderReference,
        /// How much, at most what was authorized (M3).
        amount: Money,
    },
    /// Give up what is set aside.
    Void {
        /// What the authorization answered.
        authorization: ProviderReference,
    },
    /// Give back of what was taken.
    Refund {
        /// What the authorization answered.
        authorization: ProviderReference,
        /// How much, at most what was taken and not given back yet.
        amount: Money,
    },
}

impl ProviderOperation {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Operation {
        match self {
            Self::Authorize { .. } => Operation::Authorize,
            Self::Capture { .. } => Operation::Capture,
            Self::Void { .. } => Operation::Void,
            Self::Refund { .. } => Operation::Refund,
        }
    }

    /// The amount it names; a void names none.
    #[must_use]
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Authorize { amount, .. } | Self::Capture { amount, .. } | Self::Refund { amount, .. } => {
                Some(*amount)
            }
            Self::Void { .. } => None,
        }
    }
}

/// One line of the provider's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRecord {
    /// Its place in the log. Grows, with gaps.
    pub sequence: u64,
    /// The key it was asked under.
    pub key: ProviderKey,
    /// The order it was for.
    pub order: OrderId,
    /// What was asked.
    pub operation: Operation,
    /// The amount it was about; what a void gave up.
    pub amount: Money,
    /// The definite answer.
    pub answer: Answer,
    /// When it was done, by the provider's clock.
    pub at: Timestamp,
}

/// What a provider tells without being asked: a line of its log, under a name that is the same however often it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The telling's name.
    pub id: String,
    /// What was done.
    pub record: ProviderRecord,
}

/// Whoever a provider tells. The same may be told twice, late, and before what happened earlier.
#[async_trait]
pub trait CallbackReceiver: Send + Sync {
    /// Takes in what is told. Answers, in the same order, which of it need not be told again.
    async fn tell(&self, events: &[ProviderEvent]) -> Vec<bool>;
}

/// A payment provider with two-phase payments: authorize, then capture or void.
///
/// - **Atomicity.** An operation is done and recorded in one step, or neither. What was answered was recorded durably
///   before: it survives the provider's crash.
/// - **Idempotency.** A key acts at most once, for ever. The same request under its key, at the same time or years
///   later, gets the recorded answer. Another request under the key is [`OutcomeUnknown::KeyReused`] and does nothing.
/// - **Ordering.** Operations on one authorization are decided one after the other, in the order of their records: of two
///   captures one is refused. Nothing is promised about requests that are under way at the same time.
/// - **A second caller** sees an operation as soon as its first caller may have an answer, and not half of it.
/// - **A lost connection**, a time-out, a dropped future, an answer that does not read or is about something else: the
///   request may have been done, may be done later, or never; [`OutcomeUnknown`] says only that nobody here knows (M6).
///   [`PaymentGateway::look_up`] finds out what was done; [`PaymentGateway::cancel`] settles what was not.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Asks for an operation.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] whenever there is no definite answer to exactly this request.
    async fn submit(&self, request: &ProviderRequest) -> Result<Answer, OutcomeUnknown>;

    /// What became of a key. `None` is "not seen yet": a request under way may still take effect, and so this alone
    /// never means that it did not happen.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] if the provider cannot be asked; that says nothing about the key.
    async fn look_up(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown>;

    /// Fences a key. `None` means that nothing had been done under it and nothing ever will be: a request that comes
    /// later is declined and not recorded. Otherwise the answer is what had been done already, and it stays done. Again
    /// gives the same answer.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] if there was no answer; the key may be fenced or not.
    async fn cancel(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown>;

    /// The provider's log after a sequence number, ascending, at most `limit` records and [`MAX_LIST_RECORDS`]. An empty
    /// page is the end. Records never change, and none appears later before one that was listed. A provider may
    /// list a key twice, with the same answer: it acted once.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] if the provider cannot be asked.
    async fn list(&self, after: u64, limit: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown>;

    /// Whether to begin something new now: to hold seats that a card has to be asked for. It is advice, and changes
    /// nothing about what is submitted all the same.
    ///
    /// # Errors
    /// [`HeldBack`] tells when to try again.
    fn admit(&self) -> Result<(), HeldBack> {
        Ok(())
    }

    /// How well the provider has been answering.
    fn health(&self) -> BreakerState {
        BreakerState::Closed
    }
}
