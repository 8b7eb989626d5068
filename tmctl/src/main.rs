//! The command line of the ticket office.

fn main() {}
