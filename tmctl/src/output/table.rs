//! Tables for people, tab-separated lines for programs.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Modify, Padding, Style, Width};

use super::escape::escape;

/// A column gets no narrower than this.
const NARROWEST: usize = 8;

/// Things of one kind, one a row.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "its rows are rows")]
pub struct Rows {
    pub head: &'static [&'static str],
    pub rows: Vec<Vec<String>>,
    /// The column that gives way on a narrow terminal; ids never do.
    pub flexible: Option<usize>,
}

/// One part of what a command shows.
#[derive(Clone, Debug)]
pub enum Block {
    /// One thing, one property a line.
    Fields(Vec<(&'static str, String)>),
    /// Many things.
    Rows(Rows),
    /// Our own drawing, for people only; goes out as it is.
    Drawing(String),
}

/// For people. Cells are escaped; `bold` marks the heads.
pub fn table(blocks: &[Block], width: Option<usize>, bold: &dyn Fn(&str) -> String) -> String {
    let parts = blocks.iter().map(|block| match block {
        Block::Drawing(text) => text.clone(),
        Block::Fields(fields) => fields_table(fields, bold),
        Block::Rows(rows) => rows_table(rows, width, bold),
    });
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn fields_table(fields: &[(&'static str, String)], bold: &dyn Fn(&str) -> String) -> String {
    let wide = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&'static str, String)| {
        [bold(&format!("{name:<wide$}")), escape(value).into_owned()].join("  ")
    };
    fields.iter().flat_map(|field| [line(field), "\n".to_owned()]).collect()
}

fn rows_table(rows: &Rows, width: Option<usize>, bold: &dyn Fn(&str) -> String) -> String {
    if rows.rows.is_empty() {
        return String::new();
    }
    let mut builder = Builder::default();
    builder.push_record(rows.head.iter().map(|head| head.to_uppercase()));
    for row in &rows.rows {
        builder.push_record(row.iter().map(|cell| escape(cell).into_owned()));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    if let (Some(width), Some(column)) = (width, rows.flexible) {
        let too_much = table.total_width().saturating_sub(width);
        let widest = rows.rows.iter().filter_map(|row| row.get(column)).map(|cell| tabled_width(cell)).max();
        if too_much > 0 {
            let room = widest.unwrap_or(0).saturating_sub(too_much).max(NARROWEST);
            table.with(Modify::new(Columns::one(column)).with(Width::truncate(room).suffix("…")));
        }
    }
    let text = table.to_string();
    let mut lines = text.lines().map(str::trim_end);
    let head = lines.next().map(bold).unwrap_or_default();
    std::iter::once(head).chain(lines.map(str::to_owned)).map(|line| line + "\n").collect()
}

fn tabled_width(cell: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(escape(cell).as_ref())
}

/// For programs: no heads, cells parted by tabs. Escaping leaves no tab or line end inside of a cell.
pub fn lines(blocks: &[Block]) -> String {
    let line = |cells: Vec<&str>| cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>().join("\t") + "\n";
    let of_block = |block: &Block| -> String {
        match block {
            Block::Drawing(_) => String::new(),
            Block::Fields(fields) => fields.iter().map(|(name, value)| line(vec![name, value])).collect(),
            Block::Rows(rows) => {
                rows.rows.iter().map(|row| line(row.iter().map(String::as_str).collect())).collect()
            }
        }
    };
    blocks.iter().map(of_block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Vec<Block> {
        let row = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        vec![
            Block::Fields(vec![("event", "E1".to_owned()), ("name", "Evil \u{1b}[2J\tname".to_owned())]),
            Block::Rows(Rows {
                head: &["event", "name", "seats"],
                rows: vec![
                    row("E1", "A long name, longer than there is room for", "12"),
                    row("E2", "日本語", "3"),
                ],
                flexible: Some(1),
            }),
            Block::Drawing("<qr>\n".to_owned()),
        ]
    }

    #[test]
    fn people_get_a_table_that_fits() {
        let text = table(&blocks(), Some(40), &|head| format!("*{head}*"));
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 42));
    }

    #[test]
    fn programs_get_cells_parted_by_tabs_whatever_is_in_them() {
        insta::assert_snapshot!(lines(&blocks()));
    }
}
