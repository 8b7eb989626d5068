//! The largest houses: quick to the hand, small in memory, while a thousand seats a second change.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tmapi::client::{Client, ClientOptions};
use tmapi::event::BlockSeats;
use tmcore::SeatId;

use crate::office::Office;
use crate::terminal::Terminal;

const STADIUM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/metalist-stadium.seating-plan.json");
/// From a key to the screen.
const SOON: Duration = Duration::from_millis(50);
/// What the process may take, kilobytes.
const MOST_KILOBYTES: u64 = 60_000;
const CHANGES_A_SECOND: usize = 1000;

/// Forty blocks of 2,000 seats.
fn eighty_thousand() -> Value {
    let seat = |block: usize, row: usize, seat: usize| {
        json!({"seat_guid": format!("{block}-{row}-{seat}"), "seat_number": seat.to_string(),
            "position": {"x": seat * 20, "y": 0}, "category": "All"})
    };
    let row = |block: usize, row: usize| {
        json!({"row_number": row.to_string(), "position": {"x": 0, "y": row * 28},
            "seats": (0..50).map(|number| seat(block, row, number)).collect::<Vec<_>>()})
    };
    let zone = |block: usize| {
        json!({"name": format!("Block {block}"), "position": {"x": block % 10 * 1100, "y": block / 10 * 1300},
            "rows": (0..40).map(|number| row(block, number)).collect::<Vec<_>>()})
    };
    json!({"name": "Field", "categories": [{"name": "All", "color": "#0072B2"}],
        "size": {"width": 11_000, "height": 5200}, "zones": (0..40).map(zone).collect::<Vec<_>>()})
}

/// Keeps seats back and puts them on sale again, so many a second, until told to stop.
fn shake(
    office: &Office,
    event: &str,
    seats: Vec<SeatId>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let token = std::fs::read_to_string(office.home().join(".local/share/tmd/organiser.token")).unwrap();
    let options = ClientOptions { token: Some(token.trim().to_owned()), ..ClientOptions::default() };
    let client = Client::new(&office.url, options).unwrap();
    let event = event.parse().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let part = CHANGES_A_SECOND / 4;
        for chunk in seats.chunks(part).cycle() {
            let seats = BlockSeats { seats: chunk.to_vec() };
            let began = Instant::now();
            for is_blocked in [true, false] {
                let work = async {
                    if is_blocked {
                        client.block(&event, &seats).await
                    } else {
                        client.unblock(&event, &seats).await
                    }
                };
                runtime.block_on(work).unwrap();
                if stop.load(Ordering::SeqCst) {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(500).saturating_sub(began.elapsed()));
        }
    })
}

/// A number of `/proc/PID/status`, kilobytes.
fn memory(terminal: &Terminal, field: &str) -> u64 {
    let pid = terminal.child.process_id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How long the screen takes to show a key's effect, ten times.
fn delays(tui: &mut Terminal) -> Vec<Duration> {
    let mut delays = Vec::new();
    for key in ["?", "x"].repeat(5) {
        let began = Instant::now();
        tui.press(key);
        let is_open = key == "?";
        while tui.text().contains("keys, and commands") != is_open {
            tui.take_in(Duration::from_millis(1));
            assert!(began.elapsed() < Duration::from_secs(30), "{}", tui.text());
        }
        delays.push(began.elapsed());
    }
    delays.sort_unstable();
    delays
}

/// Frames that were drawn: each is a synchronized update.
fn frames(written: &[u8]) -> usize {
    written.windows(8).filter(|part| part == b"\x1b[?2026h").count()
}

/// Whatever happens on the network, so many frames a second and no more: fewer over ssh.
#[test]
fn news_are_drawn_so_often_and_no_more() {
    const MEASURED: Duration = Duration::from_secs(4);
    let office = Office::open();
    let seats: Vec<SeatId> =
        tmcore::seating::demo::DemoVenue::theatre().plan.seats().map(|at| at.seat.id.clone()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let shaking = shake(&office, "E4", seats, Arc::clone(&stop));
    for (most, arguments, variables) in [
        (15, &["E4"][..], &[][..]),
        (5, &["E4"][..], &[("SSH_CONNECTION", "::1 1 ::1 22")][..]),
        // The daemon tells of seats about four times a second: this is what holds news back.
        (1, &["E4", "--fps", "1"][..], &[][..]),
    ] {
        let mut tui = Terminal::start_with(&office.url, arguments, variables);
        tui.wait_for("LIVE");
        tui.wait_for(" free");
        let (from, began) = (tui.written.len(), Instant::now());
        while began.elapsed() < MEASURED {
            tui.take_in(Duration::from_millis(5));
        }
        let passed = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
        let drawn = frames(&tui.written[from..]);
        assert!(
            drawn > 0 && drawn <= most * passed,
            "{drawn} frames in {passed} s, {most} a second asked for"
        );
        // What somebody types does not wait for its turn.
        let from = tui.written.len();
        for key in ["?", "x", "?", "x"] {
            tui.press(key);
            let is_open = key == "?";
            tui.wait_until("help", |screen| screen.contents().contains("keys, and commands") == is_open);
        }
        assert!(frames(&tui.written[from..]) >= 4);
    }
    stop.store(true, Ordering::SeqCst);
    shaking.join().unwrap();
}

fn use_house(plan: &Value, prices: &[&str]) {
    let office = Office::open();
    let file = office.home().join("plan.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    let mut import = vec!["event", "import", "BIG", file.to_str().unwrap(), "--name", "The Big One"];
    import.extend(["--starts-at", "2030-01-01T20:00:00Z", "--waiting-room", "off"]);
    for price in prices {
        import.extend(["--price", price]);
    }
    office.organise(&import);
    office.organise(&["event", "open", "BIG"]);
    let parsed = tmcore::seating::parse(plan.to_string().as_bytes()).unwrap();
    let all: Vec<_> = parsed.seats().map(|at| at.seat.id.clone()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let shaking = shake(&office, "BIG", all, Arc::clone(&stop));

    let mut tui = Terminal::start((80, 24), &office.url, &["BIG"]);
    tui.wait_for("VENUE");
    tui.wait_for(" free");
    let mut report = String::new();
    for screen in ["VENUE", "SECTION", "SEATS"] {
        tui.wait_for(screen);
        tui.wait_for("LIVE");
        let delays = delays(&mut tui);
        // Others use the machine as well: every second key has to be quick.
        assert!(delays[delays.len() / 2] <= SOON, "{screen}: {delays:?}");
        let (half, last) = (delays[delays.len() / 2], delays[delays.len() - 1]);
        writeln!(report, "{screen}: a key is on the screen after {half:.1?}, of ten at most {last:.1?}")
            .unwrap();
        tui.press("\r");
    }
    let most = memory(&tui, "VmHWM");
    assert!(most <= MOST_KILOBYTES, "{most} kB, {report}");
    println!(
        "{} seats, {CHANGES_A_SECOND} changes a second:\n{report}at most {most} kB",
        parsed.seat_count()
    );
    stop.store(true, Ordering::SeqCst);
    shaking.join().unwrap();
}

#[test]
fn a_stadium_is_quick_and_small() {
    let path = std::env::var_os("TMD_IT_STADIUM_PLAN").unwrap_or_else(|| STADIUM.into());
    let Ok(text) = std::fs::read(path) else { return };
    let plan = serde_json::from_slice(&text).unwrap();
    use_house(&plan, &["Front=90", "Middle=60", "Upper=40", "Skybox=150"]);
}

#[test]
fn eighty_thousand_seats_are_quick_and_small() {
    use_house(&eighty_thousand(), &["All=50"]);
}
