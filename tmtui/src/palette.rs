//! Colours and characters: every state has a glyph and a colour of its own, so that either alone tells it.

use clap::ValueEnum;
use ratatui::style::{Color, Modifier, Style};
use tmapi::client::SeatState;

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The colours of Okabe and Ito, which colour-blind people can tell apart, as the nearest of xterm's 256: a third of
    /// the bytes of true colour.
    OkabeIto,
    /// The terminal's own sixteen.
    #[value(name = "16")]
    Sixteen,
    /// None: bold, dim and reverse only.
    Mono,
}

/// What something on the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is read.
    Plain,
    /// What is read last.
    Faint,
    /// A heading.
    Title,
    /// A key to press.
    Key,
    /// The thing the cursor is on.
    Cursor,
    /// The buyer's own pick.
    Mine,
    /// It went well.
    Good,
    /// Have a look.
    Warn,
    /// It went wrong.
    Bad,
    /// A stage or a pitch.
    Stage,
    /// Nothing to be had.
    Gone,
    /// A bar that fills.
    Bar,
}

/// The palette in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Its colours.
    pub kind: Kind,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}

/// Orange, sky blue, bluish green, yellow, blue, vermillion, reddish purple (Okabe and Ito 2008), as indexes of
/// xterm's palette.
const OKABE_ITO: [u8; 7] = [214, 74, 36, 227, 32, 166, 175];
const SIXTEEN: [Color; 6] =
    [Color::Yellow, Color::Cyan, Color::Green, Color::Magenta, Color::Blue, Color::LightRed];

/// Which of the seven a colour of a plan is nearest to.
const TARGETS: [(u8, u8, u8); 7] = [
    (0xE6, 0x9F, 0x00),
    (0x56, 0xB4, 0xE9),
    (0x00, 0x9E, 0x73),
    (0xF0, 0xE4, 0x42),
    (0x00, 0x72, 0xB2),
    (0xD5, 0x5E, 0x00),
    (0xCC, 0x79, 0xA7),
];

impl Paint {
    /// How something is drawn.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reverse = plain.add_modifier(Modifier::REVERSED);
        match (role, self.kind) {
            (Role::Plain | Role::Bar, Kind::Mono) | (Role::Plain, _) => plain,
            (Role::Faint | Role::Gone, Kind::Mono | Kind::Sixteen) | (Role::Stage, Kind::Mono) => dim,
            (Role::Faint | Role::Gone, Kind::OkabeIto) => plain.fg(Color::Indexed(245)),
            (Role::Key | Role::Good | Role::Warn, Kind::Mono) | (Role::Title, _) => bold,
            (Role::Key, _) => bold.fg(self.pick(74, Color::Cyan)),
            (Role::Cursor, _) | (Role::Mine | Role::Bad, Kind::Mono) => reverse.add_modifier(Modifier::BOLD),
            (Role::Mine, Kind::OkabeIto) => bold.fg(Color::Indexed(16)).bg(Color::Indexed(227)),
            (Role::Mine, Kind::Sixteen) => bold.fg(Color::Black).bg(Color::Yellow),
            (Role::Good, _) => plain.fg(self.pick(36, Color::Green)),
            (Role::Warn, _) => plain.fg(self.pick(214, Color::Yellow)),
            (Role::Bad, _) => bold.fg(self.pick(166, Color::LightRed)),
            (Role::Stage, _) => plain.fg(Color::Black).bg(self.pick(250, Color::White)),
            (Role::Bar, _) => plain.fg(self.pick(74, Color::Cyan)),
        }
    }

    fn pick(self, indexed: u8, named: Color) -> Color {
        if self.kind == Kind::OkabeIto { Color::Indexed(indexed) } else { named }
    }

    /// The colour of a price level: the nearest to its colour on the plan, else by its place.
    pub fn level(self, place: usize, color: &str) -> Color {
        match self.kind {
            Kind::Mono => Color::Reset,
            Kind::Sixteen => SIXTEEN.get(place % SIXTEEN.len()).copied().unwrap_or(Color::Reset),
            Kind::OkabeIto => {
                let nearest = nearest(color).unwrap_or(place % OKABE_ITO.len());
                Color::Indexed(OKABE_ITO.get(nearest).copied().unwrap_or(252))
            }
        }
    }

    /// The colour of what is taken, on a bitmap.
    pub fn taken(self) -> Color {
        match self.kind {
            Kind::OkabeIto => Color::Indexed(238),
            Kind::Sixteen => Color::DarkGray,
            Kind::Mono => Color::Reset,
        }
    }

    /// The colour of the buyer's own, on a bitmap.
    pub fn mine(self) -> Color {
        self.pick(231, Color::White)
    }

    /// The character of a seat's state. Without colours a free seat shows the letter of its price level.
    pub fn seat(self, state: SeatState, level: usize, accessible: bool) -> char {
        match (state, self.kind) {
            (SeatState::Available, Kind::Mono) => letter(level),
            (SeatState::Available, _) if self.ascii => {
                if accessible {
                    '&'
                } else {
                    'o'
                }
            }
            (SeatState::Available, _) => {
                if accessible {
                    '▣'
                } else {
                    '■'
                }
            }
            (SeatState::Reserved, _) => {
                if self.ascii {
                    '%'
                } else {
                    '▒'
                }
            }
            (SeatState::Sold, _) => {
                if self.ascii {
                    '.'
                } else {
                    '·'
                }
            }
            (SeatState::Blocked, _) => {
                if self.ascii {
                    '-'
                } else {
                    '×'
                }
            }
        }
    }

    /// The character of a picked seat.
    pub fn picked(self) -> char {
        if self.ascii { '@' } else { '◆' }
    }

    /// A fill for what is free of a section, from nothing to everything.
    pub fn fill(self, free: u32, all: u32) -> char {
        const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];
        const ASCII: [char; 5] = ['.', '-', '+', 'x', '#'];
        let step = if free == 0 { 0 } else { 1 + crate::measure::share(free, all.max(1), 4).min(3) };
        let shades = if self.ascii { ASCII } else { SHADES };
        shades.get(crate::measure::index(step)).copied().unwrap_or(' ')
    }

    /// The first where everything may be drawn, the second where only ASCII is.
    pub fn either(self, rich: &'static str, plain: &'static str) -> &'static str {
        if self.ascii { plain } else { rich }
    }

    /// A bar of so many columns, `part` of `whole` of it filled.
    pub fn bar(self, part: u32, whole: u32, columns: u16) -> String {
        let filled = usize::from(columns).min(crate::measure::index(crate::measure::share(
            part,
            whole,
            u32::from(columns),
        )));
        let (full, empty) = if self.ascii { ("#", ".") } else { ("━", "─") };
        full.repeat(filled) + &empty.repeat(usize::from(columns) - filled)
    }
}

/// The letter of a price level: A for the first.
pub fn letter(level: usize) -> char {
    u8::try_from(level % 26).map_or('?', |place| char::from(b'A' + place))
}

fn nearest(color: &str) -> Option<usize> {
    let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok().map(i32::from);
    let (r, g, b) = (channel(0)?, channel(2)?, channel(4)?);
    let distance = |(tr, tg, tb): &(u8, u8, u8)| {
        (i32::from(*tr) - r).pow(2) + (i32::from(*tg) - g).pow(2) + (i32::from(*tb) - b).pow(2)
    };
    (0..TARGETS.len()).min_by_key(|at| TARGETS.get(*at).map(distance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_glyph_of_its_own_in_every_palette() {
        use SeatState::{Available, Blocked, Reserved, Sold};
        for kind in [Kind::OkabeIto, Kind::Sixteen, Kind::Mono] {
            for ascii in [false, true] {
                let paint = Paint { kind, ascii };
                let mut glyphs =
                    [Available, Reserved, Sold, Blocked].map(|state| paint.seat(state, 0, false)).to_vec();
                glyphs.push(paint.picked());
                assert!(!ascii || glyphs.iter().all(char::is_ascii), "{glyphs:?}");
                glyphs.sort_unstable();
                glyphs.dedup();
                assert_eq!(glyphs.len(), 5, "{kind:?} {ascii}");
            }
        }
    }

    #[test]
    fn a_plans_colours_become_the_nearest_of_the_palette() {
        let paint = Paint { kind: Kind::OkabeIto, ascii: false };
        assert_eq!(paint.level(0, "#009E73"), Color::Indexed(36));
        assert_eq!(paint.level(1, "#d65f01"), Color::Indexed(166));
        assert_eq!(paint.level(1, "no colour"), Color::Indexed(74));
        assert_eq!(paint.fill(0, 9), '·');
        assert_eq!((paint.fill(1, 9), paint.fill(9, 9)), ('░', '█'));
    }
}
