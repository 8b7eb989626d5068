//! A recording of a terminal, as asciinema plays it: <https://docs.asciinema.org/manual/asciicast/v2/>.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Pauses longer than this are cut to it.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);
/// What is shown stays at least so long: the test types faster than anybody reads.
const SHORTEST_PAUSE: Duration = Duration::from_millis(400);
/// What comes within this is one frame.
const ONE_FRAME: Duration = Duration::from_millis(5);

pub struct Cast {
    text: String,
    last: Duration,
    shown: Duration,
}

impl Cast {
    pub fn new(columns: u16, lines: u16) -> Self {
        let head = serde_json::json!({"version": 2, "width": columns, "height": lines, "title": "tmtui"});
        Self { text: format!("{head}\n"), last: Duration::ZERO, shown: Duration::ZERO }
    }

    /// What the program wrote, so long after the beginning.
    pub fn add(&mut self, at: Duration, bytes: &[u8]) {
        let pause = at.saturating_sub(self.last);
        self.shown += if pause < ONE_FRAME { pause } else { pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE) };
        self.last = at;
        let text = String::from_utf8_lossy(bytes);
        let seconds = self.shown.as_secs_f64();
        writeln!(self.text, "[{seconds:.3}, \"o\", {}]", serde_json::to_string(&text).unwrap()).unwrap();
    }

    pub fn save(&self, path: &Path) {
        std::fs::write(path, &self.text).unwrap();
    }
}
