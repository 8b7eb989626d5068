//! The machine everything ran on.

use std::fmt;
use std::fs::read_to_string;

use serde::Serialize;

/// What figures depend on most.
#[derive(Debug, Serialize)]
pub struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    load_before: String,
}

impl Machine {
    /// Looks at this one.
    pub fn look() -> anyhow::Result<Self> {
        let processors = read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = read_to_string("/proc/loadavg")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: model.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            kernel: read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load_before: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "machine: {} cores of {}, Linux {}, load before {}; the generator shares the cores with what it measures",
            self.cores, self.processor, self.kernel, self.load_before
        )
    }
}
