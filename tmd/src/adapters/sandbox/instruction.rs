//! A request as the sandbox keeps it: without the token.

use sha2::{Digest, Sha256};
use tmcore::payment::{Operation, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId};

use super::token::Behaviour;
use crate::ports::gateway::{ProviderOperation, ProviderRequest};

/// What the sandbox remembers of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) behaviour: Behaviour,
    /// SHA-256 of the token, hexadecimal.
    pub(super) token_hash: String,
}

/// What an operation acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Card(Card),
    Authorization(ProviderReference),
}

/// A request without its token.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    pub(super) key: ProviderKey,
    pub(super) order: OrderId,
    pub(super) operation: Operation,
    pub(super) target: Target,
    /// As asked; a void names none.
    pub(super) amount: Option<Money>,
    /// SHA-256 of all of the above but the key, hexadecimal: tells whether a key is used for the same again.
    pub(super) fingerprint: String,
}

impl Instruction {
    pub(super) fn of(request: &ProviderRequest) -> Self {
        let (target, named) = match &request.operation {
            ProviderOperation::Authorize { token, .. } => {
                let token_hash = hex::encode(Sha256::digest(token.expose()));
                (
                    Target::Card(Card { behaviour: Behaviour::of(token), token_hash: token_hash.clone() }),
                    token_hash,
                )
            }
            ProviderOperation::Capture { authorization, .. }
            | ProviderOperation::Void { authorization }
            | ProviderOperation::Refund { authorization, .. } => {
                (Target::Authorization(authorization.clone()), authorization.to_string())
            }
        };
        let (operation, amount) = (request.operation.kind(), request.operation.amount());
        // No part can hold the separator.
        let amount_text = amount.map_or_else(String::new, |money| money.to_string());
        let text = [&request.order.to_string(), operation.as_str(), &named, &amount_text].join("\n");
        let fingerprint = hex::encode(Sha256::digest(text));
        Self { key: request.key, order: request.order, operation, target, amount, fingerprint }
    }

    /// The authorization it acts on, unless it makes one.
    pub(super) const fn authorization(&self) -> Option<&ProviderReference> {
        match &self.target {
            Target::Card(_) => None,
            Target::Authorization(reference) => Some(reference),
        }
    }

    /// Whether its card lets it wait before anything happens.
    pub(super) const fn is_slow(&self) -> bool {
        matches!(&self.target, Target::Card(Card { behaviour: Behaviour::Slow, .. }))
    }
}
