use std::time::Duration;

use proptest::prelude::*;
use tmcore::seating::{Category, Row, Seat, SeatingPlan, Section, Size};

use super::*;
use crate::tests::sample;

/// No two seats share a cell, and each is found where it is.
fn check(house: &House, block: usize) {
    let sheet = Sheet::new(house, block);
    let mut cells = HashSet::new();
    for (seat, column, line) in sheet.seats() {
        assert!(
            cells.insert((column, line)) && cells.insert((column + 1, line)),
            "two seats at {column} {line}"
        );
        assert!(column + 1 < sheet.width && line < sheet.height);
        assert_eq!(sheet.seat_at(column, line), Some(seat));
        assert_eq!(sheet.seat_at(column + 1, line), Some(seat));
    }
    assert_eq!(sheet.seats().count(), house.blocks[block].shape.seats.len());
}

#[test]
fn every_seat_of_every_house_has_a_place_of_its_own() {
    let generated = House::new(sample::seat_map(&sample::blocks(80_000), &[])).unwrap();
    let houses = [Some(sample::theatre()), Some(sample::arena()), sample::stadium(), Some(generated.into())];
    for house in houses.into_iter().flatten() {
        (0..house.blocks.len()).for_each(|block| check(&house, block));
    }
}

fn house(rows: Vec<Vec<(i32, i32)>>) -> House {
    let seat = |row: usize, (place, (x, y)): (usize, (i32, i32))| Seat {
        id: format!("A-{row}-{place}").parse().unwrap(),
        number: place.to_string(),
        x,
        y,
        category: 0,
        accessible: false,
    };
    let row = |(number, seats): (usize, Vec<(i32, i32)>)| Row {
        label: number.to_string(),
        seats: seats.into_iter().enumerate().map(|at| seat(number, at)).collect(),
    };
    let plan = SeatingPlan {
        name: String::new(),
        size: Size { width: 100, height: 100 },
        categories: vec![Category { name: "A".to_owned(), color: "#000000".to_owned() }],
        sections: vec![Section {
            name: "S".to_owned(),
            rows: rows.into_iter().enumerate().map(row).collect(),
        }],
        areas: Vec::new(),
    };
    House::new(sample::seat_map(&plan, &[])).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_plan_however_wild_gives_every_seat_a_place(
        rows in prop::collection::vec(prop::collection::vec((-500..500_i32, -500..500_i32), 1..12), 1..8)
    ) {
        check(&house(rows), 0);
    }
}

#[test]
fn straight_rows_are_straight_and_aisles_stay_open() {
    // Ten seats, an aisle of two seats' width, ten seats; the second row half a seat to the right.
    let row =
        |y: i32, shift: i32| (0..20).map(|n| (shift + n * 20 + if n < 10 { 0 } else { 40 }, y)).collect();
    let house = house(vec![row(0, 0), row(28, 10), row(56, 0)]);
    let sheet = Sheet::new(&house, 0);
    let slots: Vec<_> = sheet.seats().map(|(_, column, line)| (column, line)).collect();
    let first = slots[0].0;
    for (place, (column, line)) in slots[..20].iter().enumerate() {
        let place = u16::try_from(place).unwrap();
        assert_eq!((*column, *line), (first + place * 2 + if place < 10 { 0 } else { 4 }, 0));
    }
    assert_eq!(slots[20], (first + 1, 1), "half a seat is one column");
    assert_eq!(slots[40], (first, 2));
}

#[test]
fn bent_rows_are_bent_and_upright_ones_are_laid_flat() {
    let theatre = sample::theatre();
    let centre = theatre.find_block("Circle Centre").unwrap();
    let sheet = Sheet::new(&theatre, centre);
    let row = theatre.blocks[centre].shape.rows[0].clone();
    let lines: Vec<_> = row.clone().filter_map(|seat| sheet.slot(seat)).map(|slot| slot.1).collect();
    let (ends, middle) = ((lines[0], lines[lines.len() - 1]), lines[lines.len() / 2]);
    assert!(ends.0 < middle && ends.1 < middle, "nearer to the stage at both ends: {lines:?}");
    let columns: Vec<_> = row.filter_map(|seat| sheet.slot(seat)).map(|slot| slot.0).collect();
    assert!(columns.windows(2).all(|pair| pair[0] != pair[1]), "{columns:?}");

    let arena = sample::arena();
    for (block, section) in arena.plan.sections.iter().enumerate() {
        let sheet = Sheet::new(&arena, block);
        let rows = signed(section.rows.len());
        assert!(
            i32::from(sheet.height) <= rows * 2,
            "{}: {} lines for {rows} rows",
            section.name,
            sheet.height
        );
    }
}

#[test]
fn the_cursor_reaches_every_seat() {
    for house in [sample::theatre(), sample::arena()] {
        for block in 0..house.blocks.len() {
            let sheet = Sheet::new(&house, block);
            let first = house.blocks[block].shape.seats.start;
            let (mut seen, mut next) = (HashSet::from([first]), vec![first]);
            while let Some(seat) = next.pop() {
                for direction in [Direction::Up, Direction::Down, Direction::Left, Direction::Right] {
                    if let Some(beside) = sheet.beside(seat, direction).filter(|beside| seen.insert(*beside))
                    {
                        next.push(beside);
                    }
                }
            }
            let all = house.blocks[block].shape.seats.len();
            assert_eq!(seen.len(), all, "{}", house.block_name(block));
        }
    }
}

#[test]
fn a_section_of_many_thousands_is_laid_out_in_no_time() {
    let rows = (0..100).map(|row| (0..200).map(|seat| (seat * 20, row * 28)).collect()).collect();
    let house = house(rows);
    #[expect(clippy::disallowed_methods, reason = "the time is what is tested")]
    let began = std::time::Instant::now();
    check(&house, 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
