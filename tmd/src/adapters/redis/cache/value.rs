//! An answer as it lies in Redis: the lengths of its three parts, then the parts.

use bytes::Bytes;

use crate::ports::cache::Body;

/// There is no such thing, which is worth remembering too.
const NOTHING: &[u8] = b"-";
const LENGTHS: usize = 3;
const HEAD: usize = LENGTHS * size_of::<u32>();

/// The bytes of an answer.
pub(super) fn encode(body: Option<&Body>) -> Vec<u8> {
    let Some(body) = body else { return NOTHING.to_vec() };
    let gzip = body.gzip.as_deref().unwrap_or_default();
    let parts: [&[u8]; LENGTHS] = [&body.etag, &body.plain, gzip];
    let lengths = parts.map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    [&lengths.concat(), parts[0], parts[1], parts[2]].concat()
}

/// Bytes that hold no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The answer that bytes hold.
///
/// # Errors
/// [`Malformed`].
pub(super) fn decode(value: &[u8]) -> Result<Option<Body>, Malformed> {
    if value == NOTHING { Ok(None) } else { parts(value).map(Some).ok_or(Malformed) }
}

fn parts(value: &[u8]) -> Option<Body> {
    let (head, mut rest) = value.split_at_checked(HEAD)?;
    let mut parts = Vec::with_capacity(LENGTHS);
    for length in head.chunks_exact(size_of::<u32>()) {
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        let (part, after) = rest.split_at_checked(length)?;
        parts.push(Bytes::copy_from_slice(part));
        rest = after;
    }
    let [etag, plain, gzip] = <[Bytes; LENGTHS]>::try_from(parts).ok()?;
    rest.is_empty().then_some(Body { etag, plain, gzip: Some(gzip).filter(|gzip| !gzip.is_empty()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes_the_same_and_cut_short_to_nothing(
            parts: Option<([u8; 12], Vec<u8>, Vec<u8>)>, cut in 1..100_usize,
        ) {
            let body = parts.map(|(etag, plain, gzip)| Body {
                etag: Bytes::copy_from_slice(&etag),
                plain: plain.into(),
                gzip: Some(Bytes::from(gzip)).filter(|gzip| !gzip.is_empty()),
            });
            let value = encode(body.as_ref());
            prop_assert_eq!(decode(&value), Ok(body));
            prop_assert_eq!(decode(&value[..value.len().saturating_sub(cut)]), Err(Malformed));
        }

        #[test]
        fn no_bytes_make_it_panic(value: Vec<u8>) {
            let _ = decode(&value);
        }
    }
}
