//! One line out, one line in.

use std::io::{self, BufRead as _, Write as _};

/// The longest line that is read, bytes.
const LONGEST: u64 = 4096;

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A line, without blanks around it.
    Text(String),
    /// Enough: `q`, or the end of the input.
    Enough,
}

/// Tells a line.
pub fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Asks for a line.
pub async fn ask(question: &str) -> anyhow::Result<Answer> {
    let mut out = io::stdout();
    write!(out, "{question}")?;
    out.flush()?;
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let read = io::Read::take(io::stdin().lock(), LONGEST).read_line(&mut line);
        read.map(|bytes| (bytes > 0).then_some(line))
    });
    let answer = line.await??;
    Ok(match answer.as_deref().map(str::trim) {
        None | Some("q") => Answer::Enough,
        Some(text) => Answer::Text(text.to_owned()),
    })
}

/// Asks for a yes; an empty line is one.
pub async fn is_yes(question: &str) -> anyhow::Result<bool> {
    Ok(match ask(question).await? {
        Answer::Text(text) => matches!(text.to_lowercase().as_str(), "" | "y" | "yes"),
        Answer::Enough => false,
    })
}
