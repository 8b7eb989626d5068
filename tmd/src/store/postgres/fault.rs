//! What an error of the driver means to whoever waits for an answer.

use crate::ports::StoreError;
use crate::ports::fault::Fault;

/// Why a transaction was not carried out.
#[derive(Debug)]
pub(super) enum PgError {
    /// Somebody else was first with what this one was about to write, or both waited for each other. What they wrote is
    /// there to be read now.
    Rival,
    /// Anything else.
    Store(StoreError),
}

impl From<StoreError> for PgError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PgError> for StoreError {
    fn from(error: PgError) -> Self {
        match error {
            PgError::Rival => Self::Busy,
            PgError::Store(error) => error,
        }
    }
}

impl From<sqlx::Error> for PgError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy.into(),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => return unreachable(&error),
            sqlx::Error::Database(database) => database.code(),
            _ => None,
        };
        match code.as_deref().map(Meaning::of) {
            Some(Meaning::Rival) => Self::Rival,
            Some(Meaning::Busy) => StoreError::Busy.into(),
            Some(Meaning::Fault(fault)) => StoreError::Fault(fault).into(),
            Some(Meaning::Unreachable) => unreachable(&error),
            Some(Meaning::Other) | None => StoreError::failed(error).into(),
        }
    }
}

fn unreachable(error: &sqlx::Error) -> PgError {
    StoreError::Unreachable(error.to_string().into()).into()
}

/// A driver's error as the port tells it.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    PgError::from(error).into()
}

/// What a SQLSTATE is about. Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Rival,
    Busy,
    Fault(Fault),
    Unreachable,
    Other,
}

impl Meaning {
    fn of(code: &str) -> Self {
        match code {
            // Unique violation, serialization failure, deadlock.
            "23505" | "40001" | "40P01" => Self::Rival,
            // Lock time-out, statement time-out, too many connections, out of memory.
            "55P03" | "57014" | "53300" | "53200" => Self::Busy,
            "53100" => Self::Fault(Fault::Full),
            "25006" => Self::Fault(Fault::ReadOnly),
            "58030" => Self::Fault(Fault::Disk),
            "XX001" | "XX002" => Self::Fault(Fault::Damaged),
            // Shut down, starting up, no such database, idle for too long.
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "3D000" => Self::Unreachable,
            // Connections, and who may have one.
            _ if code.starts_with("08") || code.starts_with("28") => Self::Unreachable,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (code, meaning) in [
            ("23505", Meaning::Rival),
            ("40P01", Meaning::Rival),
            ("40001", Meaning::Rival),
            ("55P03", Meaning::Busy),
            ("57014", Meaning::Busy),
            ("53300", Meaning::Busy),
            ("53100", Meaning::Fault(Fault::Full)),
            ("25006", Meaning::Fault(Fault::ReadOnly)),
            ("57P01", Meaning::Unreachable),
            ("08006", Meaning::Unreachable),
            ("28P01", Meaning::Unreachable),
            ("23514", Meaning::Other),
            ("42P01", Meaning::Other),
        ] {
            assert_eq!(Meaning::of(code), meaning, "{code}");
        }
    }

    #[test]
    fn a_lost_connection_is_never_a_fault_of_the_program() {
        let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(failed(sqlx::Error::Io(lost)), StoreError::Unreachable(_)));
        assert!(matches!(failed(sqlx::Error::PoolTimedOut), StoreError::Busy));
    }
}
