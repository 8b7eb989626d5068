//! What is told of many numbers at once.

use serde::Serialize;

/// Where numbers lie: the nearest rank of each percentile.
/// Source: <https://www.itl.nist.gov/div898/handbook/prc/section2/prc262.htm>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Half of them are at most this.
    pub p50: u64,
    /// 99 of a hundred are at most this.
    pub p99: u64,
    /// 999 of a thousand are at most this.
    pub p999: u64,
    /// All are.
    pub max: u64,
}

impl Spread {
    /// Of any numbers, in any order.
    #[must_use]
    pub fn of(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        let count = numbers.len();
        let at = |per_mille: usize| {
            let rank = (count * per_mille).div_ceil(1_000).max(1);
            numbers.get(rank - 1).copied().unwrap_or_default()
        };
        Self { count: count as u64, p50: at(500), p99: at(990), p999: at(999), max: at(1_000) }
    }
}

/// Spearman's rank correlation of two columns, in thousandths: 1000 when both have the same order, -1000 when one is the
/// other backwards, `None` for less than two pairs or a column that does not change. Equal numbers share their rank.
/// Source: <https://www.itl.nist.gov/div898/software/dataplot/refman2/auxillar/rankcorr.htm>.
#[must_use]
pub fn rank_correlation(pairs: &[(u64, u64)]) -> Option<i64> {
    let first = doubled_ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let second = doubled_ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    // Pearson's coefficient of the ranks; the mean of doubled ranks from 1 is the number of pairs and one.
    let mean = i128::try_from(pairs.len()).ok()? + 1;
    let (mut both, mut squares) = (0_i128, (0_i128, 0_i128));
    for (a, b) in first.into_iter().zip(second) {
        let (a, b) = (a - mean, b - mean);
        both += a * b;
        squares = (squares.0 + a * a, squares.1 + b * b);
    }
    let scale = (squares.0 * squares.1).isqrt();
    (scale > 0).then(|| i64::try_from((both * 1_000) / scale).unwrap_or_default())
}

/// Twice the rank of every number, so that the mean of two ranks is whole.
fn doubled_ranks(numbers: &[u64]) -> Vec<i128> {
    let mut order: Vec<_> = (0..numbers.len()).collect();
    order.sort_by_key(|&at| numbers.get(at));
    let mut ranks = vec![0; numbers.len()];
    let equal = |a: &usize, b: &usize| numbers.get(*a) == numbers.get(*b);
    let mut before = 0_i128;
    for run in order.chunk_by(equal) {
        let count = run.len() as i128;
        for &at in run {
            if let Some(rank) = ranks.get_mut(at) {
                *rank = 2 * before + count + 1;
            }
        }
        before += count;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_numbers_that_were_there() {
        let spread = Spread::of((1..=1_000).rev().collect());
        assert_eq!(spread, Spread { count: 1_000, p50: 500, p99: 990, p999: 999, max: 1_000 });
        assert_eq!(Spread::of(vec![7]), Spread { count: 1, p50: 7, p99: 7, p999: 7, max: 7 });
        assert_eq!(Spread::of(vec![]), Spread::default());
    }

    #[test]
    fn a_textbook_example_of_ranks() {
        // IQ and hours of television: -29/165.
        let pairs = [
            (106, 7),
            (100, 27),
            (86, 2),
            (101, 50),
            (99, 28),
            (103, 29),
            (97, 20),
            (113, 12),
            (112, 6),
            (110, 17),
        ];
        assert_eq!(rank_correlation(&pairs), Some(-175));
        assert_eq!(rank_correlation(&[(1, 5), (2, 5)]), None);
        assert_eq!(rank_correlation(&[(1, 1)]), None);
    }

    proptest! {
        #[test]
        fn the_same_order_is_one_and_the_reverse_its_opposite(numbers in proptest::collection::btree_set(0_u64..1_000_000, 2..200)) {
            let same: Vec<_> = numbers.iter().map(|&n| (n, n * 3)).collect();
            prop_assert_eq!(rank_correlation(&same), Some(1_000));
            let reverse: Vec<_> = numbers.iter().map(|&n| (n, 9_000_000 - n)).collect();
            prop_assert_eq!(rank_correlation(&reverse), Some(-1_000));
        }

        #[test]
        fn it_is_a_share_and_symmetric(pairs in proptest::collection::vec((0_u64..50, 0_u64..50), 0..100)) {
            let back: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            prop_assert_eq!(rank_correlation(&pairs), rank_correlation(&back));
            prop_assert!(rank_correlation(&pairs).is_none_or(|share| (-1_000..=1_000).contains(&share)));
        }
    }
}
