//! What everybody was told, as it is kept: every question when it was asked and when it was answered.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tmcore::drill::{Asked, Outcome};

/// Grows while the crowd buys.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Asked>>);

impl History {
    pub fn add(&self, asked: Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }

    pub fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One line of the file, in the form of Jepsen's histories: an invocation, or what it came to.
/// Source: <https://github.com/jepsen-io/jepsen/blob/main/doc/tutorial/06-refining.md>.
#[derive(Serialize)]
struct Line<'a> {
    process: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    f: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    value: serde_json::Value,
    /// Nanoseconds of the rehearsal.
    time: u64,
}

/// Writes one JSON document a line, in the order of time.
pub fn write(history: &[Asked], out: &mut impl Write) -> io::Result<()> {
    let mut lines: Vec<_> =
        history.iter().flat_map(|asked| [line(asked, false), line(asked, true)]).collect();
    lines.sort_by_key(|line| line.time);
    for line in lines {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn line(asked: &Asked, is_answer: bool) -> Line<'_> {
    let (kind, value) = match &asked.outcome {
        _ if !is_answer => ("invoke", serde_json::Value::Null),
        Outcome::Ok(known) => ("ok", serde_json::to_value(known).unwrap_or_default()),
        Outcome::Fail(code) => ("fail", code.as_str().into()),
        Outcome::Info(why) => ("info", why.as_str().into()),
    };
    let millis = if is_answer { asked.ended_millis } else { asked.began_millis };
    let (process, f, key) = (asked.buyer, asked.step.as_str(), asked.key.as_deref());
    Line { process, kind, f, key, value, time: millis * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use tmcore::drill::{Known, Step};

    use super::*;

    #[test]
    fn every_question_is_a_line_and_so_is_its_answer_in_the_order_of_time() {
        let asked = |buyer, began_millis, ended_millis, outcome| Asked {
            buyer,
            step: Step::Order,
            key: Some(format!("k{buyer}")),
            began_millis,
            ended_millis,
            outcome,
        };
        let known = Known { order: Some("ord_1".to_owned()), ..Known::default() };
        let history =
            [asked(1, 0, 9, Outcome::Ok(known)), asked(2, 3, 4, Outcome::Fail("not-admitted".to_owned()))];
        let mut text = Vec::new();
        write(&history, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "{\"process\":1,\"type\":\"invoke\",\"f\":\"order\",\"key\":\"k1\",\"value\":null,\"time\":0}\n\
             {\"process\":2,\"type\":\"invoke\",\"f\":\"order\",\"key\":\"k2\",\"value\":null,\"time\":3000000}\n\
             {\"process\":2,\"type\":\"fail\",\"f\":\"order\",\"key\":\"k2\",\"value\":\"not-admitted\",\"time\":4000000}\n\
             {\"process\":1,\"type\":\"ok\",\"f\":\"order\",\"key\":\"k1\",\"value\":{\"order\":\"ord_1\"},\"time\":9000000}\n"
        );
    }
}
