//! The daemon of the ticket office.

fn main() {}
