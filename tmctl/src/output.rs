//! What reaches stdout and stderr: data on the one, everything else on the other. All text of others is escaped here.

pub mod escape;
pub mod qr;
pub mod table;

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::ValueEnum;
use jiff::tz::TimeZone;
use serde::Serialize;
use tmcore::Timestamp;

use crate::cli::Global;
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;
use escape::{escape, escape_json, shell_word};
pub use table::{Block, Rows};

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // Columns for people
    Table,
    // One JSON document
    Json,
    // One JSON document a line
    Jsonl,
    // YAML
    Yaml,
    // Bare ids, one a line
    Id,
    // Shell variables, for `eval`
    Env,
    // Tab-separated lines; what a pipe gets when nothing is asked for.
    #[value(skip)]
    Lines,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    // On a terminal
    #[default]
    Auto,
    // Always
    Always,
    // Never
    Never,
}

/// Something a command shows, in every format.
pub trait Show: Serialize {
    /// For people and for lines.
    fn blocks(&self, look: &Look) -> Vec<Block>;

    /// Its bare ids, one a thing.
    fn ids(&self) -> Vec<String>;

    /// The variables that later commands read.
    fn env(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// How times and drawings are to look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Local times for people; RFC 3339 in UTC for programs.
    pub zone: Option<TimeZone>,
    pub now: Timestamp,
    pub painted: bool,
}

impl Look {
    pub fn time(&self, at: Timestamp) -> String {
        let local = self.zone.as_ref().and_then(|zone| {
            let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
            Some(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string())
        });
        local.unwrap_or_else(|| at.to_string())
    }

    /// A time soon to come, with what is left until then.
    pub fn deadline(&self, at: Timestamp) -> String {
        if self.zone.is_none() {
            return at.to_string();
        }
        match at.millis_since(self.now) / 1000 {
            0 => format!("{} (over)", self.time(at)),
            left => format!("{} (in {})", self.time(at), duration(left)),
        }
    }
}

/// Seconds as people say them.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{} min {} s", seconds / 60, seconds % 60),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Where and how a command writes.
#[derive(Clone, Debug)]
pub struct Output {
    format: Format,
    quiet: bool,
    out: Channel,
    err: Channel,
    host: Host,
    /// Put after `tmctl` in the commands that are proposed, so that they reach the same daemon.
    flags: String,
}

/// What is known of stdout or stderr.
#[derive(Clone, Copy, Debug)]
struct Channel {
    terminal: bool,
    /// A terminal that can move its cursor.
    smart: bool,
    painted: bool,
}

impl Channel {
    fn new(terminal: bool, host: &Host, color: ColorChoice) -> Self {
        let smart = terminal && host.env("TERM") != Some("dumb");
        Self { terminal, smart, painted: painted(host, color, smart) }
    }
}

impl Output {
    pub fn new(host: &Host, global: &Global) -> Self {
        let out = Channel::new(std::io::stdout().is_terminal(), host, global.color);
        let err = Channel::new(std::io::stderr().is_terminal(), host, global.color);
        let usual = if out.terminal { Format::Table } else { Format::Lines };
        Self {
            format: global.output.unwrap_or(usual),
            quiet: global.quiet,
            out,
            err,
            host: host.clone(),
            flags: global.repeated(),
        }
    }

    /// The same, writing JSON whatever else was asked for.
    pub fn as_json(&self) -> Self {
        Self { format: Format::Json, ..self.clone() }
    }

    /// Writes data to stdout.
    pub fn show(&self, thing: &impl Show) -> Result<(), Failure> {
        write(&self.rendered(thing)?)
    }

    /// Shows a command that is about to run, on stdout.
    pub fn echo(&self, command: &str) -> Result<(), Failure> {
        write(&format!("{}\n", self.bold(&format!("$ {}", escape(command)))))
    }

    /// Writes data over the `above` lines written last, where people look at a terminal that can move its cursor;
    /// below them everywhere else. Answers how many lines there are to write over next.
    pub fn redraw(&self, thing: &impl Show, above: usize) -> Result<usize, Failure> {
        let text = self.rendered(thing)?;
        if !(self.is_for_people() && self.out.smart) {
            write(&text)?;
            return Ok(0);
        }
        let up = if above == 0 { String::new() } else { format!("\x1b[{above}A") };
        write(&(up + &text.replace('\n', "\x1b[K\n")))?;
        Ok(text.lines().count())
    }

    /// Whether stdout has colours.
    pub fn is_painted(&self) -> bool {
        self.out.painted
    }

    /// Whether drawings make sense: people look at a table on a terminal.
    pub fn is_for_people(&self) -> bool {
        self.format == Format::Table && self.out.terminal
    }

    /// Whether a progress bar makes sense.
    pub fn can_animate(&self) -> bool {
        self.err.smart && !self.quiet
    }

    fn rendered(&self, thing: &impl Show) -> Result<String, Failure> {
        let unwritable = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Error, format!("failed to write the answer: {error}"))
        };
        let joined = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
        Ok(match self.format {
            Format::Table => {
                let width = self.out.terminal.then(terminal_size::terminal_size).flatten();
                let width = width.map(|(width, _)| usize::from(width.0));
                table::table(&thing.blocks(&self.look()), width, &|head| self.bold(head))
            }
            Format::Lines => table::lines(&thing.blocks(&self.look())),
            Format::Json => {
                escape_json(&serde_json::to_string_pretty(thing).map_err(|e| unwritable(&e))?).into_owned()
                    + "\n"
            }
            Format::Jsonl => json_lines(thing).map_err(|e| unwritable(&e))?,
            Format::Yaml => yaml(thing).map_err(|e| unwritable(&e))?,
            Format::Id => joined(thing.ids().iter().map(|id| escape(id).into_owned()).collect()),
            Format::Env => {
                let export =
                    |(name, value): (&str, String)| format!("export {name}={}", shell_word(&escape(&value)));
                joined(thing.env().into_iter().map(export).collect())
            }
        })
    }

    fn look(&self) -> Look {
        Look {
            zone: (self.format == Format::Table).then(|| self.host.zone().clone()),
            now: self.host.now(),
            painted: self.out.painted,
        }
    }

    fn bold(&self, text: &str) -> String {
        if self.out.painted { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Something worth knowing, on stderr unless `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.tell("", "", text);
        }
    }

    pub fn warn(&self, text: &str) {
        if !self.quiet {
            self.tell("33", "warning: ", text);
        }
    }

    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.tell("36", "hint: ", text);
        }
    }

    /// The command to type next, complete: on terminals only.
    pub fn next(&self, command: &str) {
        if self.is_for_people() && self.err.terminal && !self.quiet {
            self.tell("32", "Next: ", &self.command(command));
        }
    }

    /// A command of ours as it has to be typed to reach the same daemon.
    pub fn command(&self, command: &str) -> String {
        format!("tmctl {}{command}", self.flags)
    }

    pub fn fail(&self, failure: &Failure) {
        self.tell("1;31", "error: ", &failure.message);
        if let Some(hint) = &failure.hint {
            self.tell("36", "hint: ", hint);
        }
        if let Some(code) = failure.code {
            self.tell("2", "code: ", code.as_str());
        }
        if let Some(id) = failure.request_id.as_deref().filter(|id| !id.is_empty()) {
            self.tell("2", "request-id: ", id);
        }
    }

    fn tell(&self, style: &str, label: &str, text: &str) {
        let text = escape(text);
        let line = if self.err.painted && !label.is_empty() {
            format!("\x1b[{style}m{label}\x1b[0m{text}\n")
        } else {
            format!("{label}{text}\n")
        };
        // Nobody is left to be told that stderr is gone.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Writes text of our own to stdout, as it is.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(Exit::Error, format!("failed to write to stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// <https://no-color.org>, <https://bixense.com/clicolors>: a flag beats `NO_COLOR`, which beats `CLICOLOR_FORCE`.
fn painted(host: &Host, choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if host.env("NO_COLOR").is_some() => false,
        ColorChoice::Auto if host.env("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
        ColorChoice::Auto => terminal,
    }
}

/// A list is a line an item; anything else is one line.
fn json_lines(thing: &impl Serialize) -> serde_json::Result<String> {
    let items = match serde_json::to_value(thing)? {
        serde_json::Value::Array(items) => items,
        one => vec![one],
    };
    Ok(items.iter().map(|item| escape_json(&item.to_string()).into_owned() + "\n").collect())
}

/// YAML's own escaping leaves characters that reorder text. Where there are any, the document is written as JSON, which
/// YAML 1.2 contains.
fn yaml(thing: &impl Serialize) -> Result<String, Box<dyn std::error::Error>> {
    let text = serde_saphyr::to_string(thing)?;
    if text.lines().all(|line| matches!(escape(line), std::borrow::Cow::Borrowed(_))) {
        return Ok(text);
    }
    Ok(escape_json(&serde_json::to_string_pretty(thing)?).into_owned() + "\n")
}

#[cfg(test)]
mod tests;
