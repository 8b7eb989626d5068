//! Buying while things go wrong: the daemon away, the sale over, the time up, the token lost.

use std::path::Path;

use serde_json::Value;
use tmapi::client::{Client, ClientOptions};
use tmapi::event::EventPatch;

use crate::office::Office;
use crate::proxy::Proxy;
use crate::terminal::Terminal;

/// The best two seats of an event without a waiting room, before the checkout.
fn picked(url: &str, home: Option<&Path>) -> Terminal {
    let home = home.map(|home| home.to_str().unwrap());
    let variables: Vec<_> = home.iter().map(|home| ("TM_HOME", *home)).collect();
    let mut tui = Terminal::start_with(url, &["E4"], &variables);
    tui.wait_for("LIVE");
    tui.wait_for(" free");
    tui.press("b");
    tui.wait_for("2 picked");
    tui.press("c");
    tui.wait_for("CHECKOUT");
    tui
}

fn type_card(tui: &mut Terminal) {
    tui.press("ttok_ok");
    tui.wait_for("payment token: tok_ok");
    tui.press("\r");
}

fn sale(office: &Office) -> Value {
    serde_json::from_str(&office.tmctl(&["sale", "status", "E4", "-o", "json"]).unwrap()).unwrap()
}

fn pending(home: &Path) -> usize {
    let files = std::fs::read_dir(home.join("pending")).map(|files| files.flatten().collect::<Vec<_>>());
    let is_note = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().ends_with(".json");
    files.unwrap_or_default().iter().filter(|file| is_note(file)).count()
}

#[test]
fn i9_keys_pressed_while_the_daemon_is_away_buy_once() {
    let office = Office::open();
    let proxy = Proxy::to(office.address);
    let mut tui = picked(&proxy.url, None);
    proxy.cut();
    type_card(&mut tui);
    // Impatience is no second order.
    tui.press("ccccff\r\r");
    tui.wait_for("nothing is done twice");
    proxy.mend();
    tui.wait_for("LIVE");
    tui.press("c");
    tui.wait_for("[x] seats held");
    proxy.cut();
    tui.press("fff\r");
    tui.wait_for("nothing is done twice");
    proxy.mend();
    tui.press("f");
    tui.wait_for("ticket 1 of 2");
    let sale = sale(&office);
    assert_eq!((&sale["seats"]["sold"], &sale["ordersFinalized"]), (&2.into(), &1.into()), "{sale}");
    assert_eq!(pending(tui.home()), 0, "what is answered is no longer written down");
}

#[test]
fn i13_what_was_cut_off_is_told_at_the_next_start_and_finished() {
    let office = Office::open();
    let proxy = Proxy::to(office.address);
    let home = tempfile::tempdir().unwrap();
    let mut tui = picked(&proxy.url, Some(home.path()));
    type_card(&mut tui);
    tui.wait_for("[x] seats held");
    proxy.cut();
    tui.press("f");
    tui.wait_for("nothing is done twice");
    tui.press("q");
    tui.wait_for("Quit with an open order?");
    tui.press("y");
    assert!(tui.wait_for_end());
    assert_eq!(pending(home.path()), 1);
    proxy.mend();
    let url = proxy.url.clone();
    let mut tui = Terminal::start_with(&url, &["E4"], &[("TM_HOME", home.path().to_str().unwrap())]);
    tui.wait_for("cut off the last time: 1");
    tui.press(":resume\r");
    tui.wait_for("is FINALIZED");
    tui.press("T");
    tui.wait_for("ticket 1 of 2");
    assert_eq!((sale(&office)["seats"]["sold"].clone(), pending(home.path())), (2.into(), 0));
}

#[test]
fn a_sale_that_closes_while_somebody_picks_is_told() {
    let office = Office::open();
    let mut tui = picked(&office.url, None);
    tui.press("\x1b");
    tui.wait_for("SEATS");
    office.organise(&["event", "pause", "E4"]);
    tui.wait_for("SALE PAUSED");
    office.organise(&["event", "resume", "E4"]);
    tui.wait_for("the sale goes on");
    tui.wait_until_gone("SALE PAUSED");
    office.organise(&["event", "close", "E4"]);
    tui.wait_for("SALE OVER");
    tui.press("c");
    tui.wait_for("CHECKOUT");
    type_card(&mut tui);
    tui.wait_for("Nothing was paid");
    assert_eq!(sale(&office)["seats"]["reserved"], 0);
}

#[test]
fn m8_an_order_whose_time_is_up_says_so_and_its_seats_can_be_picked_again() {
    let office = Office::open();
    let token = std::fs::read_to_string(office.home().join(".local/share/tmd/organiser.token")).unwrap();
    let options = ClientOptions { token: Some(token.trim().to_owned()), ..ClientOptions::default() };
    let client = Client::new(&office.url, options).unwrap();
    let patch = EventPatch { hold_ttl_seconds: Some(8), ..EventPatch::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.patch_event(&"E4".parse().unwrap(), &patch)).unwrap();
    let mut tui = picked(&office.url, None);
    type_card(&mut tui);
    tui.wait_for("[x] seats held");
    tui.wait_for("time left   0:0");
    tui.wait_for("the order's time is up");
    tui.wait_for("Nothing was paid, and nothing is held.");
    // The seats are still picked, and free: another order takes them.
    tui.press("c");
    tui.wait_for("[x] seats held");
    tui.press("f");
    tui.wait_for("ticket 1 of 2");
    assert_eq!(sale(&office)["seats"]["sold"], 2);
}

#[test]
fn a_place_whose_token_is_lost_is_let_go_and_another_is_had() {
    let office = Office::open();
    office.organise(&["event", "capacity", "E1", "0"]);
    let mut tui = Terminal::start((80, 24), &office.url, &["E1"]);
    tui.wait_for("LIVE");
    tui.press("J");
    tui.wait_for("1 of 1");
    // Somebody tidies up.
    std::fs::remove_dir_all(tui.home().join("state")).unwrap();
    // The place is not asked to be given up by just anybody.
    tui.press("L");
    tui.wait_for("Leave the line?");
    tui.press("y");
    tui.wait_until_gone("Leave the line?");
    tui.wait_for("asking for a place");
    tui.press("\r");
    tui.wait_for("2 of 2");
    // Quitting would lose it: that is asked.
    tui.press("q");
    tui.wait_for("The place lapses");
    tui.press("n");
    tui.wait_until_gone("The place lapses");
    tui.press("qy");
    assert!(tui.wait_for_end());
}

#[test]
fn a_state_that_cannot_be_read_is_told_and_nothing_breaks() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &["E4"]);
    tui.wait_for("LIVE");
    let folder = tui.home().to_owned();
    std::fs::create_dir_all(folder.join("state")).unwrap();
    let url = office.url.replace([':', '/'], "_");
    let slot = format!("state/default@{url}.json");
    std::fs::write(folder.join(slot), "{ this is no JSON").unwrap();
    tui.press("bc");
    tui.wait_for("CHECKOUT");
    type_card(&mut tui);
    tui.wait_for("Nothing was paid");
    tui.press("q");
    assert!(tui.wait_for_end());
}
