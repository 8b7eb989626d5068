//! The way through a house: which section, which seat, what is looked for.

use ratatui::layout::Rect;

use super::stock::Stock;
use crate::house::House;
use crate::house::raster::Raster;
use crate::house::sheet::Sheet;
use crate::layout;

/// Where somebody is in a house.
#[derive(Debug, Default)]
pub struct Walk {
    /// The section the cursor is on.
    pub block: usize,
    /// The seat the cursor is on, once in a section.
    pub seat: Option<usize>,
    /// The price level that is looked for.
    pub level: Option<u16>,
    /// How sections are sorted in the list.
    pub order: Order,
    /// How many seats are looked for together.
    pub party: Party,
    /// The upper left corner of what is seen of the section: column and line of its sheet.
    pub scroll: (u16, u16),
    /// What was measured for this size of the terminal.
    pub drawn: Drawn,
}

/// So many seats together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party(pub u8);

impl Default for Party {
    fn default() -> Self {
        Self(2)
    }
}

/// How sections are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As on the plan.
    #[default]
    Plan,
    /// The cheapest first.
    Price,
    /// Most free seats first.
    Free,
    /// By name.
    Name,
}

/// Drawings that are made once for a house and a size.
#[derive(Debug, Default)]
pub struct Drawn {
    /// The house.
    pub venue: Option<Raster>,
    /// The house, small.
    pub minimap: Option<Raster>,
    /// The section the cursor is on.
    pub sheet: Option<Sheet>,
    /// Which section that is.
    sheet_of: usize,
}

impl Order {
    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::Plan => Self::Price,
            Self::Price => Self::Free,
            Self::Free => Self::Name,
            Self::Name => Self::Plan,
        }
    }

    /// As it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Price => "price",
            Self::Free => "free",
            Self::Name => "name",
        }
    }
}

impl Walk {
    /// Measures the house for a size of the terminal.
    pub fn survey(&mut self, house: &House, size: (u16, u16)) {
        let map = layout::venue(size).map;
        self.drawn.venue = Some(Raster::new(house, map.width, map.height));
        let small = layout::minimap(size);
        self.drawn.minimap = Some(Raster::new(house, small.width, small.height));
        self.enter(house, self.block, size);
    }

    /// Goes to a section.
    pub fn enter(&mut self, house: &House, block: usize, size: (u16, u16)) {
        if self.drawn.sheet.is_none() || self.drawn.sheet_of != block {
            self.drawn.sheet = Some(Sheet::new(house, block));
            self.drawn.sheet_of = block;
        }
        self.block = block;
        let is_here = |seat: &usize| house.block_of(*seat) == block;
        let first = house
            .blocks
            .get(block)
            .map(|block| usize::midpoint(block.shape.seats.start, block.shape.seats.end));
        self.seat = self.seat.filter(is_here).or(first);
        self.keep_in_view(size);
    }

    /// Goes to a seat, wherever it is.
    pub fn go(&mut self, house: &House, seat: usize, size: (u16, u16)) {
        self.seat = Some(seat);
        self.enter(house, house.block_of(seat), size);
    }

    /// Scrolls as little as possible for the cursor to be seen, a few seats away from the edge.
    pub fn keep_in_view(&mut self, size: (u16, u16)) {
        let Some(sheet) = &self.drawn.sheet else { return };
        let map = layout::seats(size).map;
        let Some((column, line)) = self.seat.and_then(|seat| sheet.slot(seat)) else { return };
        self.scroll = (
            scrolled(self.scroll.0, column, (map.width, sheet.width), 8),
            scrolled(self.scroll.1, line, (map.height, sheet.height), 3),
        );
    }

    /// The column and line of the sheet that is drawn in the corner of a map; negative where a small sheet stands in the
    /// middle of it.
    pub fn origin(&self, map: Rect) -> (i32, i32) {
        let Some(sheet) = &self.drawn.sheet else { return (0, 0) };
        let at = |scroll: u16, seen: u16, all: u16| match seen.checked_sub(all) {
            Some(spare) => -i32::from(spare / 2),
            None => i32::from(scroll),
        };
        (at(self.scroll.0, map.width, sheet.width), at(self.scroll.1, map.height, sheet.height))
    }

    /// The same where a seat is a dot: half as wide and half as high. Columns of dots, lines of the sheet.
    pub fn dots(&self, map: Rect) -> (i32, i32) {
        let Some(sheet) = &self.drawn.sheet else { return (0, 0) };
        let at = |scroll: u16, seen: u16, all: u16| match seen.checked_sub(all) {
            Some(spare) => -i32::from(spare / 2),
            None => i32::from(scroll.min(all - seen)),
        };
        let column = at(self.scroll.0 / 2, map.width, sheet.width.div_ceil(2));
        // Lines come in pairs, so that a seat does not jump between the halves of a cell.
        (column, at(self.scroll.1, map.height * 2, sheet.height) / 2 * 2)
    }

    /// Moves what is seen by so many columns and lines of the screen; a cell of `dots` is two of the sheet's.
    pub fn pan(&mut self, by: (i32, i32), size: (u16, u16), dots: bool) {
        let Some(sheet) = &self.drawn.sheet else { return };
        let cell = if dots { 2 } else { 1 };
        let map = layout::seats(size).map;
        let (map, by) = (
            Rect { width: map.width * cell, height: map.height * cell, ..map },
            (by.0 * i32::from(cell), by.1 * i32::from(cell)),
        );
        let to = |at: u16, by: i32, seen: u16, all: u16| {
            let furthest = i32::from(all.saturating_sub(seen));
            // Closer, more of a section is beyond the edge: what is seen counts, not where it was.
            u16::try_from((i32::from(at).min(furthest) + by).clamp(0, furthest)).unwrap_or(0)
        };
        self.scroll = (
            to(self.scroll.0, by.0, map.width, sheet.width),
            to(self.scroll.1, by.1, map.height, sheet.height),
        );
    }

    /// The sections as the list has them.
    pub fn sorted(&self, house: &House, stock: Option<&Stock>) -> Vec<usize> {
        let mut blocks: Vec<_> = (0..house.blocks.len()).collect();
        let price = |block: usize| {
            let level = stock.and_then(|stock| stock.cheapest(house, block));
            level.and_then(|level| house.levels.get(level)).map_or(i64::MAX, |level| level.price.amount)
        };
        let free = |block: usize| stock.map_or(0, |stock| stock.block(block, self.level).free);
        match self.order {
            Order::Plan => {}
            Order::Price => blocks.sort_by_key(|block| price(*block)),
            Order::Free => blocks.sort_by_key(|block| std::cmp::Reverse(free(*block))),
            Order::Name => blocks.sort_by(|a, b| house.block_name(*a).cmp(house.block_name(*b))),
        }
        blocks
    }
}

/// Where to scroll for a place to be seen `margin` away from the edge, beginning `at`.
fn scrolled(at: u16, to: u16, (seen, all): (u16, u16), margin: u16) -> u16 {
    if all <= seen {
        return 0;
    }
    let margin = margin.min(seen / 4);
    let least = (to + margin + 2).saturating_sub(seen);
    let most = to.saturating_sub(margin);
    at.clamp(least.min(most), most).min(all - seen)
}
