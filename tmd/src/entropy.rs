//! The one place that makes random bytes.

use uuid::Uuid;

/// The process's source of randomness, good enough for keys and tokens: the thread's generator is a stream cipher
/// seeded, and seeded again, by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

impl Entropy {
    /// A UUID of version 7 (RFC 9562): those of one process sort in the order they were made.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn uuid_v7(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// `N` random bytes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that makes random bytes")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_they_were_made() {
        let ids: Vec<_> = (0..10_000).map(|_| Entropy.uuid_v7()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn bytes_do_not_repeat() {
        assert_ne!(Entropy.bytes::<32>(), Entropy.bytes::<32>());
    }
}
