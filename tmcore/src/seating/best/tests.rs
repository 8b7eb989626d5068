use std::cell::Cell;
use std::collections::HashSet;

use proptest::prelude::*;

use super::super::{Area, Category, Point, Row, Seat, Section, Shape, Size, demo};
use super::*;

/// A row as it is built: which seats stand side by side is known here, and not found out from where they are.
#[derive(Clone, Debug)]
struct Built {
    section: usize,
    number: usize,
    /// Seat indexes from one end to the other, parted at aisles.
    parts: Vec<Vec<usize>>,
}

#[derive(Clone, Debug)]
struct House {
    plan: SeatingPlan,
    rows: Vec<Built>,
    free: Vec<bool>,
}

/// How a row is built: its seats with category, wheelchair place, free; how many stand before an aisle; how its seats
/// are listed.
type Draft = (Vec<(u16, bool, bool)>, Option<usize>, Listing);

#[derive(Clone, Copy, Debug)]
enum Listing {
    Forward,
    Backward,
    OddThenEven,
}

const STEP: i32 = 20;
const AISLE: i32 = 31;

fn draft(seats: std::ops::RangeInclusive<usize>, may_be_parted: bool) -> impl Strategy<Value = Draft> {
    let seat = (
        prop_oneof![3 => Just(0_u16), 1 => Just(1), 1 => Just(2)],
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.7),
    );
    let aisle = if may_be_parted { prop::option::of(1..4_usize).boxed() } else { Just(None).boxed() };
    let listing = prop_oneof![Just(Listing::Forward), Just(Listing::Backward), Just(Listing::OddThenEven)];
    (prop::collection::vec(seat, seats), aisle, listing)
}

/// The first row of a section is long and whole, so that the section has a usual step.
fn house() -> impl Strategy<Value = House> {
    let section = (draft(6..=9, false), prop::collection::vec(draft(1..=8, true), 0..3), any::<bool>());
    (prop::collection::vec(section, 1..4), prop::option::of((-500..500, -500..500))).prop_map(
        |(sections, stage)| {
            let sections = sections.into_iter().map(|(first, mut rest, upright)| {
                rest.insert(0, first);
                (rest, upright)
            });
            build(sections.collect(), stage.map(|(x, y)| Point { x, y }))
        },
    )
}

fn listed(count: usize, listing: Listing) -> Vec<usize> {
    match listing {
        Listing::Forward => (0..count).collect(),
        Listing::Backward => (0..count).rev().collect(),
        Listing::OddThenEven => (0..count).step_by(2).chain((1..count).step_by(2)).collect(),
    }
}

fn build(drafts: Vec<(Vec<Draft>, bool)>, stage: Option<Point>) -> House {
    let (mut rows, mut free, mut sections) = (Vec::new(), Vec::new(), Vec::new());
    for (section, (drafts, upright)) in drafts.into_iter().enumerate() {
        let mut built = Vec::new();
        for (number, (seats, aisle, listing)) in drafts.into_iter().enumerate() {
            let first = free.len();
            let order = listed(seats.len(), listing);
            // The seat index of the seat at each place along the row.
            let mut index_at = vec![0; seats.len()];
            let mut row = Row { label: (number + 1).to_string(), seats: Vec::new() };
            for (listed, place) in order.into_iter().enumerate() {
                let (category, accessible, is_free) = seats[place];
                index_at[place] = first + listed;
                free.push(is_free);
                let past = aisle.is_some_and(|aisle| place >= aisle);
                let along = STEP * i32::try_from(place).unwrap() + if past { AISLE - STEP } else { 0 };
                let across = 1_000 * i32::try_from(section).unwrap() + 25 * i32::try_from(number).unwrap();
                let (x, y) = if upright { (across, along) } else { (along, across) };
                let id = format!("S{section}-{number}-{place}").parse().unwrap();
                row.seats.push(Seat { id, number: place.to_string(), x, y, category, accessible });
            }
            let cut = aisle.unwrap_or(usize::MAX).min(index_at.len());
            let (left, right) = index_at.split_at(cut);
            let parts = [left, right].map(<[usize]>::to_vec).into_iter().filter(|part| !part.is_empty());
            rows.push(Built { section, number, parts: parts.collect() });
            built.push(row);
        }
        sections.push(Section { name: format!("S{section}"), rows: built });
    }
    let category = |name: &str| Category { name: name.to_owned(), color: "#000000".to_owned() };
    let stage = stage.map(|at| Area { shape: Shape::Text { at }, label: Some("Main Stage".to_owned()) });
    let plan = SeatingPlan {
        name: "House".to_owned(),
        size: Size { width: 100, height: 100 },
        categories: ["A", "B", "C"].map(category).to_vec(),
        sections,
        areas: stage.into_iter().collect(),
    };
    House { plan, rows, free }
}

/// What is compared, worked out from the definition alone; and the seats.
type Scored = ((usize, u16, usize, u64, usize), Vec<usize>);

impl House {
    fn seats(&self) -> Vec<Seat> {
        self.plan.seats().map(|at| at.seat.clone()).collect()
    }

    fn front_of(&self, row: &Built) -> u64 {
        let seats = &self.plan.sections[row.section].rows[row.number].seats;
        match self.plan.areas.first() {
            None => row.number as u64,
            Some(stage) => {
                let Point { x, y } = stage.shape.middle();
                let away = |seat: &Seat| {
                    u64::from((seat.x - x).unsigned_abs().pow(2) + (seat.y - y).unsigned_abs().pow(2))
                };
                seats.iter().map(|seat| away(seat).isqrt()).sum::<u64>() / seats.len() as u64
            }
        }
    }

    /// Every group that would do, by trying all.
    fn every(&self, wish: &Wish) -> Vec<Scored> {
        let (seats, count) = (self.seats(), usize::from(wish.count));
        let mut every = Vec::new();
        for row in &self.rows {
            let length: usize = row.parts.iter().map(Vec::len).sum();
            let mut before = 0;
            for part in &row.parts {
                for (start, group) in part.windows(count).enumerate() {
                    let section = wish
                        .section
                        .as_ref()
                        .is_none_or(|name| self.plan.sections[row.section].name == *name);
                    let category = |seat: &usize| {
                        let name = &self.plan.categories[usize::from(seats[*seat].category)].name;
                        wish.category.as_ref().is_none_or(|wanted| wanted == name)
                    };
                    if !section || !group.iter().all(|seat| self.free[*seat] && category(seat)) {
                        continue;
                    }
                    let left_over: Vec<bool> =
                        part.iter().map(|seat| self.free[*seat] && !group.contains(seat)).collect();
                    let alone = |free: &[bool]| {
                        let at = |place: usize| free.get(place).copied().unwrap_or(false);
                        (0..free.len())
                            .filter(|place| at(*place) && !at(place + 1) && (*place == 0 || !at(place - 1)))
                            .count()
                    };
                    let was: Vec<bool> = part.iter().map(|seat| self.free[*seat]).collect();
                    let accessible = group.iter().filter(|seat| seats[**seat].accessible).count();
                    let level = group.iter().map(|seat| seats[*seat].category).max().unwrap();
                    // A group that was alone itself strands nobody.
                    let stranded = (alone(&left_over)
                        + usize::from(count == 1 && alone(&was) > alone(&left_over)))
                    .saturating_sub(alone(&was));
                    let middle = (2 * (before + start) + count).abs_diff(length);
                    every.push(((accessible, level, stranded, self.front_of(row), middle), group.to_vec()));
                }
                before += part.len();
            }
        }
        every
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let category = prop::option::weighted(0.3, prop_oneof![Just("A"), Just("B"), Just("none such")]);
    let section = prop::option::weighted(0.3, prop_oneof![Just("S0"), Just("S1"), Just("none such")]);
    (1..6_u8, category, section).prop_map(|(count, category, section)| Wish {
        count,
        category: category.map(str::to_owned),
        section: section.map(str::to_owned),
    })
}

fn sorted(mut seats: Vec<usize>) -> Vec<usize> {
    seats.sort_unstable();
    seats
}

proptest! {
    #[test]
    fn the_best_are_free_neighbours_and_no_better_ones_are_to_be_had(house in house(), wish in wish()) {
        let every = house.every(&wish);
        let found = best(&house.plan, |seat| house.free[seat], &wish);
        let Some(found) = found else {
            prop_assert!(every.is_empty(), "{every:?} would have done");
            return Ok(());
        };
        let same = every.iter().find(|(_, group)| sorted(group.clone()) == sorted(found.clone()));
        let Some((score, _)) = same else {
            return Err(TestCaseError::fail(format!("{found:?} is no group of free neighbours")));
        };
        let least = every.iter().map(|(score, _)| score).min();
        prop_assert_eq!(Some(score), least);
    }

    #[test]
    fn nobody_is_left_alone_where_seats_as_good_avoid_it(house in house(), wish in wish()) {
        let every = house.every(&wish);
        if let Some(found) = best(&house.plan, |seat| house.free[seat], &wish) {
            let score = |group: &[usize]| every.iter().find(|(_, g)| sorted(g.clone()) == sorted(group.to_vec())).unwrap().0;
            let (accessible, level, stranded, ..) = score(&found);
            let better = every.iter().find(|((a, l, s, ..), _)| (*a, *l) == (accessible, level) && *s < stranded);
            prop_assert!(better.is_none(), "{:?} strands fewer than {:?}", better, found);
        }
    }

    #[test]
    fn all_groups_come_best_first_and_each_once(house in house(), wish in wish()) {
        let rows = Rows::of(&house.plan);
        let is_free = |seat: usize| house.free[seat];
        let all = rows.all(is_free, &wish);
        let every: HashSet<_> = house.every(&wish).into_iter().map(|(_, group)| sorted(group)).collect();
        prop_assert_eq!(all.first().cloned(), rows.best(is_free, &wish));
        prop_assert_eq!(all.len(), every.len());
        prop_assert!(all.into_iter().all(|group| every.contains(&sorted(group))));
    }

    #[test]
    fn the_alternative_is_free_equal_and_the_nearest(
        house in house(),
        lost in any::<prop::sample::Index>(),
        basket in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let seats = house.seats();
        let lost = lost.index(seats.len());
        let mut basket: Vec<_> = basket.iter().map(|seat| seat.index(seats.len())).collect();
        basket.push(lost);
        let beside = |seat: usize| {
            let part = house.rows.iter().flat_map(|row| &row.parts).find(|part| part.contains(&seat)).unwrap();
            part.windows(2).any(|pair| {
                let other = if pair[0] == seat { pair[1] } else { pair[0] };
                pair.contains(&seat) && other != lost && basket.contains(&other)
            })
        };
        let away = |seat: usize| (seats[seat].x - seats[lost].x).pow(2) + (seats[seat].y - seats[lost].y).pow(2);
        let score = |seat: usize| (seats[seat].accessible != seats[lost].accessible, !beside(seat), away(seat));
        let equal = |seat: &usize| {
            house.free[*seat] && !basket.contains(seat) && seats[*seat].category == seats[lost].category
        };
        let found = alternative(&house.plan, |seat| house.free[seat], lost, &basket);
        prop_assert!(found.iter().all(equal));
        let least = (0..seats.len()).filter(equal).map(score).min();
        prop_assert_eq!(found.map(score), least);
    }
}

#[test]
fn the_dearest_are_the_best_where_prices_are_known() {
    let row = |category: u16| (vec![(category, false, true); 6], None, Listing::Forward);
    let house = build(vec![(vec![row(0), row(1), row(2)], false)], None);
    let wish = Wish { count: 2, ..Wish::default() };
    assert_eq!(Rows::of(&house.plan).best(|_| true, &wish), Some(vec![2, 3]));
    assert_eq!(Rows::priced(&house.plan, &[100, 300, 200]).best(|_| true, &wish), Some(vec![8, 9]));
    let level = Wish { category: Some("C".to_owned()), ..wish.clone() };
    assert_eq!(Rows::priced(&house.plan, &[100, 300, 200]).best(|_| true, &level), Some(vec![14, 15]));
    // Equal prices are one level: the foremost row decides.
    assert_eq!(Rows::priced(&house.plan, &[100, 300, 300]).best(|_| true, &wish), Some(vec![8, 9]));
    assert_eq!(Rows::of(&house.plan).best(|_| true, &Wish::default()), None);
}

#[test]
fn a_demo_house_gives_its_best_seats_before_the_stage() {
    let plan = demo::theatre();
    let ids: Vec<_> = plan.seats().map(|at| at.seat.id.to_string()).collect();
    let found = best(&plan, |_| true, &Wish { count: 2, ..Wish::default() }).unwrap();
    let found: Vec<_> = found.into_iter().map(|seat| ids[seat].as_str()).collect();
    // The dear rows begin with the third, of eleven seats.
    assert_eq!(found, ["A-3-5", "A-3-6"]);
    assert!(ids.iter().any(|id| id == "A-3-11") && !ids.iter().any(|id| id == "A-3-12"));
}

/// Every pair of neighbours in the demo houses stands as close as the seats of a row do.
#[test]
fn neighbours_stand_close_in_curved_rows_too() {
    for plan in [demo::theatre(), demo::arena()] {
        let rows = Rows::of(&plan);
        let seats: Vec<_> = plan.seats().collect();
        let mut alone = 0;
        for (index, at) in seats.iter().enumerate() {
            let neighbours = rows.neighbours(index);
            alone += usize::from(neighbours.is_empty());
            for other in neighbours {
                let other = seats[other];
                let away = (other.seat.x - at.seat.x).pow(2) + (other.seat.y - at.seat.y).pow(2);
                assert!(
                    std::ptr::eq(other.row, at.row) && away.isqrt() <= 45,
                    "{} {}",
                    at.seat.id,
                    other.seat.id
                );
            }
        }
        assert!(alone * 50 < seats.len(), "{alone} of {} seats have no neighbour", seats.len());
    }
}

/// 80,000 seats: a pick asks about each seat once at the most, and about few where many are free.
#[test]
fn a_pick_is_linear() {
    let row = |_| (vec![(0, false, true); 40], None, Listing::Forward);
    let sections = (0..50).map(|_| ((0..40).map(row).collect(), false)).collect();
    let house = build(sections, Some(Point { x: 400, y: -100 }));
    let rows = Rows::of(&house.plan);
    let seats = rows.seat_count();
    assert_eq!(seats, 80_000);
    let asked = Cell::new(0_usize);
    let wish = Wish { count: 4, ..Wish::default() };
    let pick = |is_free: &dyn Fn(usize) -> bool| {
        asked.set(0);
        let ask = |seat| {
            asked.set(asked.get() + 1);
            is_free(seat)
        };
        (rows.best(ask, &wish).is_some(), asked.get())
    };
    assert_eq!(pick(&|_| false), (false, seats));
    assert_eq!(pick(&|seat| seat % 4 != 0), (false, seats));
    let (found, asked) = pick(&|_| true);
    assert!(found && asked < 1_000, "{asked}");
}
