//! The daemon: rules from `tmcore`, state behind ports, the world behind adapters.

pub mod adapters;
pub mod ports;
