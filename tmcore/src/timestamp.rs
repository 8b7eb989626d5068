//! Instants as the stores keep them: whole milliseconds since the Unix epoch, UTC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. On the wire an RFC 3339 string in UTC.
///
/// ```
/// use tmcore::Timestamp;
/// let t: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
/// assert_eq!(t.plus_seconds(90).to_string(), "2026-11-21T10:01:30Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is no RFC 3339 instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2027-05-01T19:30:00Z")]
pub struct TimestampError;

/// 9999-12-30T22:00:00Z, the largest instant that can be written in every time zone.
const MAX_MILLIS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// From milliseconds since the Unix epoch; values outside of 1970 to 9999 are brought to the nearer end.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            return Self(0);
        }
        Self(if millis > MAX_MILLIS { MAX_MILLIS } else { millis })
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant and `seconds` more.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        Self::from_millis(self.0.saturating_add(seconds as i64 * 1000))
    }

    /// Milliseconds from `earlier` to this instant, 0 when it is not earlier.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        if self.0 <= earlier.0 { 0 } else { (self.0 - earlier.0).unsigned_abs() }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?.fmt(f)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self::from_millis(instant.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_there_is_can_be_written_and_read() {
        for millis in [i64::MIN, 0, 1, MAX_MILLIS - 1, MAX_MILLIS, i64::MAX] {
            let instant = Timestamp::from_millis(millis).plus_seconds(u32::MAX);
            assert_eq!(instant.to_string().parse(), Ok(instant));
        }
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-30T22:00:00Z");
    }
}
