//! The lobby: who came before the sale began draws a place by lot when it does (W11).

use sha2::{Digest, Sha256};

use crate::SessionId;

/// The order in which the lobby's sessions get their places: sorted by a hash of the seed and the session. The seed is
/// committed in the transaction that opens the sale, so anybody can draw again and find the same order.
pub fn shuffle(seed: &[u8; 32], sessions: &mut [SessionId]) {
    sessions.sort_by_cached_key(|session| ticket(seed, *session));
}

fn ticket(seed: &[u8; 32], session: SessionId) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(session.uuid().as_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    proptest! {
        #[test]
        fn w11_the_draw_depends_on_the_seed_alone_and_loses_nobody(seed: [u8; 32], n in 1..200_u128, rotate in 0..200_usize) {
            let sessions: Vec<_> = (0..n).map(|i| SessionId::from_uuid(Uuid::from_u128(i))).collect();
            let mut drawn = sessions.clone();
            shuffle(&seed, &mut drawn);
            let mut other = sessions.clone();
            let by = rotate % other.len();
            other.rotate_left(by);
            shuffle(&seed, &mut other);
            prop_assert_eq!(&drawn, &other);
            drawn.sort_unstable();
            prop_assert_eq!(drawn, sessions);
        }
    }

    #[test]
    fn w11_coming_first_gives_no_better_place() {
        let sessions: Vec<_> = (0..100).map(|i| SessionId::from_uuid(Uuid::from_u128(i))).collect();
        let first_place = |seed: u8| {
            let mut drawn = sessions.clone();
            shuffle(&[seed; 32], &mut drawn);
            drawn.iter().position(|s| *s == sessions[0]).unwrap_or_default()
        };
        let mean = (0..=255).map(first_place).sum::<usize>() / 256;
        assert!((35..65).contains(&mean), "{mean}");
    }
}
