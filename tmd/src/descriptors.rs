//! Every connection is a file descriptor, and most systems give a process 1,024 unless it asks for more.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything that is no connection: databases, listeners, the log.
const BESIDE_CONNECTIONS: u64 = 100;

/// Asks the system for as many descriptors as it gives without privileges, and answers how many that is.
///
/// # Errors
/// When the system refuses; the limit stays what it was.
pub fn raise() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum;
    if limit.current != most {
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
    }
    Ok(most.unwrap_or(u64::MAX))
}

/// Raises the limit, and warns when it does not reach for this many connections.
pub fn raise_for(connections: usize) {
    match raise() {
        Ok(most) if most >= connections as u64 + BESIDE_CONNECTIONS => {}
        Ok(most) => tracing::warn!(
            most,
            connections,
            "fewer file descriptors than server.max_connections: raise the hard limit (ulimit -Hn)"
        ),
        Err(fault) => tracing::warn!("failed to raise the limit of file descriptors: {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let most = raise().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), most);
    }
}
