//! How far it has come: a bar on terminals, plain lines elsewhere, all on stderr.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tmcore::Timestamp;

use crate::desk::Desk;
use crate::output::escape::escape;

/// Plain lines come no faster than this, milliseconds.
const LINE_EVERY_MILLIS: u64 = 2000;

/// Shows how a wait goes on.
pub struct Progress<'a> {
    desk: &'a Desk,
    bar: Option<ProgressBar>,
    last: Mutex<Option<(Timestamp, String)>>,
}

impl<'a> Progress<'a> {
    pub fn new(desk: &'a Desk) -> Self {
        let bar = desk.out.can_animate().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Self { desk, bar, last: Mutex::new(None) }
    }

    /// Says what is going on.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(escape(text).into_owned()),
            None => self.line(text),
        }
    }

    /// Says it, and how much of the way is behind: `done` of `all`.
    pub fn advance(&self, text: &str, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(all) {
                bar.set_length(all);
                if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:24} {msg}") {
                    bar.set_style(style);
                }
            }
            bar.set_position(done);
        }
        self.say(text);
    }

    /// Something happened that is worth a line of its own.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.desk.out.note(text)),
            None => self.desk.out.note(text),
        }
    }

    fn line(&self, text: &str) {
        let now = self.desk.host.now();
        let Ok(mut last) = self.last.lock() else { return };
        let too_soon =
            |(at, said): &(Timestamp, String)| said == text || now.millis_since(*at) < LINE_EVERY_MILLIS;
        if last.as_ref().is_some_and(too_soon) {
            return;
        }
        self.desk.out.note(text);
        *last = Some((now, text.to_owned()));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
