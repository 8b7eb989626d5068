//! The command line of the ticket office.

use std::process::ExitCode;

fn main() -> ExitCode {
    tmctl::main()
}
