//! The terminal UI of the ticket office.

use std::process::ExitCode;

fn main() -> ExitCode {
    tmtui::main()
}
