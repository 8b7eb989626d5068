//! The life of one seat at one event, and how the states of many are packed.
//!
//! ```text
//! AVAILABLE -> HELD -> PINNED -> SOLD      HELD, PINNED -> AVAILABLE      any unsold <-> BLOCKED
//! SOLD -> AVAILABLE when the order is refunded: a seat is sold to an order as long as its ticket is good (M4).
//! ```
//! A hold ends by itself (S4): past its `until` the seat is free to the next buyer, whether or not anybody swept it.
//! Every step of an order names the fence it was given with the hold; a step with another one changes nothing (S7).
//! `now` is the time of the clock that wrote `until`, which is the database's.

use serde::{Deserialize, Serialize};

use crate::{OrderId, TicketId, Timestamp};

/// The number of a hold. A later hold of a seat has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub i64);

/// Who a seat is promised to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    /// Nobody.
    Available,
    /// An order, as long as it is earlier than `until`.
    Held {
        /// Whose hold it is.
        order: OrderId,
        /// The first instant at which it is over.
        until: Timestamp,
        /// The number of the hold.
        fence: Fence,
    },
    /// An order whose money is being taken: no expiry (M7).
    Pinned {
        /// Whose seat it is.
        order: OrderId,
        /// The number of the hold it was.
        fence: Fence,
    },
    /// The holder of a ticket.
    Sold {
        /// The order that paid.
        order: OrderId,
        /// The one valid ticket.
        ticket: TicketId,
    },
    /// Nobody, by the organiser's will.
    Blocked,
}

/// Why a step is refused. The seat stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatRefusal {
    /// Another order holds, pins or owns it; or it shall be blocked and is sold.
    #[error("the seat is taken")]
    Taken,
    /// The order is there already.
    #[error("the order has the seat already")]
    Owned,
    /// The seat is not this order's under this fence, or not any more.
    #[error("fence lost: the seat is not this order's under this fence")]
    FenceLost,
    /// The hold is over.
    #[error("the hold has expired")]
    Expired,
    /// There is no hold on it that is over.
    #[error("no hold on the seat has expired")]
    NotExpired,
    /// It is held only, and may expire while it is paid for.
    #[error("the seat is not pinned")]
    NotPinned,
    /// The organiser keeps it out of the sale.
    #[error("the seat is blocked")]
    Blocked,
    /// The organiser does not keep it out of the sale.
    #[error("the seat is not blocked")]
    NotBlocked,
}

impl SeatState {
    /// An order takes the seat until `until`. A hold that has expired gives way to one with a greater fence.
    ///
    /// # Errors
    /// [`SeatRefusal::Taken`], [`SeatRefusal::Owned`] (a hold is never extended), [`SeatRefusal::Blocked`];
    /// [`SeatRefusal::FenceLost`] when the fence is not greater than the expired hold's; [`SeatRefusal::Expired`]
    /// when `until` has passed already.
    pub fn hold(
        self,
        now: Timestamp,
        order: OrderId,
        until: Timestamp,
        fence: Fence,
    ) -> Result<Self, SeatRefusal> {
        match self {
            Self::Available => {}
            Self::Held { until: end, fence: last, .. } if end <= now => {
                if fence <= last {
                    return Err(SeatRefusal::FenceLost);
                }
            }
            Self::Held { order: owner, .. }
            | Self::Pinned { order: owner, .. }
            | Self::Sold { order: owner, .. } => {
                return Err(if owner == order { SeatRefusal::Owned } else { SeatRefusal::Taken });
            }
            Self::Blocked => return Err(SeatRefusal::Blocked),
        }
        if until <= now { Err(SeatRefusal::Expired) } else { Ok(Self::Held { order, until, fence }) }
    }

    /// The order's money is about to be taken: its hold stops expiring (M7).
    ///
    /// # Errors
    /// [`SeatRefusal::Expired`] when the hold is over (M8), [`SeatRefusal::Owned`] when it is pinned already,
    /// [`SeatRefusal::FenceLost`] when it is not this order's.
    pub fn pin(self, now: Timestamp, order: OrderId, fence: Fence) -> Result<Self, SeatRefusal> {
        match self {
            _ if !self.is_under(order, fence) => Err(SeatRefusal::FenceLost),
            Self::Held { until, .. } if until <= now => Err(SeatRefusal::Expired),
            Self::Held { .. } => Ok(Self::Pinned { order, fence }),
            Self::Available | Self::Pinned { .. } | Self::Sold { .. } | Self::Blocked => {
                Err(SeatRefusal::Owned)
            }
        }
    }

    /// The order has paid: the seat is the ticket's for good.
    ///
    /// # Errors
    /// [`SeatRefusal::NotPinned`] for a seat that is held only, [`SeatRefusal::FenceLost`] when it is not this order's.
    pub fn sell(self, order: OrderId, fence: Fence, ticket: TicketId) -> Result<Self, SeatRefusal> {
        match self {
            Self::Pinned { .. } if self.is_under(order, fence) => Ok(Self::Sold { order, ticket }),
            Self::Held { .. } if self.is_under(order, fence) => Err(SeatRefusal::NotPinned),
            _ => Err(SeatRefusal::FenceLost),
        }
    }

    /// The order gives the seat back: cancelled, or its capture definitely refused.
    ///
    /// # Errors
    /// [`SeatRefusal::FenceLost`] when it is not this order's.
    pub fn release(self, order: OrderId, fence: Fence) -> Result<Self, SeatRefusal> {
        if self.is_under(order, fence) { Ok(Self::Available) } else { Err(SeatRefusal::FenceLost) }
    }

    /// The order's money goes back, and the seat is for sale again.
    ///
    /// # Errors
    /// [`SeatRefusal::FenceLost`] when the order does not own it.
    pub fn hand_back(self, order: OrderId) -> Result<Self, SeatRefusal> {
        match self {
            Self::Sold { order: owner, .. } if owner == order => Ok(Self::Available),
            _ => Err(SeatRefusal::FenceLost),
        }
    }

    /// Sweeps a hold that is over. Nothing depends on it (S5).
    ///
    /// # Errors
    /// [`SeatRefusal::NotExpired`] for everything else.
    pub fn expire(self, now: Timestamp) -> Result<Self, SeatRefusal> {
        match self {
            Self::Held { until, .. } if until <= now => Ok(Self::Available),
            _ => Err(SeatRefusal::NotExpired),
        }
    }

    /// The organiser takes an unsold seat out of the sale, also from an order that holds or pins it: that order's
    /// next step finds its fence lost.
    ///
    /// # Errors
    /// [`SeatRefusal::Taken`] when it is sold, [`SeatRefusal::Blocked`] when it is blocked already.
    pub fn block(self) -> Result<Self, SeatRefusal> {
        match self {
            Self::Available | Self::Held { .. } | Self::Pinned { .. } => Ok(Self::Blocked),
            Self::Sold { .. } => Err(SeatRefusal::Taken),
            Self::Blocked => Err(SeatRefusal::Blocked),
        }
    }

    /// The organiser puts a blocked seat back on sale.
    ///
    /// # Errors
    /// [`SeatRefusal::NotBlocked`] for everything else.
    pub fn unblock(self) -> Result<Self, SeatRefusal> {
        match self {
            Self::Blocked => Ok(Self::Available),
            _ => Err(SeatRefusal::NotBlocked),
        }
    }

    /// What everybody may know of the seat.
    #[must_use]
    pub fn status(self, now: Timestamp) -> SeatStatus {
        match self {
            Self::Held { until, .. } if until <= now => SeatStatus::Available,
            Self::Available => SeatStatus::Available,
            Self::Held { .. } | Self::Pinned { .. } => SeatStatus::Reserved,
            Self::Sold { .. } => SeatStatus::Sold,
            Self::Blocked => SeatStatus::Blocked,
        }
    }

    /// Whether the seat is held or pinned by this order under this fence.
    fn is_under(self, order: OrderId, fence: Fence) -> bool {
        match self {
            Self::Held { order: owner, fence: last, .. } | Self::Pinned { order: owner, fence: last } => {
                owner == order && last == fence
            }
            Self::Available | Self::Sold { .. } | Self::Blocked => false,
        }
    }
}

/// What everybody may know of a seat. The numbers are those of the packed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum SeatStatus {
    /// Free to buy.
    Available = 0,
    /// Held or pinned by an order.
    Reserved = 1,
    /// Gone.
    Sold = 2,
    /// Not for sale.
    Blocked = 3,
}

impl SeatStatus {
    const ALL: [Self; 4] = [Self::Available, Self::Reserved, Self::Sold, Self::Blocked];
}

const SEATS_A_BYTE: usize = 4;

/// The bytes are no packed form of so many seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not the packed states of {seats} seats")]
pub struct UnpackError {
    /// How many bytes there are.
    pub bytes: usize,
    /// How many seats they should tell of.
    pub seats: usize,
}

/// Two bits a seat: seat `i` in byte `i / 4` at the bits from `2 * (i % 4)`. Bits past the last seat are 0.
#[must_use]
pub fn pack(seats: &[SeatStatus]) -> Vec<u8> {
    let byte = |seats: &[SeatStatus]| seats.iter().rev().fold(0, |byte, seat| byte << 2 | *seat as u8);
    seats.chunks(SEATS_A_BYTE).map(byte).collect()
}

/// The states of `seats` seats from what [`pack`] made.
///
/// # Errors
/// [`UnpackError`] when there are more or fewer bytes than so many seats take, or bits past the last seat.
pub fn unpack(bytes: &[u8], seats: usize) -> Result<Vec<SeatStatus>, UnpackError> {
    let refusal = UnpackError { bytes: bytes.len(), seats };
    if bytes.len() != seats.div_ceil(SEATS_A_BYTE) {
        return Err(refusal);
    }
    let status = |seat: usize| {
        SeatStatus::ALL[usize::from(bytes[seat / SEATS_A_BYTE] >> (2 * (seat % SEATS_A_BYTE)) & 3)]
    };
    let past_last = bytes.last().map_or(0, |last| match seats % SEATS_A_BYTE {
        0 => 0,
        used => last >> (2 * used),
    });
    if past_last == 0 { Ok((0..seats).map(status).collect()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[derive(Clone, Debug)]
    enum Step {
        Pass(u32),
        Hold { buyer: u128, seconds: u32, stale: bool },
        Pin { buyer: u128, fence: i64 },
        Sell { buyer: u128, fence: i64, ticket: u128 },
        Release { buyer: u128, fence: i64 },
        Expire,
        Block,
        Unblock,
    }

    fn step() -> impl Strategy<Value = Step> {
        let (buyer, fence) = (0..3_u128, 0..8_i64);
        prop_oneof![
            2 => (0..40_u32).prop_map(Step::Pass),
            4 => (buyer.clone(), 0..60_u32, prop::bool::weighted(0.2))
                .prop_map(|(buyer, seconds, stale)| Step::Hold { buyer, seconds, stale }),
            6 => (buyer.clone(), fence.clone()).prop_map(|(buyer, fence)| Step::Pin { buyer, fence }),
            6 => (buyer.clone(), fence.clone(), any::<u128>())
                .prop_map(|(buyer, fence, ticket)| Step::Sell { buyer, fence, ticket }),
            2 => (buyer, fence).prop_map(|(buyer, fence)| Step::Release { buyer, fence }),
            2 => Just(Step::Expire),
            1 => Just(Step::Block),
            1 => Just(Step::Unblock),
        ]
    }

    fn order(buyer: u128) -> OrderId {
        OrderId::from_uuid(Uuid::from_u128(buyer))
    }

    fn owner(seat: SeatState) -> Option<OrderId> {
        match seat {
            SeatState::Held { order, .. }
            | SeatState::Pinned { order, .. }
            | SeatState::Sold { order, .. } => Some(order),
            SeatState::Available | SeatState::Blocked => None,
        }
    }

    fn fence(seat: SeatState) -> Option<Fence> {
        match seat {
            SeatState::Held { fence, .. } | SeatState::Pinned { fence, .. } => Some(fence),
            SeatState::Available | SeatState::Sold { .. } | SeatState::Blocked => None,
        }
    }

    /// The edges of the promises, and the way back from BLOCKED.
    fn is_edge(from: SeatState, to: SeatState) -> bool {
        use SeatState::{Available, Blocked, Held, Pinned};
        matches!(
            (from, to),
            (Available, Held { .. } | Blocked)
                | (Held { .. }, Available | Held { .. } | Pinned { .. } | Blocked)
                | (Pinned { .. }, Available | SeatState::Sold { .. } | Blocked)
                | (Blocked, Available)
        )
    }

    fn lapsed(seat: SeatState, now: Timestamp) -> bool {
        matches!(seat, SeatState::Held { until, .. } if until <= now)
    }

    /// Runs one step on the seat and checks it against the promises. Buyers use whatever fence comes to their mind.
    fn run(
        seat: SeatState,
        now: &mut Timestamp,
        last_fence: &mut i64,
        step: &Step,
    ) -> Result<SeatState, TestCaseError> {
        let (at, before) = (*now, seat);
        let after = match *step {
            Step::Pass(seconds) => {
                *now = now.plus_seconds(seconds);
                return Ok(seat);
            }
            Step::Hold { buyer, seconds, stale } => {
                let number = if stale { *last_fence } else { *last_fence + 1 };
                *last_fence = number;
                let after = seat.hold(at, order(buyer), at.plus_seconds(seconds), Fence(number));
                let free = seat == SeatState::Available || lapsed(seat, at) && !stale;
                if seconds > 0 && free {
                    prop_assert!(after.is_ok(), "S4: {:?} is free to the next buyer", seat);
                }
                if lapsed(seat, at) && fence(seat) == Some(Fence(number)) {
                    prop_assert_eq!(after, Err(SeatRefusal::FenceLost), "S7: a late hold");
                }
                after
            }
            Step::Pin { buyer, fence } => {
                let after = seat.pin(at, order(buyer), Fence(fence));
                prop_assert!(after.is_err() || !lapsed(seat, at), "S4: an expired hold is lost to its order");
                checked_fence(seat, after, buyer, fence)?
            }
            Step::Sell { buyer, fence, ticket } => {
                let ticket = TicketId::from_uuid(Uuid::from_u128(ticket));
                checked_fence(seat, seat.sell(order(buyer), Fence(fence), ticket), buyer, fence)?
            }
            Step::Release { buyer, fence } => {
                checked_fence(seat, seat.release(order(buyer), Fence(fence)), buyer, fence)?
            }
            Step::Expire => {
                let after = seat.expire(at);
                prop_assert_eq!(after.is_ok(), lapsed(seat, at));
                after
            }
            Step::Block => seat.block(),
            Step::Unblock => seat.unblock(),
        };
        let Ok(after) = after else { return Ok(before) };
        prop_assert!(is_edge(before, after), "no such edge: {:?} -> {:?}", before, after);
        let robbed = owner(after).is_some() && owner(before).is_some() && owner(before) != owner(after);
        prop_assert!(!robbed || lapsed(before, at), "S2: {:?} -> {:?}", before, after);
        Ok(after)
    }

    /// S7: a step that went through named the order and the fence of the seat; any other one reports `fence-lost`.
    fn checked_fence(
        before: SeatState,
        after: Result<SeatState, SeatRefusal>,
        buyer: u128,
        given: i64,
    ) -> Result<Result<SeatState, SeatRefusal>, TestCaseError> {
        let ours = fence(before) == Some(Fence(given)) && owner(before) == Some(order(buyer));
        prop_assert!(ours || after == Err(SeatRefusal::FenceLost), "S7: {:?} -> {:?}", before, after);
        prop_assert!(!ours || after != Err(SeatRefusal::FenceLost), "S7: {:?} -> {:?}", before, after);
        Ok(after)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        // S1 S2 S4 S7
        #[test]
        fn no_order_of_steps_gives_a_seat_to_two_or_leaves_the_edges(steps in prop::collection::vec(step(), 1..60)) {
            let (mut seat, mut now, mut last_fence) = (SeatState::Available, Timestamp::from_millis(1_000_000), 0);
            let mut sold = None;
            for step in &steps {
                seat = run(seat, &mut now, &mut last_fence, step)?;
                if let SeatState::Sold { ticket, .. } = seat {
                    prop_assert_eq!(*sold.get_or_insert(ticket), ticket, "S1: one ticket for ever");
                } else {
                    prop_assert!(sold.is_none(), "S1: a sold seat is never sold again");
                }
            }
        }

        #[test]
        fn packed_states_read_back(codes in prop::collection::vec(0..4_usize, 0..200)) {
            let states: Vec<_> = codes.iter().map(|code| SeatStatus::ALL[*code]).collect();
            let bytes = pack(&states);
            for (i, state) in states.iter().enumerate() {
                prop_assert_eq!(bytes[i / 4] >> (2 * (i % 4)) & 3, *state as u8);
            }
            prop_assert_eq!(unpack(&bytes, states.len()), Ok(states.clone()));
            prop_assert!(unpack(&bytes, states.len() + 4).is_err());
            if states.len() % 4 != 0 {
                let mut overfull = bytes;
                *overfull.last_mut().unwrap() |= 0x80;
                prop_assert!(unpack(&overfull, states.len()).is_err());
            }
        }
    }

    fn held(buyer: u128, until: i64, fence: i64) -> SeatState {
        SeatState::Held { order: order(buyer), until: Timestamp::from_millis(until), fence: Fence(fence) }
    }

    #[test]
    fn a_seat_goes_from_hold_to_pin_to_sale() {
        let ticket = TicketId::from_uuid(Uuid::from_u128(9));
        let at = Timestamp::from_millis;
        let seat = SeatState::Available.hold(at(0), order(1), at(100), Fence(1)).unwrap();
        assert_eq!(seat.sell(order(1), Fence(1), ticket), Err(SeatRefusal::NotPinned));
        let seat = seat.pin(at(99), order(1), Fence(1)).unwrap();
        assert_eq!(seat.status(at(10_000)), SeatStatus::Reserved); // M7
        let seat = seat.sell(order(1), Fence(1), ticket).unwrap();
        assert_eq!(seat, SeatState::Sold { order: order(1), ticket });
        assert_eq!(seat.block(), Err(SeatRefusal::Taken));
    }

    #[test]
    fn s4_an_expired_hold_is_free_to_the_next_buyer() {
        let (before, now, later) =
            (Timestamp::from_millis(99), Timestamp::from_millis(100), Timestamp::from_millis(200));
        let seat = held(1, 100, 1);
        assert_eq!(seat.hold(before, order(2), later, Fence(2)), Err(SeatRefusal::Taken));
        assert_eq!(seat.status(before), SeatStatus::Reserved);
        assert_eq!(seat.status(now), SeatStatus::Available);
        assert_eq!(seat.pin(now, order(1), Fence(1)), Err(SeatRefusal::Expired));
        let taken = seat.hold(now, order(2), later, Fence(2)).unwrap();
        assert_eq!(taken, held(2, 200, 2));
        assert_eq!(taken.pin(now, order(1), Fence(1)), Err(SeatRefusal::FenceLost));
    }

    #[test]
    fn s7_an_order_that_holds_again_does_not_answer_to_its_old_fence() {
        let now = Timestamp::from_millis(100);
        let seat = held(1, 100, 1).hold(now, order(1), now.plus_seconds(1), Fence(2)).unwrap();
        assert_eq!(seat.release(order(1), Fence(1)), Err(SeatRefusal::FenceLost));
        assert_eq!(seat.release(order(1), Fence(2)), Ok(SeatState::Available));
    }

    #[test]
    fn states_are_named_on_the_wire_as_the_seeds_name_them() {
        let names = serde_json::to_string(&SeatStatus::ALL).unwrap();
        assert_eq!(names, r#"["AVAILABLE","RESERVED","SOLD","BLOCKED"]"#);
    }
}
