//! Reading and checking a seating-plan document.

use std::collections::hash_map::{Entry, HashMap};

use super::document::{self, Document, Position};
use super::refusal::{Place, clipped};
use super::{
    Category, MAX_AREAS, MAX_CATEGORIES, MAX_COORDINATE, MAX_LABEL_CHARS, MAX_NAME_CHARS, MAX_PLAN_BYTES,
    MAX_SEATS, MAX_SECTIONS, PlanError, PlanFault, Row, Seat, SeatingPlan, Section, Size, area,
};
use crate::SeatId;
use crate::text::is_control;

/// The colour of a category that names none.
const DEFAULT_COLOR: &str = "#808080";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a plan from the seating-plan JSON of pretix.
///
/// Positions of zone, row and seat are added up and rounded. Zones and rows without a seat are left out, their areas
/// kept. A second zone of one name becomes `Name (2)`; one without a name goes by its `zone_id` or by its place in
/// the document. Fields that are not known are passed over; `accessible` (boolean) of a seat is an addition of ours.
///
/// # Errors
/// The first fault met, and where it is. The shape of the whole document is judged before the sense of any part.
pub fn parse(json: &[u8]) -> Result<SeatingPlan, PlanError> {
    assemble(read_document(json)?)
}

/// Reads a plan that arrived inside of another document, which has been read: faults are named by their place alone.
///
/// # Errors
/// As [`parse`].
pub fn parse_value(json: &serde_json::Value) -> Result<SeatingPlan, PlanError> {
    assemble(serde_path_to_error::deserialize(json).map_err(|error| refusal_of_shape(&error))?)
}

#[allow(clippy::needless_pass_by_value, reason = "taken apart part by part")]
fn assemble(document: Document) -> Result<SeatingPlan, PlanError> {
    let size = read_size(&document.size)?;
    let name = read_name(&document.name, &Place::top("name"))?;
    let categories = read_categories(&document.categories)?;
    if document.zones.len() > MAX_SECTIONS {
        return Err(Place::top("zones").refuse(PlanFault::TooMany { what: "zones", max: MAX_SECTIONS }));
    }
    let mut survey = Survey::new(&categories);
    let mut sections = Vec::with_capacity(document.zones.len());
    let mut areas = Vec::new();
    for (index, zone) in document.zones.iter().enumerate() {
        let place = Place::top_item("zones", index);
        let origin = Origin::default().plus(zone.position, &place.field("position"))?;
        for (index, drawn) in zone.areas.iter().enumerate() {
            let place = place.item("areas", index);
            if areas.len() == MAX_AREAS {
                return Err(place.refuse(PlanFault::TooMany { what: "areas", max: MAX_AREAS }));
            }
            areas.extend(area::read(drawn, origin, &place)?);
        }
        sections.extend(survey.section(index, zone, origin)?);
    }
    if sections.is_empty() {
        return Err(Place::top("zones").refuse(PlanFault::NoSeats));
    }
    Ok(SeatingPlan { name, size, categories, sections, areas })
}

fn read_document(json: &[u8]) -> Result<Document, PlanError> {
    let whole = |fault| PlanError { place: String::new(), fault };
    if json.len() > MAX_PLAN_BYTES {
        return Err(whole(PlanFault::TooLarge { max_bytes: MAX_PLAN_BYTES }));
    }
    if json.starts_with(BYTE_ORDER_MARK) {
        let reason = "the document starts with a byte order mark".to_owned();
        return Err(whole(PlanFault::NotJson { line: 1, column: 1, reason }));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| refusal_of_shape(&error))?;
    reader.end().map_err(|error| refusal_of_reader("", &error))?;
    Ok(document)
}

fn refusal_of_shape(error: &serde_path_to_error::Error<serde_json::Error>) -> PlanError {
    // A path may run through fields that are not known, whose names nobody has looked at.
    let place = clipped(&error.path().to_string());
    refusal_of_reader(if place == "." { "" } else { &place }, error.inner())
}

/// What the JSON reader says, in our terms.
fn refusal_of_reader(place: &str, error: &serde_json::Error) -> PlanError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let reason = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    // The reader places a missing field at its owner; the field itself is what somebody has to write.
    if let Some(field) = reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let dot = if place.is_empty() { "" } else { "." };
        return PlanError { place: format!("{place}{dot}{field}"), fault: PlanFault::Missing };
    }
    let reason = clipped(reason);
    let fault = if error.is_data() {
        PlanFault::WrongType { line, column, reason }
    } else {
        PlanFault::NotJson { line, column, reason }
    };
    PlanError { place: place.to_owned(), fault }
}

fn read_size(size: &document::Extent) -> Result<Size, PlanError> {
    let place = Place::top("size");
    let width = read_length(size.width, &place.field("width"))?;
    let height = read_length(size.height, &place.field("height"))?;
    Ok(Size { width, height })
}

fn read_categories(categories: &[document::Category]) -> Result<Vec<Category>, PlanError> {
    if categories.len() > MAX_CATEGORIES {
        let fault = PlanFault::TooMany { what: "categories", max: MAX_CATEGORIES };
        return Err(Place::top("categories").refuse(fault));
    }
    let mut met = HashMap::with_capacity(categories.len());
    let read = categories.iter().enumerate().map(|(index, category)| {
        let place = Place::top_item("categories", index);
        let name = read_name(&category.name, &place.field("name"))?;
        if let Some(first) = met.insert(&category.name, index) {
            let first = Place::top_item("categories", first).to_string();
            return Err(place.field("name").refuse(PlanFault::DuplicateCategory { name, first }));
        }
        let color = category.color.as_deref().unwrap_or(DEFAULT_COLOR);
        let color = read_text(color, MAX_LABEL_CHARS, &place.field("color"))?;
        Ok(Category { name, color })
    });
    read.collect()
}

/// What is remembered from one zone to the next.
struct Survey<'c> {
    categories: &'c [Category],
    category_index: HashMap<&'c str, u16>,
    /// Where each seat was met first: zone, row, seat.
    seats: HashMap<SeatId, [usize; 3]>,
    /// Section names in use, and the number that a next one of the name tries first.
    names: HashMap<String, u32>,
}

impl<'c> Survey<'c> {
    fn new(categories: &'c [Category]) -> Self {
        let names = categories.iter().map(|category| category.name.as_str());
        Self {
            categories,
            category_index: names.zip(0..).collect(),
            seats: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// The section a zone makes; none when nobody can sit there.
    fn section(
        &mut self,
        index: usize,
        zone: &document::Zone,
        origin: Origin,
    ) -> Result<Option<Section>, PlanError> {
        let place = Place::top_item("zones", index);
        let seated = zone.rows.iter().filter(|row| !row.seats.is_empty()).count();
        if seated == 0 {
            return Ok(None);
        }
        let name = self.section_name(index, zone, &place)?;
        let mut rows = Vec::with_capacity(seated);
        for (row_index, row) in zone.rows.iter().enumerate().filter(|(_, row)| !row.seats.is_empty()) {
            let place = place.item("rows", row_index);
            let label = read_row_label(row, seated == 1, &place)?;
            let origin = origin.plus(row.position, &place.field("position"))?;
            let seats = row.seats.iter().enumerate();
            let seats = seats.map(|(i, seat)| self.seat([index, row_index, i], seat, origin));
            rows.push(Row { label, seats: seats.collect::<Result<_, _>>()? });
        }
        Ok(Some(Section { name, rows }))
    }

    fn section_name(
        &mut self,
        index: usize,
        zone: &document::Zone,
        place: &Place,
    ) -> Result<String, PlanError> {
        let given = [("name", &zone.name), ("zone_id", &zone.zone_id)].into_iter();
        let given = given.filter_map(|(field, text)| Some((field, text.as_deref()?)));
        let (field, name) = match given.clone().find(|(_, text)| !is_blank(text)) {
            Some((field, text)) => (field, read_name(text, &place.field(field))?),
            None => ("name", format!("Section {}", index + 1)),
        };
        let name = self.unused_name(name);
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(place.field(field).refuse(PlanFault::TooLong { max_chars: MAX_NAME_CHARS }));
        }
        Ok(name)
    }

    fn unused_name(&mut self, name: String) -> String {
        let Some(&next) = self.names.get(&name) else {
            self.names.insert(name.clone(), 2);
            return name;
        };
        let mut number = next;
        let mut numbered = format!("{name} ({number})");
        while self.names.contains_key(&numbered) {
            number += 1;
            numbered = format!("{name} ({number})");
        }
        self.names.insert(name, number + 1);
        self.names.insert(numbered.clone(), 2);
        numbered
    }

    fn seat(&mut self, at: [usize; 3], seat: &document::Seat, origin: Origin) -> Result<Seat, PlanError> {
        with_seat_place(at, |place| {
            let id = self.seat_id(at, &seat.seat_guid, &place.field("seat_guid"))?;
            let number = read_label(&seat.seat_number, &place.field("seat_number"))?;
            let (x, y) = origin.plus(seat.position, &place.field("position"))?.rounded();
            let category = self.category(&seat.category, &place.field("category"))?;
            Ok(Seat { id, number, x, y, category, accessible: seat.accessible })
        })
    }

    fn seat_id(&mut self, at: [usize; 3], guid: &str, place: &Place) -> Result<SeatId, PlanError> {
        let id: SeatId = guid.parse().map_err(|error| place.refuse(PlanFault::BadId(error)))?;
        read_text(guid, SeatId::MAX_CHARS, place)?;
        if self.seats.len() == MAX_SEATS {
            return Err(place.refuse(PlanFault::TooMany { what: "seats", max: MAX_SEATS }));
        }
        match self.seats.entry(id.clone()) {
            Entry::Vacant(entry) => entry.insert(at),
            Entry::Occupied(entry) => {
                let first = with_seat_place(*entry.get(), |place| place.field("seat_guid").to_string());
                return Err(place.refuse(PlanFault::DuplicateSeat { id, first }));
            }
        };
        Ok(id)
    }

    fn category(&self, name: &str, place: &Place) -> Result<u16, PlanError> {
        self.category_index.get(name).copied().ok_or_else(|| {
            let known = self.categories.iter().map(|category| category.name.clone()).collect();
            place.refuse(PlanFault::UnknownCategory { name: clipped(name), known })
        })
    }
}

fn with_seat_place<T>([zone, row, seat]: [usize; 3], body: impl FnOnce(&Place) -> T) -> T {
    let zone = Place::top_item("zones", zone);
    let row = zone.item("rows", row);
    body(&row.item("seats", seat))
}

/// `row_number`, or `row_label` where it is a label of its own and not a pattern around the number.
fn read_row_label(row: &document::Row, single: bool, place: &Place) -> Result<String, PlanError> {
    let number = row.row_number.as_deref().map(|text| ("row_number", text));
    let label = row.row_label.as_deref().filter(|text| !text.contains("%s")).map(|text| ("row_label", text));
    match [number, label].into_iter().flatten().find(|(_, text)| !is_blank(text)) {
        Some((field, text)) => read_label(text, &place.field(field)),
        None if single => Ok(String::new()),
        None => Err(place.field("row_number").refuse(PlanFault::RowUnnamed)),
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn read_name(text: &str, place: &Place) -> Result<String, PlanError> {
    if is_blank(text) { Err(place.refuse(PlanFault::Blank)) } else { read_text(text, MAX_NAME_CHARS, place) }
}

fn read_label(text: &str, place: &Place) -> Result<String, PlanError> {
    if is_blank(text) { Err(place.refuse(PlanFault::Blank)) } else { read_text(text, MAX_LABEL_CHARS, place) }
}

/// A text that fits its limit and only shows itself.
pub(super) fn read_text(text: &str, max_chars: usize, place: &Place) -> Result<String, PlanError> {
    if text.len() > max_chars && text.chars().count() > max_chars {
        return Err(place.refuse(PlanFault::TooLong { max_chars }));
    }
    match text.chars().find(|c| is_control(*c)) {
        Some(c) => Err(place.refuse(PlanFault::ControlCharacter { code: u32::from(c) })),
        None => Ok(text.to_owned()),
    }
}

/// A length of at least 1 plan unit.
pub(super) fn read_length(value: f64, place: &Place) -> Result<i32, PlanError> {
    let length = rounded(value);
    if (1..=MAX_COORDINATE).contains(&length) {
        Ok(length)
    } else {
        Err(place.refuse(PlanFault::OutOfRange { min: 1, max: MAX_COORDINATE }))
    }
}

/// A point of the plan before rounding, never further out than [`MAX_COORDINATE`].
#[derive(Clone, Copy, Default)]
pub(super) struct Origin {
    x: f64,
    y: f64,
}

impl Origin {
    /// The point that lies at `position` from here.
    pub(super) fn plus(self, position: Position, place: &Place) -> Result<Self, PlanError> {
        let sum = |from: f64, by: f64, axis| {
            let limit = f64::from(MAX_COORDINATE);
            let fault = PlanFault::OutOfRange { min: -MAX_COORDINATE, max: MAX_COORDINATE };
            if (-limit..=limit).contains(&(from + by)) {
                Ok(from + by)
            } else {
                Err(place.field(axis).refuse(fault))
            }
        };
        Ok(Self { x: sum(self.x, position.x, "x")?, y: sum(self.y, position.y, "y")? })
    }

    pub(super) fn rounded(self) -> (i32, i32) {
        (rounded(self.x), rounded(self.y))
    }
}

/// The nearest whole number, half away from zero; the nearer end for what is past 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and `as` saturates")]
pub(super) fn rounded(value: f64) -> i32 {
    value.round() as i32
}
