//! Venues of our own making, to rehearse a sale with: a theatre and an arena.

mod arena;
mod stretch;
mod theatre;

use super::{Area, Category, Point, Row, Seat, SeatingPlan, Shape, Size};
use crate::money::Currency;

pub use arena::plan as arena;
pub use theatre::plan as theatre;

/// A plan with what an event there needs to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoVenue {
    /// Where the seats are.
    pub plan: SeatingPlan,
    /// The house.
    pub venue_name: &'static str,
    /// The town.
    pub city: &'static str,
    /// Each category of the plan with its price, in minor units of [`DemoVenue::CURRENCY`].
    pub prices: Vec<(&'static str, i64)>,
}

impl DemoVenue {
    /// What the prices are in.
    pub const CURRENCY: Currency = Currency::EUR;

    /// A playhouse of about 1,200 seats.
    #[must_use]
    pub fn theatre() -> Self {
        Self {
            plan: theatre(),
            venue_name: "Kingfisher Theatre",
            city: "Rotterdam",
            prices: priced(&theatre::CATEGORIES),
        }
    }

    /// A hall of about 18,000 seats, set up for a concert.
    #[must_use]
    pub fn arena() -> Self {
        Self {
            plan: arena(),
            venue_name: "Meridian Arena",
            city: "Vienna",
            prices: priced(&arena::CATEGORIES),
        }
    }
}

/// A category of a demo venue. Colours are Okabe and Ito's, which colour-blind people can tell apart.
struct Priced {
    name: &'static str,
    color: &'static str,
    /// EUR cents.
    price: i64,
}

fn priced(categories: &[Priced]) -> Vec<(&'static str, i64)> {
    categories.iter().map(|category| (category.name, category.price)).collect()
}

fn listed(categories: &[Priced]) -> Vec<Category> {
    let listed = categories.iter().map(|c| Category { name: c.name.to_owned(), color: c.color.to_owned() });
    listed.collect()
}

/// What all seats of a row have in common.
#[derive(Clone, Copy)]
struct Fit {
    category: u16,
    accessible: bool,
}

/// Row `number` of the section `code`: a seat at each numbered place, named `code-row-seat`.
fn row(code: &str, number: u32, fit: Fit, places: impl Iterator<Item = (u32, Point)>) -> Row {
    let seats = places.filter_map(|(seat, Point { x, y })| {
        // Ids composed here are short and plain, so none is ever left out.
        let id = format!("{code}-{number}-{seat}").parse().ok()?;
        Some(Seat { id, number: seat.to_string(), x, y, category: fit.category, accessible: fit.accessible })
    });
    Row { label: number.to_string(), seats: seats.collect() }
}

fn labelled(shape: Shape, label: &str) -> Area {
    Area { shape, label: Some(label.to_owned()) }
}

fn rectangle(corner: Point, width: i32, height: i32) -> Shape {
    Shape::Rectangle { corner, size: Size { width, height } }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::seating::{parse, to_pretix_json};

    fn check(venue: &DemoVenue, seats: std::ops::RangeInclusive<usize>) {
        let plan = &venue.plan;
        assert!(seats.contains(&plan.seat_count()), "{} seats", plan.seat_count());
        assert_eq!(plan.seats().count(), plan.seat_count());

        let ids: HashSet<_> = plan.seats().map(|at| &at.seat.id).collect();
        assert_eq!(ids.len(), plan.seat_count(), "every id is one seat's");
        let places: HashSet<_> = plan.seats().map(|at| (at.seat.x, at.seat.y)).collect();
        assert_eq!(places.len(), plan.seat_count(), "every place is one seat's");

        let used: HashSet<_> = plan.seats().map(|at| at.seat.category).collect();
        assert_eq!(used.len(), plan.categories.len(), "every category has a seat");
        let names: Vec<_> = plan.categories.iter().map(|category| category.name.as_str()).collect();
        let priced: Vec<_> = venue.prices.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, priced, "every category has a price");
        assert!(venue.prices.iter().all(|(_, cents)| *cents > 0));

        let accessible = plan.seats().filter(|at| at.seat.accessible).count();
        assert!(accessible * 200 >= plan.seat_count(), "{accessible} wheelchair places");
        let on_sheet =
            |x: i32, y: i32| (0..=plan.size.width).contains(&x) && (0..=plan.size.height).contains(&y);
        assert!(plan.seats().all(|at| on_sheet(at.seat.x, at.seat.y)), "every seat is on the sheet");
        assert_eq!(parse(to_pretix_json(plan).to_string().as_bytes()).as_ref(), Ok(plan));
    }

    /// The smallest distance of two seats, in plan units: seats must not overlap.
    fn closest(plan: &SeatingPlan) -> i32 {
        let mut seats: Vec<_> = plan.seats().map(|at| (at.seat.x, at.seat.y)).collect();
        seats.sort_unstable();
        let mut closest = i32::MAX;
        for (i, a) in seats.iter().enumerate() {
            for b in seats[i + 1..].iter().take_while(|b| b.0 - a.0 < 30) {
                closest = closest.min((b.0 - a.0).pow(2) + (b.1 - a.1).pow(2));
            }
        }
        closest.isqrt()
    }

    #[test]
    fn the_theatre_is_a_house_of_twelve_hundred() {
        let venue = DemoVenue::theatre();
        check(&venue, 1_150..=1_300);
        assert!(closest(&venue.plan) >= 22, "{}", closest(&venue.plan));
        let found = venue.plan.seats().find(|at| at.seat.id.as_str() == "A-12-7");
        let found =
            found.map(|at| (at.section.name.as_str(), at.row.label.as_str(), at.seat.number.as_str()));
        assert_eq!(found, Some(("Stalls Centre", "12", "7")));
    }

    #[test]
    fn the_arena_is_a_house_of_eighteen_thousand() {
        let venue = DemoVenue::arena();
        check(&venue, 17_000..=19_000);
        assert!(closest(&venue.plan) >= 18, "{}", closest(&venue.plan));
    }

    #[test]
    fn the_demo_plans_are_the_same_each_time() {
        assert_eq!(theatre(), theatre());
        assert_eq!(arena(), arena());
    }
}
