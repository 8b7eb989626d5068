//! Transactions.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::PgError;
use crate::drill::{self, Part};

/// READ COMMITTED, whatever the server thinks is the default: behind locks, each statement has to see what was committed
/// before it began.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// An open transaction. Dropped, it is rolled back.
pub(super) struct Tx {
    inner: Transaction<'static, Postgres>,
    /// Drills tell the steps of one transaction from those of another.
    _alone: drill::Alone,
}

/// Begins a transaction.
pub(super) async fn begin(pool: &PgPool) -> Result<Tx, PgError> {
    let alone = drill::alone().await;
    drill::begin(Part::Office);
    Ok(Tx { inner: pool.begin_with(BEGIN).await?, _alone: alone })
}

impl Tx {
    /// Ends the transaction; what it wrote is on the server's disk then. A connection that is lost meanwhile leaves open
    /// whether it is.
    pub(super) async fn commit(self) -> Result<(), PgError> {
        drill::before_commit(Part::Office);
        let outcome = self.inner.commit().await;
        drill::after_commit(Part::Office);
        Ok(outcome?)
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}
