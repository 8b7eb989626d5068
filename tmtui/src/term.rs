//! The terminal: taken over at the start, and given back as it was, whatever happens.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio_util::sync::CancellationToken;

use crate::model::Model;

/// What one frame may hold before it is sent, bytes: all of it goes out at once.
const FRAME_BYTES: usize = 64 * 1024;
/// Whether the program has the terminal. It is given back once: whoever leaves the alternate screen twice puts the
/// cursor back a second time, over what was written since.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Columns and lines of the terminal.
///
/// # Errors
/// What the terminal says.
pub fn size() -> io::Result<(u16, u16)> {
    terminal::size()
}

/// The terminal, while the program has it. Given back when dropped.
pub struct Term {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
}

impl Term {
    /// Takes the terminal over. A panic, of whatever task, gives it back, tells what happened, and cancels `broken`.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn enter(mouse: bool, broken: CancellationToken) -> io::Result<Self> {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            earlier(panic);
            broken.cancel();
        }));
        take(mouse)?;
        let out = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        match Terminal::new(CrosstermBackend::new(out)) {
            Ok(terminal) => Ok(Self { terminal, mouse }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Draws the model: only what changed goes out, in one piece. Nothing once the terminal was given back.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| crate::view::draw(model, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that all of it is drawn anew.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal where the cursor is, and whoever reads the keys would take the answer.
        self.terminal.swap_buffers();
        execute!(self.terminal.backend_mut(), Clear(ClearType::All))
    }

    /// Takes the mouse, or leaves it to the terminal for selecting text.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        if mouse {
            capture_mouse(self.terminal.backend_mut())
        } else {
            execute!(self.terminal.backend_mut(), DisableMouseCapture)
        }
    }

    /// Puts text on the clipboard of whoever sits before the terminal (OSC 52), also over ssh.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Rings.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn ring(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().write_all(b"\x07")?;
        Write::flush(self.terminal.backend_mut())
    }

    /// Gives the terminal back, stops until the shell continues the program, and takes it again.
    ///
    /// # Errors
    /// What the terminal says.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        // The whole job stops, as it does when the terminal itself sees Ctrl-Z.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        take(self.mouse)?;
        self.redraw()
    }

    /// Takes the terminal again after somebody else stopped the program: the shell set modes of its own meanwhile.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn retake(&mut self) -> io::Result<()> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Raw mode is set anew only where it is not on, as far as crossterm knows.
        terminal::disable_raw_mode()?;
        take(self.mouse)?;
        self.redraw()
    }

    /// There is no such thing here.
    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        restore();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    let raw = terminal::enable_raw_mode();
    raw.inspect_err(|_| restore())?;
    let taken = execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste);
    let taken = taken.and_then(|()| if mouse { capture_mouse(&mut io::stdout()) } else { Ok(()) });
    taken.inspect_err(|_| restore())
}

/// Asks for clicks, drags and the wheel, but not, as crossterm does, for every move of the mouse: over a slow line that
/// is a flood.
fn capture_mouse(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\x1b[?1000h\x1b[?1002h\x1b[?1006h")?;
    out.flush()
}

/// Gives the terminal back as it was, if the program has it. Whatever of it fails, the rest is tried.
fn restore() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate, DisableMouseCapture, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen, Show);
    let _ = terminal::disable_raw_mode();
}
