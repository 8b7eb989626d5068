//! The seats a buyer has picked, and the way back.

/// How many steps back are kept.
const MOST_STEPS: usize = 50;

/// Picked seats, as indexes of the house.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basket {
    seats: Vec<usize>,
    before: Vec<Vec<usize>>,
    /// The most seats an order may have, once known.
    pub limit: Option<u32>,
}

impl Basket {
    /// The seats, in the order they were picked.
    pub fn seats(&self) -> &[usize] {
        &self.seats
    }

    /// Whether a seat is picked.
    pub fn has(&self, seat: usize) -> bool {
        self.seats.contains(&seat)
    }

    /// Picks a seat, or puts it back.
    pub fn toggle(&mut self, seat: usize) {
        self.remember();
        if self.has(seat) {
            self.seats.retain(|held| *held != seat);
        } else {
            self.seats.push(seat);
        }
    }

    /// Picks these instead of what was picked.
    pub fn replace(&mut self, seats: Vec<usize>) {
        self.remember();
        self.seats = seats;
    }

    /// Loses a seat to somebody else. There is no way back to it.
    pub fn lose(&mut self, seat: usize) {
        self.seats.retain(|held| *held != seat);
        for step in &mut self.before {
            step.retain(|held| *held != seat);
        }
    }

    /// Goes a step back; answers whether there was one.
    pub fn undo(&mut self) -> bool {
        let step = std::iter::from_fn(|| self.before.pop()).find(|step| *step != self.seats);
        step.map(|step| self.seats = step).is_some()
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        *self = Self { limit: self.limit, ..Self::default() };
    }

    /// Whether another seat would be one too many.
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.seats.len() >= crate::measure::index(limit))
    }

    fn remember(&mut self) {
        if self.before.len() == MOST_STEPS {
            self.before.remove(0);
        }
        self.before.push(self.seats.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undo_goes_back_but_never_to_a_seat_that_was_lost() {
        let mut basket = Basket::default();
        basket.toggle(1);
        basket.toggle(2);
        basket.replace(vec![3, 4]);
        basket.lose(1);
        assert!(basket.undo());
        assert_eq!(basket.seats(), [2]);
        assert!(basket.undo());
        assert_eq!(basket.seats(), [] as [usize; 0]);
        assert!(!basket.undo());
    }
}
