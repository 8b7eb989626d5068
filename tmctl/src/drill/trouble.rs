//! What can happen on a wire.

use std::time::Duration;

use super::fault::Measure;
use super::wire::{Weather, Wire};

/// How a PostgreSQL is told to commit: the end of a message, so that `READ COMMITTED` is none.
const COMMIT: &[u8] = b"COMMIT\0";

/// A trouble; undone again when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Every connection is cut.
    Cut,
    /// Every connection is reset.
    Reset,
    /// What is sent arrives later.
    Silent,
    /// What is sent is lost, and nobody is told before the end.
    Hole,
    /// What is asked arrives, and the answers are lost.
    OneWay,
    /// Every answer takes longer.
    Slow,
    /// Everything takes longer, now more and now less.
    Jitter,
    /// So many bytes a second pass.
    Rate,
    /// So many bytes are sent at once.
    Slices,
    /// Whoever commits is cut off before the answer.
    Commit,
}

impl Trouble {
    /// What can happen on every wire.
    pub const USUAL: [Self; 9] = [
        Self::Cut,
        Self::Reset,
        Self::Silent,
        Self::Hole,
        Self::OneWay,
        Self::Slow,
        Self::Jitter,
        Self::Rate,
        Self::Slices,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::Hole => "hole",
            Self::OneWay => "one-way",
            Self::Slow => "slow",
            Self::Jitter => "jitter",
            Self::Rate => "rate",
            Self::Slices => "slices",
            Self::Commit => "commit",
        }
    }

    /// Has it happen, for as long as it is meant to; tells what was.
    pub async fn befall(self, wire: &Wire, whose: &str, measure: &Measure) -> String {
        let _turn = wire.turn().await;
        let before = wire.weather();
        let fatalities = wire.fatalities();
        wire.set(self.over(before, measure));
        match self {
            Self::Cut => wire.cut(),
            Self::Reset => wire.reset(),
            _ => tokio::time::sleep(measure.lasts).await,
        }
        if matches!(self, Self::Hole | Self::OneWay) {
            // What was under way is never to arrive.
            wire.cut();
        }
        wire.set(before);
        self.told(whose, measure, wire.fatalities() - fatalities)
    }

    /// The weather with this trouble in it.
    fn over(self, mut weather: Weather, measure: &Measure) -> Weather {
        let Measure { latency, bytes, .. } = *measure;
        let Weather { there, back, fatal } = &mut weather;
        match self {
            Self::Cut | Self::Reset => {}
            Self::Silent | Self::Hole => (there.is_open, back.is_open) = (false, false),
            Self::OneWay => back.is_open = false,
            Self::Slow => back.latency = latency,
            Self::Jitter => (there.jitter, back.jitter) = (latency, latency),
            Self::Rate => (there.bytes_per_second, back.bytes_per_second) = (bytes, bytes),
            Self::Slices => (there.piece_bytes, back.piece_bytes) = (bytes, bytes),
            Self::Commit => *fatal = Some(COMMIT),
        }
        weather
    }

    fn told(self, whose: &str, measure: &Measure, fatalities: u64) -> String {
        let millis = |duration: Duration| duration.as_millis();
        let (time, latency, bytes) = (millis(measure.lasts), millis(measure.latency), measure.bytes);
        match self {
            Self::Cut => format!("all connections to {whose} were cut"),
            Self::Reset => format!("all connections to {whose} were reset"),
            Self::Silent => format!("nothing was heard of {whose} for {time} ms"),
            Self::Hole => format!("whatever {whose} was sent or sent was lost for {time} ms"),
            Self::OneWay => format!("{whose} heard everything, and its answers were lost for {time} ms"),
            Self::Slow => format!("every answer of {whose} took {latency} ms, for {time} ms"),
            Self::Jitter => format!("to and from {whose} took up to {latency} ms, for {time} ms"),
            Self::Rate => format!("{bytes} bytes a second went to and from {whose}, for {time} ms"),
            Self::Slices => format!("bytes to and from {whose} came by {bytes}, for {time} ms"),
            Self::Commit => {
                format!("{fatalities} commits were done by {whose} and their answers lost, within {time} ms")
            }
        }
    }
}
