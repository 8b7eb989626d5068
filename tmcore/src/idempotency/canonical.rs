//! One sequence of bytes for all JSON texts that say the same.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Feeds the value as JSON without white space, the members of every object in the order of their names' bytes.
/// In spirit RFC 8785; numbers are kept as they were read instead of passing through a float.
pub(super) fn feed(value: &Value, hash: &mut Sha256) {
    match value {
        // `Display` of a scalar is its compact JSON text.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => hash.update(value.to_string()),
        Value::Array(items) => {
            hash.update("[");
            for (index, item) in items.iter().enumerate() {
                separate(index, hash);
                feed(item, hash);
            }
            hash.update("]");
        }
        Value::Object(members) => {
            // Whether `serde_json` keeps members sorted or as they were read is up to a feature that any crate may turn on.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            hash.update("{");
            for (index, (name, member)) in members.into_iter().enumerate() {
                separate(index, hash);
                hash.update(Value::from(name.as_str()).to_string());
                hash.update(":");
                feed(member, hash);
            }
            hash.update("}");
        }
    }
}

fn separate(index: usize, hash: &mut Sha256) {
    if index > 0 {
        hash.update(",");
    }
}
