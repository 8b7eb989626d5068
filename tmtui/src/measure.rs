//! Numbers on their way to the screen: conversions that end at the edge instead of wrapping around it.

/// A count of cells.
pub fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// A count as a signed number.
pub fn signed(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A place of a list; negative ones are its beginning.
pub fn place(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// An index that came as 32 bits.
pub fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest i32, as it should")]
pub fn rounded(number: f64) -> i32 {
    number.round() as i32
}

/// `part / whole` of `of`, rounded down; a part of nothing is nothing.
pub fn share(part: u32, whole: u32, of: u32) -> u32 {
    let product = u64::from(part.min(whole)) * u64::from(of);
    u32::try_from(product.checked_div(u64::from(whole)).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// A place that moved by so many steps, kept within a list of `count`.
pub fn moved(at: usize, by: i32, count: usize) -> usize {
    place(signed(at).saturating_add(by)).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_at_the_edge() {
        assert_eq!((cells(70_000), signed(usize::MAX), place(-3)), (u16::MAX, i32::MAX, 0));
        assert_eq!((share(1, 3, 100), share(5, 0, 100), share(9, 3, 7)), (33, 0, 7));
        assert_eq!((moved(0, -1, 3), moved(2, 1, 3), moved(1, 1, 3), moved(0, 1, 0)), (0, 2, 2, 0));
        assert_eq!((rounded(1.5), rounded(-1.5), rounded(f64::NAN)), (2, -2, 0));
    }
}
