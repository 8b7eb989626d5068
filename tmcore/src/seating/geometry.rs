//! A plan as it is drawn: where every seat is, what each section takes up, and which way the audience looks.

use std::ops::Range;

use super::area::corners_of_ellipse;
use super::{Area, Point, SeatingPlan, Shape};

/// What areas that the audience looks at are called, in lower case, in the languages plans come in.
const FRONTS: [&str; 20] = [
    "stage",
    "bühne",
    "buehne",
    "scène",
    "scene",
    "escenario",
    "palco",
    "podium",
    "toneel",
    "scena",
    "сцена",
    "поле",
    "pitch",
    "field",
    "spielfeld",
    "screen",
    "leinwand",
    "court",
    "ring",
    "rink",
];

/// What areas that the audience comes in by are called, likewise.
const ENTRANCES: [&str; 17] = [
    "gate", "gates", "entrance", "entry", "door", "eingang", "einlass", "tor", "entrée", "entree", "porte",
    "entrada", "puerta", "ingresso", "ingang", "вход", "вхід",
];

/// An upright rectangle, its edges included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Top left.
    pub min: Point,
    /// Bottom right.
    pub max: Point,
}

/// A plan in numbers: seats by seat index, sections by their place in [`SeatingPlan::sections`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Around all seats and areas. A plan's [`size`](SeatingPlan::size) need not hold them all.
    pub bounds: Bounds,
    /// Where each seat is, by seat index.
    pub seats: Vec<Point>,
    /// The sections, in order.
    pub sections: Vec<SectionGeometry>,
}

/// What a section takes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionGeometry {
    /// Around its seats.
    pub bounds: Bounds,
    /// Its seats, as seat indexes.
    pub seats: Range<usize>,
    /// Its rows in order, as seat indexes.
    pub rows: Vec<Range<usize>>,
}

impl Bounds {
    /// Around some points; nothing around none.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = Point>) -> Option<Self> {
        points.into_iter().map(|point| Self { min: point, max: point }).reduce(Self::join)
    }

    /// Around both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let min = Point { x: self.min.x.min(other.min.x), y: self.min.y.min(other.min.y) };
        let max = Point { x: self.max.x.max(other.max.x), y: self.max.y.max(other.max.y) };
        Self { min, max }
    }

    /// Plan units from the left edge to the right one.
    #[must_use]
    pub const fn width(&self) -> i32 {
        self.max.x.saturating_sub(self.min.x)
    }

    /// Plan units from the upper edge to the lower one.
    #[must_use]
    pub const fn height(&self) -> i32 {
        self.max.y.saturating_sub(self.min.y)
    }

    /// The point in the middle, rounded towards the upper left.
    #[must_use]
    pub const fn middle(&self) -> Point {
        Point { x: midpoint(self.min.x, self.max.x), y: midpoint(self.min.y, self.max.y) }
    }

    /// Whether a point is inside or on an edge.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        (self.min.x..=self.max.x).contains(&point.x) && (self.min.y..=self.max.y).contains(&point.y)
    }
}

const fn midpoint(a: i32, b: i32) -> i32 {
    a.saturating_add(b.saturating_sub(a) / 2)
}

impl Point {
    /// The square of the distance, in plan units squared: exact, where the distance would be rounded.
    #[must_use]
    pub const fn distance_squared(self, other: Self) -> u64 {
        let (x, y) = (self.x.abs_diff(other.x) as u64, self.y.abs_diff(other.y) as u64);
        x.saturating_mul(x).saturating_add(y.saturating_mul(y))
    }
}

impl Shape {
    /// Its corners in order; round ones as polygons of 32 corners, the place of a mere text as one point.
    #[must_use]
    pub fn outline(&self) -> Vec<Point> {
        match self {
            Self::Polygon { points } => points.clone(),
            Self::Rectangle { corner: Point { x, y }, size } => {
                let (right, bottom) = (x.saturating_add(size.width), y.saturating_add(size.height));
                [(*x, *y), (right, *y), (right, bottom), (*x, bottom)].map(|(x, y)| Point { x, y }).to_vec()
            }
            Self::Circle { center, radius } => corners_of_ellipse(*center, *radius, *radius),
            Self::Ellipse { center, radius_x, radius_y } => corners_of_ellipse(*center, *radius_x, *radius_y),
            Self::Text { at } => vec![*at],
        }
    }

    /// What it takes up; nothing for a polygon without corners.
    #[must_use]
    pub fn bounds(&self) -> Option<Bounds> {
        Bounds::around(self.outline())
    }
}

impl Area {
    fn says(&self, words: &[&str]) -> bool {
        let label = self.label.as_deref().unwrap_or_default().to_lowercase();
        label.split(|c: char| !c.is_alphabetic()).any(|word| words.contains(&word))
    }
}

impl SeatingPlan {
    /// What the audience looks at: the area whose label says so, else the only one there is.
    #[must_use]
    pub fn front(&self) -> Option<&Area> {
        self.areas.iter().find(|area| area.says(&FRONTS)).or(match self.areas.as_slice() {
            [only] => Some(only),
            _ => None,
        })
    }

    /// The entrance nearest to a place, as the crow flies: of the areas whose labels say that they are one. A plan
    /// need not draw any.
    #[must_use]
    pub fn entrance(&self, to: Point) -> Option<&Area> {
        let entrances = self.areas.iter().filter(|area| area.says(&ENTRANCES));
        entrances.min_by_key(|area| area.shape.middle().distance_squared(to))
    }
}

impl Geometry {
    /// Reads it off a plan. The bounds of a plan without seats and areas are its sheet's.
    #[must_use]
    pub fn of(plan: &SeatingPlan) -> Self {
        let seats: Vec<_> = plan.seats().map(|at| Point { x: at.seat.x, y: at.seat.y }).collect();
        let mut next = 0;
        let mut sections = Vec::with_capacity(plan.sections.len());
        let origin = Point { x: 0, y: 0 };
        for section in &plan.sections {
            let first = next;
            let rows = section.rows.iter().map(|row| {
                let start = next;
                next += row.seats.len();
                start..next
            });
            let rows = rows.collect();
            let around = Bounds::around(seats.iter().skip(first).take(next - first).copied());
            let bounds = around.unwrap_or(Bounds { min: origin, max: origin });
            sections.push(SectionGeometry { bounds, seats: first..next, rows });
        }
        let areas = plan.areas.iter().filter_map(|area| area.shape.bounds());
        let all = Bounds::around(seats.iter().copied()).into_iter().chain(areas).reduce(Bounds::join);
        let sheet = Bounds { min: origin, max: Point { x: plan.size.width, y: plan.size.height } };
        Self { bounds: all.unwrap_or(sheet), seats, sections }
    }

    /// The section a seat is in.
    #[must_use]
    pub fn section_of(&self, seat: usize) -> Option<usize> {
        let section = self.sections.partition_point(|section| section.seats.end <= seat);
        (section < self.sections.len()).then_some(section)
    }

    /// The seats of the row a seat is in, as seat indexes.
    #[must_use]
    pub fn row_of(&self, seat: usize) -> Option<Range<usize>> {
        let rows = &self.sections.get(self.section_of(seat)?)?.rows;
        rows.get(rows.partition_point(|row| row.end <= seat)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seating::{Size, demo};

    const fn at(x: i32, y: i32) -> Point {
        Point { x, y }
    }

    #[test]
    fn every_seat_is_found_in_its_section_and_row_and_inside_of_their_bounds() {
        for plan in [demo::theatre(), demo::arena()] {
            let geometry = Geometry::of(&plan);
            assert_eq!(geometry.seats.len(), plan.seat_count());
            for (index, seat) in plan.seats().enumerate() {
                let section = geometry.section_of(index);
                assert_eq!(section, Some(seat.section_index));
                let place = geometry.seats[index];
                assert_eq!((place.x, place.y), (seat.seat.x, seat.seat.y));
                assert!(geometry.sections[seat.section_index].bounds.contains(place));
                assert!(geometry.bounds.contains(place));
                let row = geometry.row_of(index).unwrap();
                assert!(row.contains(&index) && row.len() == seat.row.seats.len());
                assert_eq!(
                    plan.seats().nth(row.start).map(|first| &first.seat.id),
                    seat.row.seats.first().map(|s| &s.id)
                );
            }
            assert_eq!((geometry.section_of(plan.seat_count()), geometry.row_of(usize::MAX)), (None, None));
            let stage = plan.front().and_then(|area| area.label.as_deref());
            assert_eq!(stage, Some("Stage"));
        }
    }

    /// What is drawn may come from another program: its numbers are any.
    #[test]
    fn an_area_at_the_end_of_all_numbers_is_drawn_and_written() {
        let mut plan = demo::theatre();
        let size = Size { width: i32::MAX, height: i32::MAX };
        for far in [at(i32::MAX, i32::MIN), at(i32::MIN, i32::MAX)] {
            let shapes = [
                Shape::Rectangle { corner: far, size },
                Shape::Rectangle { corner: at(i32::MAX, i32::MAX), size },
                Shape::Circle { center: far, radius: i32::MAX },
                Shape::Ellipse { center: far, radius_x: i32::MIN, radius_y: i32::MAX },
                Shape::Polygon { points: vec![far, at(far.y, far.x)] },
                Shape::Text { at: far },
            ];
            plan.areas = shapes.map(|shape| Area { shape, label: Some("Gate".to_owned()) }).to_vec();
            let geometry = Geometry::of(&plan);
            assert!(geometry.bounds.contains(far));
            for area in &plan.areas {
                assert!(geometry.bounds.contains(area.shape.middle()), "{area:?}");
            }
            assert!(plan.entrance(geometry.bounds.min).is_some());
            let areas = crate::seating::to_pretix_json(&plan)["zones"][0]["areas"].as_array().map(Vec::len);
            assert_eq!(areas, Some(plan.areas.len()));
        }
    }

    #[test]
    fn shapes_keep_within_their_bounds() {
        let circle = Shape::Circle { center: at(10, -5), radius: 20 };
        assert_eq!(circle.bounds(), Some(Bounds { min: at(-10, -25), max: at(30, 15) }));
        assert_eq!(circle.outline().len(), 32);
        let box_ = Shape::Rectangle { corner: at(1, 2), size: Size { width: 3, height: 4 } };
        assert_eq!(box_.outline(), [at(1, 2), at(4, 2), at(4, 6), at(1, 6)]);
        let bounds = box_.bounds().unwrap();
        assert_eq!((bounds.width(), bounds.height(), bounds.middle()), (3, 4, at(2, 4)));
        assert!(bounds.contains(at(4, 6)) && !bounds.contains(at(5, 6)));
        assert_eq!(Shape::Polygon { points: vec![] }.bounds(), None);
    }

    #[test]
    fn the_entrance_is_the_nearest_that_says_it_is_one() {
        let area =
            |label: &str, x: i32| Area { shape: Shape::Text { at: at(x, 0) }, label: Some(label.to_owned()) };
        let areas = vec![area("Bar", 50), area("Gate 7", 100), area("Eingang Ost", 400), area("Stage", 90)];
        let plan = SeatingPlan { areas, ..demo::theatre() };
        let entrance = |x| plan.entrance(at(x, 20)).and_then(|area| area.label.as_deref());
        assert_eq!((entrance(0), entrance(249)), (Some("Gate 7"), Some("Gate 7")));
        assert_eq!(entrance(251), Some("Eingang Ost"));
        assert_eq!(SeatingPlan { areas: vec![area("Stage", 0)], ..demo::theatre() }.entrance(at(0, 0)), None);
    }

    #[test]
    fn the_front_is_what_its_label_says_or_what_stands_alone() {
        let area = |label: Option<&str>| Area {
            shape: Shape::Text { at: at(0, 0) },
            label: label.map(str::to_owned),
        };
        let front = |areas: &[Area]| {
            let plan = SeatingPlan { areas: areas.to_vec(), ..demo::theatre() };
            plan.front().map(|area| area.label.clone().unwrap_or_default())
        };
        assert_eq!(
            front(&[area(Some("Bar")), area(Some("MAIN STAGE (open)"))]).as_deref(),
            Some("MAIN STAGE (open)")
        );
        assert_eq!(front(&[area(Some("Backstage")), area(Some("Die Bühne"))]).as_deref(), Some("Die Bühne"));
        assert_eq!(front(&[area(None)]).as_deref(), Some(""));
        assert_eq!(front(&[area(Some("Bar")), area(None)]), None);
        assert_eq!(front(&[]), None);
    }
}
