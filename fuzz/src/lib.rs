//! What several targets need. Small changes to something real: a forgery is likelier beside the truth than far from it.

use arbitrary::Arbitrary;
use serde_json::Value;

/// One change of a text.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Edit {
    /// Another character.
    Put(u16, char),
    /// One character more.
    Insert(u16, char),
    /// One character less.
    Drop(u16),
    /// Nothing behind it.
    Cut(u16),
    /// One bit of an ASCII character.
    Flip(u16, u8),
    /// Two change places.
    Swap(u16, u16),
}

/// The text with all changes made, one after the other. Places are counted around its end.
#[must_use]
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let place = |at: u16| usize::from(at) % chars.len().max(1);
        match *edit {
            Edit::Insert(at, c) => {
                let at = place(at);
                chars.insert(at, c);
            }
            _ if chars.is_empty() => {}
            Edit::Put(at, c) => {
                let at = place(at);
                chars[at] = c;
            }
            Edit::Drop(at) => drop(chars.remove(place(at))),
            Edit::Cut(at) => chars.truncate(place(at)),
            Edit::Flip(at, bit) => {
                let at = place(at);
                if let Ok(byte) = u8::try_from(chars[at]) {
                    chars[at] = char::from((byte ^ (1 << (bit % 7))) & 0x7f);
                }
            }
            Edit::Swap(a, b) => {
                let (a, b) = (place(a), place(b));
                chars.swap(a, b);
            }
        }
    }
    chars.into_iter().collect()
}

/// Whether there is a float anywhere: one may read as its neighbour after it was written anew.
#[must_use]
pub fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        _ => false,
    }
}
