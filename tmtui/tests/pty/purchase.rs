//! A whole purchase, from the list of events to the code for the door.

use std::path::Path;
use std::time::Duration;

use crate::buyers::Buyers;
use crate::code::scanned;
use crate::office::Office;
use crate::proxy::Proxy;
use crate::terminal::Terminal;

const DOWN: &str = "\x1b[B";
const ENTER: &str = "\r";

/// The id of the seat whose line is marked among those picked: all ids that stand behind the sign of a pick.
fn picked(terminal: &Terminal) -> Vec<String> {
    let text = terminal.text();
    let ids = text.lines().filter_map(|line| line.split(" ◆ ").nth(1)).map(|id| id.trim().to_owned());
    ids.filter(|id| id.contains('-')).collect()
}

/// Walks through a purchase; `cut` says when the way to the daemon is cut for ten seconds.
fn buy(size: (u16, u16), cut: bool) -> Terminal {
    let office = Office::open();
    office.organise(&["event", "capacity", "E1", "0"]);
    let proxy = Proxy::to(office.address);
    let buyers = Buyers::of(&office.url, "E1");
    let ahead: Vec<_> = (0..30).map(|_| buyers.join()).collect();

    let mut tui = Terminal::start(size, &proxy.url, &[]);
    // Find the event.
    tui.wait_for("The Winter's Tale");
    tui.press("/winter");
    tui.wait_until_gone("Thousand Amps");
    tui.press(ENTER);
    tui.wait_for("> The Winter's Tale");
    // Join, and wait.
    tui.press(ENTER);
    tui.wait_for("WAITING ROOM");
    tui.wait_for("31 of 31");
    tui.wait_for("LIVE");
    office.organise(&["event", "capacity", "E1", "5"]);
    tui.wait_for("26 of 26");
    office.organise(&["event", "capacity", "E1", "100"]);
    tui.wait_for("you are in");
    tui.wait_for("VENUE");
    // Zoom to a section, then to its seats.
    tui.press(ENTER);
    tui.wait_for("SECTION");
    tui.press(ENTER);
    tui.wait_for("SEATS");
    tui.wait_for("LIVE");
    // Two with keys.
    tui.press(" ");
    tui.wait_for("1 picked");
    tui.press("n ");
    tui.wait_for("2 picked");
    if cut {
        proxy.cut();
        tui.wait_for("RECONNECT");
        std::thread::sleep(Duration::from_secs(10));
        assert_eq!(picked(&tui).len(), 2, "{}", tui.text());
        proxy.mend();
        tui.wait_for("LIVE");
    }
    // One with the mouse: any free seat that is drawn.
    let free = tui.cells("■");
    let free = free.get(free.len() / 3).copied().expect("a free seat is drawn");
    tui.click(free);
    tui.wait_for("3 picked");
    // One is lost to somebody else, who was let in too.
    let mine = picked(&tui);
    let lost = mine.first().expect("the ids of picked seats").clone();
    buyers.take(&ahead[29], &lost);
    tui.wait_for("A seat was taken");
    tui.wait_for(&format!("seat {lost} was taken by somebody else"));
    tui.press(ENTER);
    tui.wait_until_gone("A seat was taken");
    tui.wait_for("3 picked");
    assert!(!picked(&tui).contains(&lost), "{}", tui.text());
    // Confirm and pay.
    tui.press(ENTER);
    tui.wait_for("CHECKOUT");
    tui.press("ttok_ok");
    tui.wait_for("payment token: tok_ok");
    tui.press(ENTER);
    tui.wait_for("[x] seats held");
    tui.press("f");
    tui.wait_for("TICKETS");
    tui.wait_for("ticket 1 of 3");
    // The code on the screen is the ticket's.
    let code = scanned(tui.screen()).expect("a code that can be read");
    let check = office.tmctl(&["ticket", "check", &code, "-o", "json"]).expect("a check of the code");
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
