//! What the payment provider told by itself.

use async_trait::async_trait;
use tmcore::payment::ProviderKey;

use super::StoreError;
use super::payment::PaymentRecord;

/// A telling, and the payment it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Its name, the same however often it comes.
    pub event_id: String,
    /// The payment's key.
    pub key: ProviderKey,
}

/// What is known of a telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It came before.
    Heard,
    /// It is new, and about this payment.
    About(Box<PaymentRecord>),
    /// It is new, and about nothing that the office asked for.
    Stranger,
}

/// The tellings that came, once each. What they settle is settled before they are kept: a crash in between has the same
/// told again, and that changes nothing.
#[async_trait]
pub trait CallbackStore: Send + Sync {
    /// What is known of each, in the order given.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn known(&self, tellings: &[Telling]) -> Result<Vec<Known>, StoreError>;

    /// Keeps them. One that is kept already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn keep(&self, tellings: &[Telling]) -> Result<(), StoreError>;
}
