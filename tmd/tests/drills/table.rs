//! Tables of docs/crash-points.md: compared with what was found, or written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A table between two marks.
pub struct Table {
    pub mark: &'static str,
    pub first: &'static str,
    pub columns: &'static [&'static str],
}

type Cells = BTreeMap<(String, &'static str), String>;

static WRITER: Mutex<()> = Mutex::new(());

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crash-points.md")
}

#[allow(clippy::disallowed_methods, reason = "asks the developer, not the configuration")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

impl Table {
    /// Every cell that was found stands in the file, which has these rows. With `UPDATE_DOCS` it is written there.
    pub fn check(&self, rows: &[String], found: &Cells) {
        let _lock = WRITER.lock().unwrap();
        let text = std::fs::read_to_string(file()).unwrap();
        let (begin, end) =
            (format!("<!-- {}: begin -->\n", self.mark), format!("<!-- {}: end -->", self.mark));
        let (before, rest) = text.split_once(&begin).expect("the table's first mark");
        let (table, after) = rest.split_once(&end).expect("the table's last mark");
        let mut cells = self.read(table);
        for (place, cell) in found {
            cells.insert(place.clone(), cell.clone());
        }
        let written = self.write(rows, &cells);
        if is_update() {
            std::fs::write(file(), format!("{before}{begin}{written}{end}{after}")).unwrap();
        } else {
            assert!(
                table == written,
                "docs/crash-points.md differs from what was found; UPDATE_DOCS=1 writes it:\n{written}"
            );
        }
    }

    fn read(&self, table: &str) -> Cells {
        let mut cells = Cells::new();
        for line in table.lines().skip(2) {
            let mut parts = line.trim_matches('|').split('|').map(str::trim);
            let row = parts.next().unwrap_or_default().to_owned();
            for (column, cell) in self.columns.iter().zip(parts) {
                cells.insert((row.clone(), *column), cell.to_owned());
            }
        }
        cells
    }

    fn write(&self, rows: &[String], cells: &Cells) -> String {
        let line = |parts: Vec<&str>| format!("| {} |\n", parts.join(" | "));
        let mut text = line([&[self.first], self.columns].concat());
        text += "|";
        text += &"---|".repeat(self.columns.len() + 1);
        text += "\n";
        for row in rows {
            let of = |column: &&'static str| cells.get(&(row.clone(), *column)).map_or("", String::as_str);
            text +=
                &line([&[row.as_str()], self.columns.iter().map(of).collect::<Vec<_>>().as_slice()].concat());
        }
        text
    }
}
