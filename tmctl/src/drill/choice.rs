//! Which seats somebody in a crowd points at: next to each other where there are enough, and not the best of the house
//! for everybody.

use tmapi::client::{SeatState, SeatStates};
use tmapi::seat_map::SeatMapView;
use tmcore::SeatId;
use tmcore::drill::Dice;

/// The rows of a house, seats in the order of their indexes.
#[derive(Debug)]
pub struct House {
    rows: Vec<Vec<(usize, SeatId)>>,
}

impl House {
    pub fn of(map: &SeatMapView) -> Self {
        let mut index = 0..;
        let rows = map.sections.iter().flat_map(|section| &section.rows).filter(|row| !row.ids.is_empty());
        let seats =
            |ids: &[SeatId]| ids.iter().cloned().zip(index.by_ref()).map(|(id, at)| (at, id)).collect();
        Self { rows: rows.map(|row| row.ids.as_slice()).map(seats).collect() }
    }

    /// As many seats as wanted, or as many as there are: from a row drawn by lot, one of the runs that are long enough.
    pub fn choose(&self, states: &SeatStates, wanted: u32, dice: &mut Dice) -> Vec<SeatId> {
        let rows = self.rows.len() as u64;
        let first = usize::try_from(dice.below(rows)).unwrap_or_default();
        let free = |seat: &(usize, SeatId)| states.get(seat.0) == SeatState::Available;
        for count in (1..=wanted as usize).rev() {
            for row in self.rows.iter().cycle().skip(first).take(self.rows.len()) {
                let runs: Vec<_> = row.windows(count).filter(|run| run.iter().all(free)).collect();
                let drawn = usize::try_from(dice.below(runs.len() as u64)).unwrap_or_default();
                if let Some(run) = runs.get(drawn) {
                    return run.iter().map(|(_, id)| id.clone()).collect();
                }
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use tmapi::availability::AvailabilityView;
    use tmapi::event::SeatTotals;
    use tmapi::seat_map::{RowView, SectionView};

    use super::*;

    /// Two rows of four seats; a seat whose bit is set is sold.
    fn house(sold: u8) -> (House, SeatStates) {
        let row = |name: &str| RowView {
            row: name.to_owned(),
            ids: (1..=4).map(|n| format!("{name}-{n}").parse().unwrap()).collect(),
            numbers: (1..=4).map(|n| n.to_string()).collect(),
            x: vec![0; 4],
            y: vec![0; 4],
            levels: vec![0; 4],
            accessible: vec![],
        };
        let section =
            SectionView { name: "Hall".to_owned(), offset: 0, seat_count: 8, rows: vec![row("A"), row("B")] };
        let map = SeatMapView {
            event_id: "E1".parse().unwrap(),
            width: 1,
            height: 1,
            seat_count: 8,
            price_levels: vec![],
            sections: vec![section],
            areas: vec![],
        };
        let bits = |from: u8| (0..4).fold(0, |byte, n| byte | (((sold >> (from + n)) & 1) << 1) << (2 * n));
        let view = AvailabilityView {
            event_id: map.event_id.clone(),
            seq: 1,
            as_of: tmcore::Timestamp::from_millis(0),
            seat_count: 8,
            totals: SeatTotals::default(),
            status: base64::prelude::BASE64_STANDARD.encode([bits(0), bits(4)]),
            sections: vec![],
        };
        (House::of(&map), SeatStates::unpack(&view).unwrap())
    }

    fn chosen(sold: u8, wanted: u32, seed: u64) -> Vec<String> {
        let (house, states) = house(sold);
        house.choose(&states, wanted, &mut Dice::new(seed)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn free_seats_next_to_each_other_and_fewer_where_there_are_no_more() {
        for seed in 0..20 {
            assert_eq!(chosen(0b0000_1111, 4, seed), ["B-1", "B-2", "B-3", "B-4"]);
            assert_eq!(chosen(0b1111_1001, 4, seed), ["A-2", "A-3"]);
            assert_eq!(chosen(0b0111_1111, 2, seed), ["B-4"]);
            assert!(chosen(0b1111_1111, 2, seed).is_empty());
        }
        let seats: std::collections::BTreeSet<_> = (0..200).map(|seed| chosen(0, 1, seed)).collect();
        assert_eq!(seats.len(), 8, "nobody went to some of the seats");
    }
}
