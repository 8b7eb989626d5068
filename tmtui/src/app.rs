//! The loop: keys, news, time and signals go in, drawings and commands come out.

use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures::StreamExt as _;
use rustix::process::Signal as Signals;
use tmcore::EventId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::action::{Action, Command};
use crate::host::Host;
use crate::model::Model;
use crate::net::{NEWS_BACKLOG, Net, Office};
use crate::term::Term;
use crate::update::{start, update};

/// Countdowns go by seconds.
const TICK: Duration = Duration::from_secs(1);
/// What somebody typed is shown no later than this after the frame before, however few frames a second are asked for.
const SOONEST: Duration = Duration::from_millis(15);

/// Runs until somebody quits, or a signal says so.
///
/// # Errors
/// What the terminal says.
pub async fn run(model: Model, office: Office, event: Option<EventId>, frames: u32) -> anyhow::Result<()> {
    let (sender, news) = mpsc::channel(NEWS_BACKLOG);
    let broken = CancellationToken::new();
    let term = Term::enter(model.look.mouse, broken.clone())?;
    let pace = Duration::from_secs(1) / frames.max(1);
    let now = Host::deadline(Duration::ZERO);
    let net = Net::new(office, sender);
    let mut app = App { model, term, net, news, pace, drawn: now, due: Some(now) };
    let commands = start(&mut app.model, event);
    let outcome = match app.do_all(commands) {
        Ok(_) => app.run(broken).await,
        Err(error) => Err(error),
    };
    let App { term, net, .. } = app;
    drop(term);
    net.close().await;
    outcome
}

struct App {
    model: Model,
    term: Term,
    net: Net,
    news: mpsc::Receiver<Action>,
    pace: Duration,
    /// When the last frame was drawn.
    drawn: Instant,
    /// When the next one is to be, if anything happened since.
    due: Option<Instant>,
}

/// Whether the program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Over,
}

impl App {
    async fn run(&mut self, broken: CancellationToken) -> anyhow::Result<()> {
        let mut keys = EventStream::new();
        let mut second = interval(TICK);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ends = Ends::new()?;
        let mut continued = signal(SignalKind::from_raw(Signals::CONT.as_raw()))?;
        loop {
            let due = self.due.unwrap_or(self.drawn);
            let flow = tokio::select! {
                biased;
                () = broken.cancelled() => anyhow::bail!("a part of the program panicked, as told above"),
                () = ends.come() => Flow::Over,
                _ = continued.recv() => {
                    self.term.retake()?;
                    self.take(Action::Tick(Host::now()), SOONEST)?
                }
                event = keys.next() => match event {
                    Some(Ok(event)) => self.typed(event)?,
                    // The terminal is gone.
                    Some(Err(_)) | None => Flow::Over,
                },
                () = sleep_until(due), if self.due.is_some() => {
                    self.term.draw(&self.model)?;
                    self.drawn = Host::deadline(Duration::ZERO);
                    self.due = None;
                    Flow::On
                }
                _ = second.tick() => self.take(Action::Tick(Host::now()), self.pace)?,
                Some(action) = self.news.recv() => self.take(action, self.pace)?,
            };
            if flow == Flow::Over {
                return Ok(());
            }
        }
    }

    fn typed(&mut self, event: Event) -> anyhow::Result<Flow> {
        #[cfg(debug_assertions)]
        self.net.drill(&event);
        let action = match event {
            Event::Key(key) => Action::Key(key),
            Event::Mouse(mouse) => Action::Mouse(mouse),
            Event::Paste(text) => Action::Paste(text),
            Event::Resize(columns, lines) => Action::Resize(columns, lines),
            Event::FocusGained | Event::FocusLost => return Ok(Flow::On),
        };
        self.take(action, SOONEST.min(self.pace))
    }

    /// Takes something in; what came of it is drawn so long after the frame before.
    fn take(&mut self, action: Action, pace: Duration) -> anyhow::Result<Flow> {
        let commands = update(&mut self.model, action);
        let due = self.drawn + pace;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        self.do_all(commands)
    }

    fn do_all(&mut self, commands: Vec<Command>) -> anyhow::Result<Flow> {
        for command in commands {
            match command {
                Command::Quit => return Ok(Flow::Over),
                Command::Suspend => self.term.suspend()?,
                Command::Redraw => self.term.redraw()?,
                Command::Bell => self.term.ring()?,
                Command::Copy(text) => self.term.copy(&text)?,
                Command::Mouse(is_ours) => self.term.set_mouse(is_ours)?,
                other => self.net.carry_out(other),
            }
        }
        Ok(Flow::On)
    }
}

/// Signals that end the program.
struct Ends([Signal; 3]);

impl Ends {
    fn new() -> std::io::Result<Self> {
        let of = |kind| signal(kind);
        Ok(Self([of(SignalKind::terminate())?, of(SignalKind::hangup())?, of(SignalKind::interrupt())?]))
    }

    async fn come(&mut self) {
        let [terminate, hangup, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
