//! Text of others, made harmless for a terminal: shown, never executed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Control characters (C0, DEL, C1), line and paragraph separators, and what reorders text (Unicode TR36, "Trojan
/// Source"). Joiners and marks that scripts and emoji need are left alone.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shows harmful characters as `\u{1b}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Finishes the escaping of a JSON text: its writer leaves DEL, C1 and reordering characters as they are. They can
/// only stand inside of strings, where an escape means the same. Line ends and indents are not touched.
pub fn escape_json(text: &str) -> Cow<'_, str> {
    let is_left = |c: char| is_harmful(c) && c >= '\u{7f}';
    if !text.contains(is_left) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_left(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// A value that a POSIX shell reads as one word, whatever is in it.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+' | '=' | ',')
    };
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_shown_not_executed() {
        let hostile = "a\u{1b}]0;owned\u{7}\u{9b}31m\r\n\t\u{7f}\u{202e}b";
        assert_eq!(escape(hostile), r"a\u{1b}]0;owned\u{7}\u{9b}31m\u{d}\u{a}\u{9}\u{7f}\u{202e}b");
        assert_eq!(escape("Café 👩‍🎤 שלום"), "Café 👩‍🎤 שלום");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let hostile = "a\u{1b}\u{9b}\u{7f}\u{2066}é";
        let json = serde_json::to_string(&[hostile]).unwrap();
        let safe = escape_json(&json);
        assert_eq!(safe, r#"["a\u001b\u009b\u007f\u2066é"]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [hostile]);
    }

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(shell_word("E1"), "E1");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("E1;rm -rf $(x)'"), r"'E1;rm -rf $(x)'\'''");
    }
}
