//! A question in the middle of the screen.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::layout;
use crate::model::Model;
use crate::model::over::Dialog;
use crate::palette::Role;

pub(super) fn draw(model: &Model, question: &Dialog, pen: &mut Pen<'_>) {
    let area = layout::dialog(model.look.size);
    let (title, lines, yes, no) = worded(model, question, pen);
    let inside = pen.frame(area, title);
    for (line, text) in (1..).zip(&lines) {
        pen.text(inside, line, text, Role::Plain);
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let keys = if question.is_harmless() { "Enter, y" } else { "y" };
    let column = pen.put(foot, (0, 0), keys, Role::Key);
    pen.put(foot, (column + 1, 0), yes, Role::Plain);
    let half = inside.width / 2;
    let column =
        pen.put(foot, (half, 0), if question.is_harmless() { "n, Esc" } else { "n, Enter, Esc" }, Role::Key);
    pen.put(foot, (column + 1, 0), no, Role::Plain);
}

type Worded = (&'static str, Vec<String>, &'static str, &'static str);

fn worded(model: &Model, question: &Dialog, pen: &Pen<'_>) -> Worded {
    match question {
        Dialog::Leave => (
            "Leave the line?",
            vec!["Your place is given up; joining again goes to the end.".to_owned()],
            "leave",
            "stay",
        ),
        Dialog::Cancel => {
            ("Give the order up?", vec!["Its seats go back, nothing is paid.".to_owned()], "give up", "keep")
        }
        Dialog::Quit if !model.visit.as_ref().is_some_and(|visit| visit.checkout.is_open()) => (
            "Quit and leave the line alone?",
            vec![
                "The place lapses when nothing is heard of you for a while.".to_owned(),
                "`tmctl wait` keeps it, and so does this program when started again.".to_owned(),
            ],
            "quit",
            "stay",
        ),
        Dialog::Quit => (
            "Quit with an open order?",
            vec![
                "The order and its seats stay held until its time is up.".to_owned(),
                "`tmctl status` and `tmctl finalize` go on with it.".to_owned(),
            ],
            "quit",
            "stay",
        ),
        Dialog::Offer { lost, instead } => {
            ("A seat was taken", offer(model, (*lost, *instead), pen), "take it", "no, thanks")
        }
        Dialog::Sale(action) => {
            let event = model.console.as_ref().map(|console| pen.name(&console.name)).unwrap_or_default();
            let title = match action.verb() {
                "open" => "Open the sale?",
                "pause" => "Pause the sale?",
                "resume" => "Resume the sale?",
                _ => "Close the sale?",
            };
            let what = match action.verb() {
                "open" => "Buyers can join and buy from now on.",
                "pause" => "Nobody is let in until it is resumed; who is in goes on.",
                "resume" => "Buyers are let in again.",
                _ => "It is over for good: nobody can join or order any more.",
            };
            (title, vec![event, what.to_owned()], "do it", "leave it")
        }
        Dialog::Capacity(capacity) => (
            "Change the capacity?",
            vec![format!("{capacity} buyers may be inside at once.")],
            "do it",
            "leave it",
        ),
    }
}

fn offer(model: &Model, (lost, instead): (usize, usize), pen: &Pen<'_>) -> Vec<String> {
    let house = model.visit.as_ref().and_then(|visit| visit.house.as_ref());
    let called = |seat: usize| {
        let named = house.and_then(|house| house.named(seat));
        named.map_or_else(String::new, |named| {
            let (section, row) = (pen.name(named.section), pen.name(named.row));
            format!("{section}, row {row}, seat {}", pen.name(&named.seat.number))
        })
    };
    let price =
        house.and_then(|house| house.price(instead)).map(|price| price.to_string()).unwrap_or_default();
    vec![
        format!("Gone:   {}", called(lost)),
        format!("Free:   {}", called(instead)),
        format!("        at {price}, the nearest like it"),
    ]
}
