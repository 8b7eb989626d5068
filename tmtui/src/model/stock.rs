//! How the seats stand: a state a seat, and counts of what is free by section and price level, kept as seats change.

use tmapi::availability::{AvailabilityView, SeatDelta};
use tmapi::client::{SeatGap, SeatState, SeatStates};

use crate::house::House;
use crate::measure::index;

/// The seats of an event, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    states: SeatStates,
    counts: Vec<Count>,
    levels: usize,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// To be had.
    pub free: u32,
    /// Altogether.
    pub all: u32,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { free: self.free + other.free, all: self.all + other.all }
    }
}

impl Stock {
    /// Unpacks what the daemon told of a house.
    ///
    /// # Errors
    /// [`SeatGap`] when it is of another number of seats.
    pub fn new(house: &House, view: &AvailabilityView) -> Result<Self, SeatGap> {
        let states = SeatStates::unpack(view)?;
        if states.as_slice().len() != house.seat_count() {
            return Err(SeatGap);
        }
        let levels = house.levels.len();
        let counts = vec![Count::default(); levels * house.blocks.len()];
        let mut stock = Self { states, counts, levels };
        for (seat, spot) in house.spots.iter().enumerate() {
            let is_free = stock.is_free(seat);
            if let Some(count) =
                stock.counts.get_mut(usize::from(spot.block) * levels + usize::from(spot.level))
            {
                count.all += 1;
                count.free += u32::from(is_free);
            }
        }
        Ok(stock)
    }

    /// Brings it up to date.
    ///
    /// # Errors
    /// [`SeatGap`] when something between is missing: fetch anew.
    pub fn apply(&mut self, house: &House, delta: &SeatDelta) -> Result<(), SeatGap> {
        self.count_runs(house, delta, |count| count.free = count.free.saturating_sub(1));
        let applied = self.states.apply(delta);
        self.count_runs(house, delta, |count| count.free += 1);
        applied
    }

    /// Counts the free seats of a delta's runs.
    fn count_runs(&mut self, house: &House, delta: &SeatDelta, change: impl Fn(&mut Count)) {
        for [first, count, _] in &delta.changes {
            let end = index(first.saturating_add(*count)).min(house.seat_count());
            for seat in index(*first).min(end)..end {
                let Some(spot) = house.spots.get(seat).filter(|_| self.is_free(seat)) else { continue };
                let place = usize::from(spot.block) * self.levels + usize::from(spot.level);
                if let Some(count) = self.counts.get_mut(place) {
                    change(count);
                }
            }
        }
    }

    /// How a seat stands.
    pub fn state(&self, seat: usize) -> SeatState {
        self.states.get(seat)
    }

    /// Whether a seat is to be had.
    pub fn is_free(&self, seat: usize) -> bool {
        self.states.get(seat) == SeatState::Available
    }

    /// The seats of a section, of one price level or of all.
    pub fn block(&self, block: usize, level: Option<u16>) -> Count {
        let row = self.counts.get(block * self.levels..(block + 1) * self.levels).unwrap_or_default();
        match level {
            Some(level) => row.get(usize::from(level)).copied().unwrap_or_default(),
            None => row.iter().copied().fold(Count::default(), Count::plus),
        }
    }

    /// All seats of one price level, or of all.
    pub fn all(&self, level: Option<u16>) -> Count {
        let blocks = self.counts.len().checked_div(self.levels).unwrap_or(0);
        (0..blocks).map(|block| self.block(block, level)).fold(Count::default(), Count::plus)
    }

    /// The cheapest price level of which a section has a free seat, else of which it has any.
    pub fn cheapest(&self, house: &House, block: usize) -> Option<usize> {
        let row = self.counts.get(block * self.levels..(block + 1) * self.levels)?;
        let price = |level: &usize| house.levels.get(*level).map(|level| level.price.amount);
        let of = |has: fn(&Count) -> bool| {
            (0..self.levels).filter(|level| row.get(*level).is_some_and(has)).min_by_key(price)
        };
        of(|count| count.free > 0).or_else(|| of(|count| count.all > 0))
    }
}
