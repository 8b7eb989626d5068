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
