use std::io::Read as _;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::Term;

/// Takes the terminal over and panics. Run by the test below, in a terminal of its own.
#[test]
#[ignore = "a part of the test below"]
fn a_program_that_panics() {
    let _term = Term::enter(true).unwrap();
    panic!("as it happens");
}

#[test]
fn the_terminal_is_given_back_before_a_panic_is_told() {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "term::tests::a_program_that_panics"]);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut parser = vt100::Parser::new(24, 80, 0);
    let (mut reader, mut bytes) = (pair.master.try_clone_reader().unwrap(), [0; 4096]);
    let mut all = Vec::new();
    while let Ok(count @ 1..) = reader.read(&mut bytes) {
        all.extend_from_slice(&bytes[..count]);
    }
    parser.process(&all);
    assert!(!child.wait().unwrap().success());
    let text = String::from_utf8_lossy(&all).into_owned();
    assert!(text.contains("\u{1b}[?1049h"), "it was taken over: {text}");
    let screen = parser.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste(), "{text}");
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(screen.contents().contains("as it happens"), "what went wrong can be read: {text}");
}
