//! Idempotency keys: claimed, and ended.

use tmcore::idempotency::{Claim, LedgerRow, LedgerState, decide};
use tmcore::{OrderId, Timestamp};

use super::Desk;
use crate::drill::{self, Mutant, Step};
use crate::ports::idempotency::{Claimed, KeyClaim, Lease, StoredAnswer};
use crate::ports::order::KeyRef;

/// A key that was used before, and the order it came to.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// What is known of it.
    pub ledger: LedgerRow,
    /// The recovery point (I7).
    pub order: Option<OrderId>,
}

/// Keys that were claimed, taken over and ended.
#[derive(Debug, Default)]
pub struct ClaimChanges {
    /// Claimed by nobody before.
    pub new: Vec<(KeyClaim, Timestamp)>,
    /// Taken over, until when.
    pub taken: Vec<(KeyRef, Timestamp)>,
    /// Recovery points: the order that a key works on (I7).
    pub points: Vec<(KeyRef, OrderId)>,
    /// Ended: with an answer done for good, without one to be tried again at once.
    pub ended: Vec<(Lease, Option<StoredAnswer>)>,
}

impl Desk {
    /// Claims a key, or finds what became of it since it was claimed.
    pub fn claim(&mut self, claim: &KeyClaim) -> Claimed {
        drill::mark(Step::ClaimKey);
        let lease = self.at.plus_seconds(claim.lease_seconds);
        let row = self.rows.keys.get(&claim.key);
        let fingerprint = match row {
            Some(row) if drill::mutant(Mutant::NoFingerprint) => row.ledger.fingerprint,
            _ => claim.fingerprint,
        };
        match decide(row.map(|row| &row.ledger), &fingerprint, self.at) {
            Claim::Fresh => {
                let state = LedgerState::InFlight { lease_until: lease };
                let ledger = LedgerRow { fingerprint, state };
                self.rows.keys.insert(claim.key.clone(), KeyRow { ledger, order: None });
                self.changes.claims.new.push((claim.clone(), lease));
                Claimed::Fresh(Lease { key: claim.key.clone(), until: lease })
            }
            Claim::Replay { status, body } => Claimed::Replay(StoredAnswer { status, body }),
            Claim::Reused => Claimed::Reused,
            Claim::InFlight { .. } if !drill::mutant(Mutant::InFlightIsFree) => Claimed::InFlight,
            Claim::InFlight { .. } | Claim::Resume => self.take_over(&claim.key, lease),
        }
    }

    fn take_over(&mut self, key: &KeyRef, lease_until: Timestamp) -> Claimed {
        self.changes.claims.taken.push((key.clone(), lease_until));
        let lease = Lease { key: key.clone(), until: lease_until };
        let Some(row) = self.rows.keys.get_mut(key) else { return Claimed::Resume(None, lease) };
        row.ledger.state = LedgerState::InFlight { lease_until };
        Claimed::Resume(row.order, lease)
    }

    /// Whether a claim is still its holder's.
    pub(super) fn is_held(&self, lease: &Lease) -> bool {
        let held = LedgerState::InFlight { lease_until: lease.until };
        self.rows.keys.get(&lease.key).is_some_and(|row| row.ledger.state == held)
    }

    /// Ends a claim.
    pub fn end(&mut self, lease: Lease, answer: Option<StoredAnswer>) {
        drill::mark(Step::FinishKey);
        self.changes.claims.ended.push((lease, answer));
    }
}
