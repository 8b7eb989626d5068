//! A process and those that it started. Where there is no `/proc` that is the process alone.

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a process, and then to each that it started; answers those.
pub fn signal(first: Pid, signal: Signal) -> Vec<Pid> {
    send(first, signal);
    let children = children(first);
    for &child in &children {
        send(child, signal);
    }
    children
}

/// It may have ended a moment ago.
pub fn send(to: Pid, signal: Signal) {
    let _ = kill_process(to, signal);
}

/// Those whose command line holds a text.
pub fn called(parent: Pid, text: &str) -> Vec<Pid> {
    let says = |child: &Pid| {
        let line = std::fs::read(format!("/proc/{}/cmdline", child.as_raw_nonzero())).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    children(parent).into_iter().filter(says).collect()
}

pub fn is_gone(process: Pid) -> bool {
    status(process).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child =
        |&process: &Pid| status(process).is_some_and(|(_, its)| Pid::from_raw(its) == Some(parent));
    ids.filter_map(Pid::from_raw).filter(is_child).collect()
}

/// State and parent of a process. Source: `man 5 proc_pid_stat`.
fn status(of: Pid) -> Option<(char, i32)> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", of.as_raw_nonzero())).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
