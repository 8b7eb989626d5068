//! Where a daemon's processor time goes while it is loaded, by `perf`: `--profile`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// `perf record` beside a load.
pub struct Profile {
    recorder: Child,
    file: PathBuf,
}

impl Profile {
    /// Begins to sample a process, 999 times a second of processor time. The samples are kept under the name.
    pub fn start(process: u32, name: &str) -> anyhow::Result<Self> {
        let file = super::results().join(format!("{name}.perf"));
        std::fs::create_dir_all(super::results())?;
        let mut perf = Command::new("perf");
        perf.args([
            "record",
            "-e",
            "cpu-clock",
            "-F",
            "999",
            "--call-graph",
            "dwarf,16384",
            "-p",
            &process.to_string(),
            "-o",
        ]);
        let recorder =
            perf.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { recorder, file })
    }

    /// Ends the sampling and prints the functions that took most.
    pub fn end(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-INT", &self.recorder.id().to_string()]).status()?;
        self.recorder.wait()?;
        let mut report = Command::new("perf");
        report.args(["report", "--stdio", "--no-children", "-g", "none", "--percent-limit", "0.7", "-i"]);
        let output = report.arg(&self.file).stdin(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        eprintln!("  {}", self.file.display());
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).take(40) {
            eprintln!("    {}", line.trim());
        }
        Ok(())
    }
}
