//! What `tmctl help TOPIC` explains.

use std::fmt::Write as _;

use tmapi::ProblemCode;

use crate::exit::Exit;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Tutorial,
    ExitCodes,
    Environment,
    Formats,
    Idempotency,
}

impl Topic {
    pub const ALL: [Self; 5] =
        [Self::Tutorial, Self::ExitCodes, Self::Environment, Self::Formats, Self::Idempotency];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tutorial => "tutorial",
            Self::ExitCodes => "exit-codes",
            Self::Environment => "environment",
            Self::Formats => "formats",
            Self::Idempotency => "idempotency",
        }
    }

    pub const fn about(self) -> &'static str {
        match self {
            Self::Tutorial => "from nothing to a ticket, and from a seating plan to a sale",
            Self::ExitCodes => "what a script may rely on",
            Self::Environment => "the variables that are read",
            Self::Formats => "how data is written",
            Self::Idempotency => "why nothing is bought twice",
        }
    }

    /// The topic of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    pub fn text(self) -> String {
        match self {
            Self::Tutorial => include_str!("topic/tutorial.txt").to_owned(),
            Self::ExitCodes => exit_codes(),
            Self::Environment => include_str!("topic/environment.txt").to_owned(),
            Self::Formats => include_str!("topic/formats.txt").to_owned(),
            Self::Idempotency => include_str!("topic/idempotency.txt").to_owned(),
        }
    }
}

/// Written from the table that the program itself goes by.
fn exit_codes() -> String {
    let mut text = "Exit codes. The numbers are stable.\n\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text.push_str("\nProblem codes of the daemon, by the exit code they lead to:\n\n");
    for exit in Exit::ALL {
        let codes = ProblemCode::ALL.iter().filter(|code| Exit::from(**code) == *exit);
        let codes: Vec<_> = codes.map(|code| code.as_str()).collect();
        for (first, line) in codes.chunks(4).enumerate() {
            let number = if first == 0 { exit.code().to_string() } else { String::new() };
            let _ = writeln!(text, "  {number:>3}  {}", line.join(", "));
        }
    }
    text.push_str(
        "\nA script that waits its turn, and comes back where 8 says that the place is still good:\n\n  \
         tmctl join E1\n  until tmctl wait --timeout 60s; do [ $? -eq 8 ] || exit 1; done\n  \
         tmctl order && tmctl confirm --best 2 --payment-token tok_ok && tmctl finalize\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_exit_and_every_problem_is_explained() {
        let text = Topic::ExitCodes.text();
        for exit in Exit::ALL {
            assert!(text.contains(&format!("{:>3}  {}", exit.code(), exit.meaning())), "{exit:?}");
        }
        for code in ProblemCode::ALL {
            assert!(text.contains(code.as_str()), "{code:?}");
        }
    }

    #[test]
    fn every_variable_that_is_read_is_explained() {
        fn look(folder: &Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    look(&path, names);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
                    let quoted = code.split('"').filter(|word| {
                        word.len() > 3
                            && ["TM_", "TMD_", "XDG_", "NO_COLOR", "CLICOLOR"]
                                .iter()
                                .any(|p| word.starts_with(p))
                            && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                    });
                    names.extend(quoted.map(str::to_owned));
                }
            }
        }
        let mut names = Vec::new();
        look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        assert!(names.iter().any(|name| name == "TM_ORGANISER_TOKEN"), "{names:?}");
        let text = Topic::Environment.text();
        for name in names {
            assert!(text.contains(&name), "{name} is not explained");
        }
    }

    #[test]
    fn texts_fit_a_terminal() {
        for topic in Topic::ALL {
            for line in topic.text().lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", topic.name());
            }
        }
    }
}
