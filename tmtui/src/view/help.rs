//! All keys of a screen, and the commands.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::keymap;
use crate::layout;
use crate::model::Model;
use crate::palette::Role;

const WIDTH: u16 = 58;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let size = model.look.size;
    let keys = keymap::all(model.screen);
    let bindings = keys.iter().map(|binding| (ascii_keys(binding.keys, pen), binding.hint.to_owned()));
    let verbs = crate::update::verbs()
        .iter()
        .map(|(verb, rest, what)| (format!(":{verb} {rest}"), (*what).to_owned()));
    let lines: Vec<_> = bindings.chain([(String::new(), String::new())]).chain(verbs).collect();
    let height = u16::try_from(lines.len() + 3).unwrap_or(u16::MAX).min(size.1.saturating_sub(2));
    let inside = pen.frame(layout::middle(size, WIDTH, height), "keys, and commands after :");
    let room = usize::from(inside.height.saturating_sub(1));
    let first = usize::from(model.over.help.unwrap_or(0)).min(lines.len().saturating_sub(room));
    for (line, (keys, what)) in (0..).zip(lines.iter().skip(first).take(room)) {
        pen.put(inside, (0, line), keys, Role::Key);
        pen.put(inside, (20, line), what, Role::Plain);
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let more = if lines.len() > first + room { "arrows: more    " } else { "" };
    pen.text(foot, 0, &format!("{more}any other key: back"), Role::Faint);
}

/// Arrows in words, where only ASCII is drawn.
fn ascii_keys(keys: &str, pen: &Pen<'_>) -> String {
    if !pen.paint.ascii {
        return keys.to_owned();
    }
    let named = [('↑', "Up"), ('↓', "Down"), ('←', "Left"), ('→', "Right")];
    named.iter().fold(keys.to_owned(), |keys, (arrow, word)| keys.replace(*arrow, word))
}
