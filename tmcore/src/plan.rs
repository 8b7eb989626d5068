//! How many daemons an on-sale needs, and what no number of daemons makes faster.
//!
//! What is asked of the daemons is counted in nodes: each kind of work takes the share of one daemon that it takes there
//! when it is done alone, and shares add up, because all of them use the same cores. Of memory each daemon needs what it
//! takes at rest, all places in line, and its streams. What is written goes to one database, so joins, purchases and signs
//! of life have a rate that more daemons do not raise: it says how long the rush and the sale take.
//!
//! Everything is counted in whole numbers and rounded against the plan: up for what is asked, down for what is carried.

mod figure;

use std::num::{NonZeroU32, NonZeroU64};

pub use figure::{Figure, Figures, Source};

/// How often a stream is told of its place, at most, while the line moves.
pub const TELLINGS_PER_SECOND: u64 = 5;
/// Signs of life that have to be written down while a place takes to lapse.
const SIGNS_A_LAPSE: u64 = 3;
/// Shares of a daemon are counted in millionths.
const WHOLE: u128 = 1_000_000;

/// What an on-sale asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// People who wait at the same time.
    pub waiting: u64,
    /// Seconds within which they come.
    pub arrive_seconds: NonZeroU32,
    /// Of those who wait, how many hold a stream; the others poll.
    pub streaming: Percent,
    /// Seconds between two polls of one of them.
    pub poll_seconds: NonZeroU32,
    /// Reads of events, seat maps and availability in a second.
    pub reads_per_second: u64,
    /// Seats to be sold; 0 says nothing about the sale.
    pub seats: u64,
    /// Seats of one order.
    pub seats_per_order: NonZeroU32,
}

/// What there is to carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// Memory of the machine of one daemon, bytes.
    pub node_memory_bytes: u64,
    /// How much of each figure, and of the memory, is planned with.
    pub safety: Percent,
}

/// Hundredths, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// All of it.
    pub const ALL: Self = Self(100);

    /// `None` above 100.
    #[must_use]
    pub const fn new(percent: u8) -> Option<Self> {
        if percent <= 100 { Some(Self(percent)) } else { None }
    }

    /// In hundredths.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// So much of `whole`, rounded up.
    fn of(self, whole: u64) -> u64 {
        saturated((u128::from(whole) * u128::from(self.0)).div_ceil(100))
    }
}

/// A kind of work that daemons share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Telling those who hold a stream where they stand.
    Telling,
    /// Answering polls.
    Polling,
    /// Answering reads.
    Reading,
    /// Taking in those who come.
    Joining,
}

impl Work {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Telling, Self::Polling, Self::Reading, Self::Joining];

    /// What one daemon does of it in a second.
    #[must_use]
    pub const fn figure(self) -> Figure {
        match self {
            Self::Telling => Figure::Tellings,
            Self::Polling => Figure::Polls,
            Self::Reading => Figure::Reads,
            Self::Joining => Figure::Joins,
        }
    }
}

/// What one kind of work asks of the daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which.
    pub work: Work,
    /// How much of it there is in a second.
    pub asked_per_second: u64,
    /// How much of it one daemon is planned to do in a second, when it does nothing else.
    pub carried_per_second: u64,
    /// Daemons that it takes, in millionths.
    pub node_millionths: u128,
}

impl Share {
    /// Daemons that this alone takes.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        saturated(self.node_millionths.div_ceil(WHOLE))
    }
}

/// What needs the most daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// The cores, and this kind of work most.
    Cores(Work),
    /// The streams' memory.
    Memory,
    /// One daemon is enough.
    None,
}

/// How many daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// So many.
    pub count: u64,
    /// What asks for them.
    pub bottleneck: Bottleneck,
    /// Memory that each of them needs, the reserve not counted, bytes.
    pub memory_bytes: u64,
    /// Streams at each of them.
    pub streams: u64,
}

/// Why there is no number of daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine of a daemon is too small: each keeps all places in line in memory, however many there are"
)]
pub struct TooSmall {
    /// What a daemon needs before its first stream, with the reserve, bytes.
    pub least_bytes: u64,
}

/// Work that one database does, however many daemons there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How much of it there is.
    pub count: u64,
    /// How much of it is planned to be done in a second.
    pub per_second: u64,
    /// How long it takes, seconds.
    pub seconds: u64,
}

/// How often signs of life may be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// The least that `waiting_room.heartbeat_flush_seconds` has to be.
    pub flush_seconds: u64,
    /// The least that the event's `lapseSeconds` has to be for it.
    pub lapse_seconds: u64,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Daemons; none when their machines are too small.
    pub nodes: Result<Nodes, TooSmall>,
    /// What each kind of work asks of them.
    pub shares: [Share; Work::ALL.len()],
    /// Until everybody has a place.
    pub joins: Written,
    /// Until every seat is sold; nothing when none are.
    pub orders: Written,
    /// How often signs of life may be written down.
    pub signs: Signs,
}

impl Plan {
    /// What `demand` needs of machines that carry so much.
    #[must_use]
    pub fn new(demand: &Demand, means: &Means, figures: &Figures) -> Self {
        let carried = |figure| carried(figures.get(figure), means.safety);
        let streams = demand.streaming.of(demand.waiting);
        let joins = written(demand.waiting, carried(Figure::Joins), demand.arrive_seconds.get().into());
        let asked = |work| match work {
            Work::Telling => streams.saturating_mul(TELLINGS_PER_SECOND),
            Work::Polling => (demand.waiting - streams).div_ceil(demand.poll_seconds.get().into()),
            Work::Reading => demand.reads_per_second,
            Work::Joining => {
                demand.waiting.div_ceil(demand.arrive_seconds.get().into()).min(joins.per_second)
            }
        };
        let shares = Work::ALL.map(|work| share(work, asked(work), carried(work.figure())));
        let seats_per_order = demand.seats_per_order.get().into();
        let flush_seconds = demand.waiting.div_ceil(carried(Figure::Signs).get()).max(1);
        Self {
            nodes: nodes(&shares, (demand.waiting, streams), means, figures),
            shares,
            joins,
            orders: written(demand.seats.div_ceil(seats_per_order), carried(Figure::Orders), 0),
            signs: Signs { flush_seconds, lapse_seconds: flush_seconds.saturating_mul(SIGNS_A_LAPSE) },
        }
    }
}

fn saturated(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// What is planned with of a figure, but at least one.
fn carried(figure: u64, safety: Percent) -> NonZeroU64 {
    let part = saturated(u128::from(figure) * u128::from(safety.0) / 100);
    NonZeroU64::new(part).unwrap_or(NonZeroU64::MIN)
}

fn share(work: Work, asked_per_second: u64, carried: NonZeroU64) -> Share {
    let node_millionths = (u128::from(asked_per_second) * WHOLE).div_ceil(u128::from(carried.get()));
    Share { work, asked_per_second, carried_per_second: carried.get(), node_millionths }
}

/// `count` of them, no faster than they come within `least_seconds`.
fn written(count: u64, per_second: NonZeroU64, least_seconds: u64) -> Written {
    let seconds = count.div_ceil(per_second.get());
    let seconds = if count == 0 { 0 } else { seconds.max(least_seconds) };
    Written { count, per_second: per_second.get(), seconds }
}

fn nodes(
    shares: &[Share],
    (waiting, streams): (u64, u64),
    means: &Means,
    figures: &Figures,
) -> Result<Nodes, TooSmall> {
    let of_cores = saturated(shares.iter().map(|share| share.node_millionths).sum::<u128>().div_ceil(WHOLE));
    let fixed = u128::from(figures.get(Figure::PlaceMemory))
        .saturating_mul(waiting.into())
        .saturating_add(figures.get(Figure::RestMemory).into());
    let usable = u128::from(means.node_memory_bytes) * u128::from(means.safety.0) / 100;
    let stream = u128::from(figures.get(Figure::StreamMemory));
    let fitting = usable.saturating_sub(fixed) / stream;
    let of_memory = match (streams, fitting) {
        _ if fixed > usable => None,
        (0, _) => Some(1),
        (_, 0) => None,
        _ => Some(saturated(u128::from(streams).div_ceil(fitting))),
    };
    let least = fixed.saturating_add(if streams == 0 { 0 } else { stream }).saturating_mul(100);
    let too_small = TooSmall { least_bytes: saturated(least.div_ceil(u128::from(means.safety.0.max(1)))) };
    let of_memory = of_memory.ok_or(too_small)?;
    let count = of_cores.max(of_memory).max(1);
    let bottleneck = match shares.iter().max_by_key(|share| share.node_millionths) {
        Some(most) if count > 1 && of_cores >= of_memory => Bottleneck::Cores(most.work),
        _ if count > 1 => Bottleneck::Memory,
        _ => Bottleneck::None,
    };
    let at_each = streams.div_ceil(count);
    let memory_bytes = saturated(fixed.saturating_add(u128::from(at_each) * stream));
    Ok(Nodes { count, bottleneck, memory_bytes, streams: at_each })
}

#[cfg(test)]
mod tests;
