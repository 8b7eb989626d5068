//! A whole purchase, from the list of events to the code for the door.

use std::path::Path;
use std::time::Duration;

use crate::buyers::{Buyer, Buyers};
use crate::code::scanned;
use crate::office::Office;
use crate::proxy::Proxy;
use crate::terminal::Terminal;

const DOWN: &str = "\x1b[B";
const ENTER: &str = "\r";

/// The ids of the picked seats, as the list beside the map has them.
fn picked(terminal: &Terminal) -> Vec<String> {
    let text = terminal.text();
    let ids = text.lines().filter_map(|line| line.rsplit(" ◆ ").next()).map(str::trim);
    ids.filter(|id| id.contains('-') && !id.contains(' ')).map(str::to_owned).collect()
}

/// A sale that thirty others came to first, and nobody is let in yet.
struct Rush {
    office: Office,
    proxy: Proxy,
    buyers: Buyers,
    ahead: Vec<Buyer>,
}

impl Rush {
    fn begin() -> Self {
        let office = Office::open();
        office.organise(&["event", "capacity", "E1", "0"]);
        let proxy = Proxy::to(office.address);
        let buyers = Buyers::of(&office.url, "E1");
        let ahead = (0..30).map(|_| buyers.join()).collect();
        Self { office, proxy, buyers, ahead }
    }

    /// Finds the event, joins, and waits until the doors open.
    fn get_in(&self, tui: &mut Terminal) {
        tui.wait_for("The Winter's Tale");
        tui.press("/winter");
        tui.wait_until_gone("Thousand Amps");
        tui.press(ENTER);
        tui.wait_for(">The Winter's Tale");
        tui.press(ENTER);
        tui.wait_for("WAITING ROOM");
        tui.wait_for("31 of 31");
        tui.wait_for("LIVE");
        self.office.organise(&["event", "capacity", "E1", "5"]);
        tui.wait_for("26 of 26");
        self.office.organise(&["event", "capacity", "E1", "100"]);
        tui.wait_for("you are in");
        tui.wait_for("VENUE");
    }

    /// Somebody who was let in too takes a seat that is picked; what is offered for it is taken.
    fn lose_one(&self, tui: &mut Terminal) {
        let lost = picked(tui).first().expect("the ids of picked seats").clone();
        self.buyers.take(&self.ahead[29], &lost);
        tui.wait_for("A seat was taken");
        tui.wait_for(&format!("seat {lost} was taken by somebody else"));
        tui.press(ENTER);
        tui.wait_until_gone("A seat was taken");
        tui.wait_for("3 picked");
        assert!(!picked(tui).contains(&lost), "{}", tui.text());
    }

    fn lose_the_daemon(&self, tui: &mut Terminal) {
        self.proxy.cut();
        tui.wait_for("RECONNECT");
        std::thread::sleep(Duration::from_secs(10));
        tui.take_in(Duration::from_millis(100));
        assert_eq!(picked(tui).len(), 2, "{}", tui.text());
        self.proxy.mend();
        tui.wait_for("LIVE");
    }
}

/// Two with keys, one with the mouse.
fn pick_three(tui: &mut Terminal, meanwhile: impl Fn(&mut Terminal)) {
    tui.press(ENTER);
    tui.wait_for("SECTION");
    tui.press(ENTER);
    tui.wait_for("SEATS");
    tui.wait_for("LIVE");
    tui.press(" ");
    tui.wait_for("1 picked");
    tui.press("n ");
    tui.wait_for("2 picked");
    meanwhile(tui);
    // Beside the map the same sign stands for price levels.
    let (_, columns) = tui.screen().size();
    let is_on_map = |(column, line): &(u16, u16)| *column + 28 < columns && *line > 1;
    let free: Vec<_> = tui.cells("■").into_iter().filter(is_on_map).collect();
    let free = free.get(free.len() / 3).copied().expect("a free seat is drawn");
    tui.click(free);
    tui.wait_for("3 picked");
}

fn pay(tui: &mut Terminal) {
    tui.press(ENTER);
    tui.wait_for("CHECKOUT");
    tui.press("ttok_ok");
    tui.wait_for("payment token: tok_ok");
    tui.press(ENTER);
    tui.wait_for("[x] seats held");
    tui.press("f");
    tui.wait_for("TICKETS");
    tui.wait_for("ticket 1 of 3");
}

/// Walks through a purchase; `is_cut` says whether the way to the daemon is cut for ten seconds in the middle.
fn buy(size: (u16, u16), is_cut: bool) -> Terminal {
    let rush = Rush::begin();
    let mut tui = Terminal::start(size, &rush.proxy.url, &[]);
    rush.get_in(&mut tui);
    pick_three(&mut tui, |tui| {
        if is_cut {
            rush.lose_the_daemon(tui);
        }
    });
    rush.lose_one(&mut tui);
    pay(&mut tui);
    // The code on the screen is the ticket's.
    tui.wait_until("code that can be read", |screen| scanned(screen).is_some());
    let code = scanned(tui.screen()).unwrap();
    let check = rush.office.tmctl(&["ticket", "verify", &code, "-o", "json"]).expect("a good code");
    assert!(check.contains("VALID"), "{check}");
    tui.press("s");
    tui.wait_for("saved as tickets-");
    tui.press(DOWN);
    tui.wait_for("ticket 2 of 3");
    tui.press("q");
    assert!(tui.wait_for_end(), "{}", tui.text());
    assert!(tui.is_given_back(), "{}", tui.text());
    assert!(tui.has_its_modes());
    let saved = std::fs::read_dir(tui.home()).unwrap().flatten();
    assert_eq!(saved.filter(|file| file.file_name().to_string_lossy().starts_with("tickets-")).count(), 1);
    tui
}

#[test]
fn a_whole_purchase_on_a_small_terminal() {
    let tui = buy((80, 24), false);
    tui.cast.save(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("tmtui.cast"));
}

#[test]
fn a_whole_purchase_on_a_large_terminal() {
    buy((200, 60), false);
}

#[test]
fn a_purchase_survives_ten_seconds_without_the_daemon() {
    buy((80, 24), true);
}
