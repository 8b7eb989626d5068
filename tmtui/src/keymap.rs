//! One table of keys: it dispatches them, and the bottom bar and the help are written from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::model::Screen;

/// What a key, a command or a click means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// End the program.
    Quit,
    /// One screen back.
    Back,
    /// Into the thing the cursor is on.
    Enter,
    /// Move.
    Up,
    /// Move.
    Down,
    /// Move.
    Left,
    /// Move.
    Right,
    /// Move by a page.
    PageUp,
    /// Move by a page.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Show keys.
    Help,
    /// Type a command.
    Palette,
    /// Look for words.
    Search,
    /// Fetch anew.
    Refresh,
    /// Stand in line.
    Join,
    /// Give the place in line up.
    Leave,
    /// Look at the house.
    Map,
    /// Sort the list otherwise.
    Sort,
    /// Look closer.
    ZoomIn,
    /// Look from farther away.
    ZoomOut,
    /// The next price level only.
    Filter,
    /// The section after this one.
    NextSection,
    /// The section before this one.
    PreviousSection,
    /// Pick the seat, or put it back.
    Pick,
    /// Pick the best seats together.
    Best,
    /// So many seats together.
    Party(u8),
    /// To the next free seat.
    NextFree,
    /// One step back in picking.
    Undo,
    /// To the checkout.
    Checkout,
    /// Type the payment token.
    Card,
    /// Hold the seats and authorize the payment.
    Confirm,
    /// Pay.
    Finalize,
    /// Give the order up.
    CancelOrder,
    /// See the tickets.
    Tickets,
    /// Write the tickets to a file.
    Save,
    /// Copy the id.
    CopyId,
    /// Copy the equivalent command.
    CopyCommand,
    /// Take or free the mouse.
    Mouse,
    /// Stop until the shell continues.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// To the organiser's console.
    Console,
    /// Open the sale.
    OpenSale,
    /// Pause it.
    PauseSale,
    /// Resume it.
    ResumeSale,
    /// Close it.
    CloseSale,
    /// Let another number in at once.
    Capacity,
}

/// A key without what does not matter about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

/// What some keys do on some screens.
#[derive(Debug)]
pub struct Binding {
    /// As it is written.
    pub keys: &'static str,
    /// The same, to be compared.
    codes: &'static [Key],
    /// Where; everywhere if empty.
    screens: &'static [Screen],
    /// What they mean.
    pub intent: Intent,
    /// What they do, in a word or two.
    pub hint: &'static str,
    /// Whether the bottom bar tells it.
    pub in_bar: bool,
}

impl Binding {
    /// Whether it holds on a screen.
    pub fn is_on(&self, screen: Screen) -> bool {
        self.screens.is_empty() || self.screens.contains(&screen)
    }
}

const fn c(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: false }
}

const fn k(code: KeyCode) -> Key {
    Key { code, control: false }
}

const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: true }
}

const fn told(
    keys: &'static str,
    codes: &'static [Key],
    screens: &'static [Screen],
    intent: Intent,
    hint: &'static str,
) -> Binding {
    Binding { keys, codes, screens, intent, hint, in_bar: true }
}

const fn quiet(
    keys: &'static str,
    codes: &'static [Key],
    screens: &'static [Screen],
    intent: Intent,
    hint: &'static str,
) -> Binding {
    Binding { in_bar: false, ..told(keys, codes, screens, intent, hint) }
}

use Screen::{Checkout, Console, Events, Line, Seats, Section, Tickets, Venue};

const HOUSE: &[Screen] = &[Venue, Section, Seats];
const INSIDE: &[Screen] = &[Section, Seats];

/// All keys. The first that fits counts; the bottom bar has them in this order.
pub const BINDINGS: &[Binding] = &[
    told("Enter", &[k(KeyCode::Enter)], &[Events], Intent::Enter, "go in"),
    told("Enter", &[k(KeyCode::Enter)], &[Venue], Intent::Enter, "look closer"),
    told("Enter", &[k(KeyCode::Enter)], &[Section], Intent::Enter, "seats"),
    told("Space", &[c(' ')], &[Seats], Intent::Pick, "pick"),
    told("Enter", &[k(KeyCode::Enter)], &[Seats], Intent::Checkout, "checkout"),
    quiet("Enter", &[k(KeyCode::Enter)], &[Line], Intent::Enter, "go on, once let in"),
    told("t", &[c('t')], &[Checkout], Intent::Card, "card"),
    told("c", &[c('c')], &[Checkout], Intent::Confirm, "confirm"),
    told("f", &[c('f')], &[Checkout], Intent::Finalize, "pay"),
    told("x", &[c('x')], &[Checkout], Intent::CancelOrder, "give up"),
    quiet("Enter", &[k(KeyCode::Enter)], &[Checkout], Intent::Enter, "the next step"),
    told("/", &[c('/')], &[Events], Intent::Search, "search"),
    told("v", &[c('v')], &[Events, Line], Intent::Map, "look at the seats"),
    told("L", &[c('L')], &[Line], Intent::Leave, "leave the line"),
    quiet("L", &[c('L')], HOUSE, Intent::Leave, "leave the line"),
    told("o", &[c('o')], &[Events], Intent::Console, "organiser"),
    told("b", &[c('b')], HOUSE, Intent::Best, "best"),
    told("n", &[c('n')], INSIDE, Intent::NextFree, "next free"),
    told("u", &[c('u')], HOUSE, Intent::Undo, "undo"),
    told("p", &[c('p')], HOUSE, Intent::Filter, "price"),
    told("s", &[c('s')], &[Venue], Intent::Sort, "sort"),
    told("c", &[c('c')], HOUSE, Intent::Checkout, "checkout"),
    told("+", &[c('+'), c('=')], HOUSE, Intent::ZoomIn, "closer"),
    told("-", &[c('-')], INSIDE, Intent::ZoomOut, "farther"),
    told("Tab", &[k(KeyCode::Tab)], HOUSE, Intent::NextSection, "section"),
    quiet("Shift-Tab", &[k(KeyCode::BackTab)], HOUSE, Intent::PreviousSection, "section before"),
    told("J", &[c('J')], HOUSE, Intent::Join, "join the line"),
    told("s", &[c('s')], &[Tickets], Intent::Save, "save as text"),
    told("O", &[c('O')], &[Console], Intent::OpenSale, "open"),
    told("p", &[c('p')], &[Console], Intent::PauseSale, "pause"),
    told("r", &[c('r')], &[Console], Intent::ResumeSale, "resume"),
    told("X", &[c('X')], &[Console], Intent::CloseSale, "close"),
    told("c", &[c('c')], &[Console], Intent::Capacity, "capacity"),
    quiet("↑ k", &[k(KeyCode::Up), c('k')], &[], Intent::Up, "up"),
    quiet("↓ j", &[k(KeyCode::Down), c('j')], &[], Intent::Down, "down"),
    quiet("← h", &[k(KeyCode::Left), c('h')], &[], Intent::Left, "left"),
    quiet("→ l", &[k(KeyCode::Right), c('l')], &[], Intent::Right, "right"),
    quiet("PgUp", &[k(KeyCode::PageUp)], &[], Intent::PageUp, "a page up"),
    quiet("PgDn", &[k(KeyCode::PageDown)], &[], Intent::PageDown, "a page down"),
    quiet("Home g", &[k(KeyCode::Home), c('g')], &[], Intent::First, "first"),
    quiet("End G", &[k(KeyCode::End), c('G')], &[], Intent::Last, "last"),
    quiet("1-9", &[c('1')], HOUSE, Intent::Party(1), "so many together"),
    quiet("R", &[c('R')], &[], Intent::Refresh, "fetch anew"),
    quiet("T", &[c('T')], &[], Intent::Tickets, "your tickets"),
    told("y", &[c('y')], &[Tickets], Intent::CopyId, "copy"),
    quiet("y", &[c('y')], &[], Intent::CopyId, "copy the id"),
    quiet("Y", &[c('Y')], &[], Intent::CopyCommand, "copy the tmctl command"),
    quiet("m", &[c('m')], &[], Intent::Mouse, "free or take the mouse"),
    told(":", &[c(':')], &[], Intent::Palette, "command"),
    told("?", &[c('?')], &[], Intent::Help, "help"),
    told("Esc", &[k(KeyCode::Esc), k(KeyCode::Backspace)], &[], Intent::Back, "back"),
    quiet("q", &[c('q'), ctrl('c')], &[], Intent::Quit, "quit"),
    quiet("Ctrl-Z", &[ctrl('z')], &[], Intent::Suspend, "stop until the shell goes on"),
    quiet("Ctrl-L", &[ctrl('l')], &[], Intent::Redraw, "draw anew"),
];

/// What a key means on a screen.
pub fn resolve(screen: Screen, event: KeyEvent) -> Option<Intent> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    if let KeyCode::Char(digit @ '1'..='9') = event.code
        && !control
        && HOUSE.contains(&screen)
    {
        return digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).map(Intent::Party);
    }
    let key = Key { code: event.code, control };
    let fits = |binding: &&Binding| binding.is_on(screen) && binding.codes.contains(&key);
    BINDINGS.iter().find(fits).map(|binding| binding.intent)
}

/// What the bottom bar tells on a screen, in order.
pub fn hints(screen: Screen) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.in_bar && binding.is_on(screen))
}

/// What help tells on a screen: a key that means something else before is left out.
pub fn all(screen: Screen) -> Vec<&'static Binding> {
    let here: Vec<_> = BINDINGS.iter().filter(|binding| binding.is_on(screen)).collect();
    let is_first = |at: usize, binding: &Binding| {
        !here.iter().take(at).any(|earlier| earlier.codes.iter().all(|key| binding.codes.contains(key)))
    };
    here.iter()
        .enumerate()
        .filter(|(at, binding)| is_first(*at, binding))
        .map(|(_, binding)| *binding)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_what_the_bottom_bar_says() {
        for screen in [Events, Line, Venue, Section, Seats, Checkout, Tickets, Console] {
            for binding in hints(screen) {
                let key = binding.codes[0];
                let modifiers = if key.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
                assert_eq!(
                    resolve(screen, KeyEvent::new(key.code, modifiers)),
                    Some(binding.intent),
                    "{} on {screen:?} is shadowed",
                    binding.keys
                );
            }
        }
        let party = KeyEvent::new(KeyCode::Char('4'), KeyModifiers::NONE);
        assert_eq!(resolve(Seats, party), Some(Intent::Party(4)));
    }
}
