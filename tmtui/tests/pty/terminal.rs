//! A terminal of our own: the program runs in it, and its screen can be read.

use std::io::{Read as _, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;
use vt100::{Parser, Screen};

use crate::cast::Cast;
use crate::office::program;

/// How long anything may take: a machine under load is slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    parser: Parser,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    pub cast: Cast,
    pub began: Instant,
    /// Everything that was written.
    pub written: Vec<u8>,
    /// The terminal's modes before the program had it.
    pub before: String,
    pty: Pty,
}

struct Pty {
    master: Box<dyn MasterPty + Send>,
    home: TempDir,
}

impl Terminal {
    /// Starts the program in a terminal of so many columns and lines.
    pub fn start(size: (u16, u16), url: &str, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program("tmtui"));
        command.args(arguments);
        Self::run(size, url, command)
    }

    /// The same with further variables; an empty value takes one away.
    pub fn start_with(url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(program("tmtui"));
        command.args(arguments);
        Self::spawn((80, 24), url, command, variables)
    }

    /// Starts a shell with job control, and the program in it.
    pub fn start_in_shell(size: (u16, u16), url: &str) -> Self {
        let mut command = CommandBuilder::new("/bin/bash");
        command.args(["--norc", "--noprofile", "-i"]);
        let mut terminal = Self::run(size, url, command);
        terminal.press(&format!("{}\r", program("tmtui").display()));
        terminal
    }

    fn run(size: (u16, u16), url: &str, command: CommandBuilder) -> Self {
        Self::spawn(size, url, command, &[])
    }

    fn spawn(
        (columns, lines): (u16, u16),
        url: &str,
        mut command: CommandBuilder,
        variables: &[(&str, &str)],
    ) -> Self {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let home = TempDir::new().unwrap();
        command.env_clear();
        command.cwd(home.path());
        for (name, value) in [("TERM", "xterm-256color"), ("TM_URL", url), ("TZ", "UTC")] {
            command.env(name, value);
        }
        command.env("TM_HOME", home.path());
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        let before = modes(pair.master.as_ref());
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            parser: Parser::new(lines, columns, 0),
            output,
            input: pair.master.take_writer().unwrap(),
            child,
            cast: Cast::new(columns, lines),
            began,
            written: Vec::new(),
            before,
            pty: Pty { master: pair.master, home },
        }
    }

    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// The folder the program runs in.
    pub fn home(&self) -> &std::path::Path {
        self.pty.home.path()
    }

    /// Takes in what the program writes for so long; answers whether it still may write.
    fn listen(&mut self, longest: Duration) -> bool {
        match self.output.recv_timeout(longest) {
            Ok(bytes) => {
                self.hear(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.cast.add(self.began.elapsed(), bytes);
        self.written.extend(bytes);
        self.parser.process(bytes);
    }

    /// Waits until this was written, since the program wrote so much; answers what was.
    pub fn wait_for_bytes(&mut self, from: usize, wanted: &[u8]) -> Vec<u8> {
        let until = Instant::now() + PATIENCE;
        loop {
            let written = self.written.get(from..).unwrap_or_default();
            if written.windows(wanted.len()).any(|part| part == wanted) {
                return written.to_vec();
            }
            let goes_on = self.listen(Duration::from_millis(100));
            assert!(goes_on && Instant::now() < until, "{wanted:?} is not written:\n{}", self.text());
        }
    }

    /// Types more than a terminal takes at once, while somebody reads.
    pub fn pour(&mut self, bytes: Vec<u8>) {
        let mut input = std::mem::replace(&mut self.input, Box::new(std::io::sink()));
        let writing = std::thread::spawn(move || {
            input.write_all(&bytes).unwrap();
            input.flush().unwrap();
            input
        });
        let until = Instant::now() + PATIENCE;
        while !writing.is_finished() {
            self.listen(Duration::from_millis(20));
            assert!(Instant::now() < until, "what is typed is not taken in");
        }
        self.input = writing.join().unwrap();
    }

    /// What the program did with its last exit, once it ended.
    pub fn exit_code(&mut self) -> u32 {
        self.wait_for_end();
        self.child.wait().unwrap().exit_code()
    }

    /// Takes in what was written meanwhile, or comes within so long.
    pub fn take_in(&mut self, longest: Duration) {
        self.listen(longest);
    }

    /// Waits until the screen is as it should be.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Screen) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self.parser.screen()) {
            let goes_on = self.listen(Duration::from_millis(100));
            assert!(goes_on && Instant::now() < until, "no {what} on the screen:\n{}", self.text());
        }
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    pub fn wait_until_gone(&mut self, text: &str) {
        self.wait_until(&format!("screen without {text}"), |screen| !screen.contents().contains(text));
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Clicks on a cell, counted from 0 (SGR mouse reports).
    pub fn click(&mut self, (column, line): (u16, u16)) {
        let (x, y) = (column + 1, line + 1);
        self.press(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
    }

    /// The cells that show a character, column and line.
    pub fn cells(&self, glyph: &str) -> Vec<(u16, u16)> {
        let (lines, columns) = self.screen().size();
        let all = (0..lines).flat_map(|line| (0..columns).map(move |column| (column, line)));
        let shows = |(column, line): &(u16, u16)| {
            self.screen().cell(*line, *column).is_some_and(|cell| cell.contents() == glyph)
        };
        all.filter(shows).collect()
    }

    pub fn resize(&mut self, (columns, lines): (u16, u16)) {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.pty.master.resize(size).unwrap();
        // The parser knows no smaller ones; the program does.
        self.parser.screen_mut().set_size(lines.max(2), columns.max(2));
    }

    /// The terminal's modes, as `stty -g` writes them.
    pub fn modes(&self) -> String {
        modes(self.pty.master.as_ref())
    }

    /// Sets them, as a shell does.
    pub fn set_modes(&self, modes: &str) {
        let name = self.pty.master.tty_name().expect("a terminal has a name");
        let stty = std::process::Command::new("stty").arg("-F").arg(name).arg(modes).status().unwrap();
        assert!(stty.success());
    }

    /// Whether the terminal's modes are what they were before the program had it.
    pub fn has_its_modes(&self) -> bool {
        self.modes() == self.before
    }

    /// Waits for the program's end; answers whether it ended well.
    pub fn wait_for_end(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What was written before the end comes until nobody has the terminal any more.
                while self.listen(Duration::from_millis(50)) && Instant::now() < until {}
                return status.success();
            }
            self.listen(Duration::from_millis(50));
            assert!(Instant::now() < until, "the program does not end:\n{}", self.text());
        }
    }

    /// Whether the screen is as it was before the program had it.
    pub fn is_given_back(&self) -> bool {
        let screen = self.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }
}

/// The modes of a terminal, as `stty -g` writes them.
fn modes(master: &(dyn MasterPty + Send)) -> String {
    let name = master.tty_name().expect("a terminal has a name");
    let stty = std::process::Command::new("stty").args(["-g", "-F"]).arg(name).output().unwrap();
    assert!(stty.status.success());
    String::from_utf8(stty.stdout).unwrap()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
