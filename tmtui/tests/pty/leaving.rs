//! Whatever ends the program, the terminal is as it was.

use crate::office::Office;
use crate::terminal::Terminal;

fn signal(terminal: &Terminal, name: &str) {
    let pid = terminal.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

#[test]
fn the_terminal_is_given_back_after_a_signal() {
    let office = Office::open();
    for name in ["TERM", "HUP", "INT"] {
        let mut tui = Terminal::start((80, 24), &office.url, &["E1"]);
        tui.wait_for("LIVE");
        assert!(tui.screen().alternate_screen());
        signal(&tui, name);
        assert!(tui.wait_for_end(), "{name}");
        assert!(tui.is_given_back(), "{name}");
        assert!(tui.has_its_modes(), "{name}");
    }
}

/// A panic of the loop, and one of a task beside it, which would be hidden by what is drawn on.
#[test]
fn the_terminal_is_given_back_after_a_panic_and_what_happened_stands_below() {
    if !cfg!(debug_assertions) {
        return;
    }
    let office = Office::open();
    for (key, told) in [("\x1b[20~", "a drill in the loop"), ("\x1b[21~", "a drill in a task")] {
        let mut tui = Terminal::start_with(&office.url, &["E1"], &[("TMTUI_DRILL", "1")]);
        tui.wait_for("LIVE");
        assert!(tui.screen().alternate_screen() && !tui.has_its_modes());
        tui.press(key);
        assert_ne!(tui.exit_code(), 0, "{told}");
        assert!(tui.is_given_back(), "{told}");
        assert!(tui.has_its_modes(), "{told}");
        let text = tui.text();
        assert!(text.contains(told) && text.contains("panicked at"), "{text}");
        assert!(!text.contains("VENUE") && !text.contains("help"), "{text}");
        // The shell's prompt comes below what is told.
        let last = text.lines().count();
        assert!(
            usize::from(tui.screen().cursor_position().0) >= last,
            "{:?}\n{text}",
            tui.screen().cursor_position()
        );
        let leaving = tui.written.windows(8).filter(|part| part == b"\x1b[?1049l").count();
        assert_eq!(leaving, 1, "{told}: the screen is left once");
    }
}

/// Nobody is there who could continue it: it goes on by itself.
#[test]
fn ctrl_z_without_a_shell_does_not_stop_it_for_ever() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &[]);
    tui.wait_for("The Winter's Tale");
    let before = tui.written.len();
    tui.press("\x1a");
    tui.wait_for_bytes(before, b"\x1b[?1049h");
    tui.press("?");
    tui.wait_for("keys, and commands");
}

/// Stopped by somebody else, its terminal used otherwise meanwhile: continued, it takes it again.
#[test]
fn stopped_and_continued_by_others_it_has_the_terminal_again() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &[]);
    tui.wait_for("The Winter's Tale");
    let raw = tui.modes();
    signal(&tui, "STOP");
    tui.set_modes("sane");
    assert_ne!(tui.modes(), raw);
    let before = tui.written.len();
    signal(&tui, "CONT");
    tui.wait_for_bytes(before, b"\x1b[2J");
    tui.wait_for("The Winter's Tale");
    assert_eq!(tui.modes(), raw);
    tui.press("q");
    assert!(tui.wait_for_end() && tui.is_given_back());
}

/// What `y` and `Y` hand to the clipboard, as the terminal gets it (OSC 52).
#[test]
fn what_is_copied_is_the_id_and_a_command_that_runs() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &["E4"]);
    tui.wait_for("LIVE");
    tui.wait_for(" free");
    let mut copied = |keys: &str, shown: &str| {
        let from = tui.written.len();
        tui.press(keys);
        tui.wait_for(shown);
        let bytes = tui.wait_for_bytes(from, b"\x1b\\");
        let text = String::from_utf8_lossy(&bytes);
        let code = text.split("\x1b]52;c;").nth(1).unwrap().split('\x1b').next().unwrap();
        String::from_utf8(data_encoding::BASE64.decode(code.as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(copied("y", "copied: E4"), "E4");
    let mut commands = vec![copied("Y", "copied: tmctl seats E4")];
    commands.push(copied("\r\rY", "copied: tmctl seats E4 --section"));
    commands.push(copied(":sale\rY", "copied: tmctl sale status E4"));
    for command in commands {
        let words: Vec<_> = command.split_once(' ').unwrap().1.split(" --section ").collect();
        let mut arguments: Vec<_> = words[0].split(' ').collect();
        if let Some(section) = words.get(1) {
            arguments.extend(["--section", section.trim_matches('\'')]);
        }
        assert!(office.tmctl(&arguments).is_some(), "{command}");
    }
}

#[test]
fn the_mouse_can_be_freed_and_text_copied() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &[]);
    tui.wait_for("The Winter's Tale");
    assert_ne!(tui.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    tui.press("m");
    tui.wait_until("free mouse", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    tui.press("m");
    tui.wait_until("mouse", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    tui.press("Y");
    tui.wait_for("copied: tmctl show E");
    tui.resize((59, 17));
    tui.wait_for("60x18 needed");
    tui.resize((100, 30));
    tui.wait_for("The Winter's Tale");
}

/// A shell with job control starts the program, gets the terminal back on Ctrl-Z, and continues it.
#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_comes_back_whole() {
    let office = Office::open();
    let mut shell = Terminal::start_in_shell((80, 24), &office.url);
    shell.wait_for("The Winter's Tale");
    shell.press("\x1a");
    shell.wait_until("shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
    assert!(!shell.screen().hide_cursor());
    assert_eq!(shell.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    shell.press("fg\r");
    shell.wait_until("screen", |screen| {
        screen.alternate_screen() && screen.contents().contains("The Winter's Tale")
    });
    shell.press("q");
    shell.wait_until("shell", |screen| !screen.alternate_screen());
    shell.press("exit\r");
    shell.wait_for_end();
}
