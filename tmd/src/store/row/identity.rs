//! The row that says who the office is.

use tmcore::identity::Identity;

use super::Columns;
use crate::ports::StoreError;

/// Reads it.
pub const READ: &str = "SELECT keys, provider FROM office_identity";
/// Removes it.
pub const FORGET: &str = "DELETE FROM office_identity";

/// The office's identity.
pub fn read(row: &impl Columns) -> Result<Identity, StoreError> {
    Ok(Identity { keys: row.parse("keys")?, provider: row.parse("provider")? })
}
