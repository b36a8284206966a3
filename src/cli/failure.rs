//! How a command ends: [`Verdict`] when it ran, [`Failure`] when it could not, and their exit codes.

use std::io;
use std::process::ExitCode;

use trade_ledger::core::replay::ReplayError;
use trade_ledger::store::{ErrorKind, StoreError};

/// What a command that ran found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to complain about.
    Fine,
    /// The answer is that something is wrong: conflicts, rejected lines, damage.
    Wrong,
}

impl Verdict {
    /// [`Verdict::Wrong`] when `something` is.
    pub fn wrong_if(something: bool) -> Self {
        if something { Self::Wrong } else { Self::Fine }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(match verdict {
            Verdict::Fine => 0,
            Verdict::Wrong => 1,
        })
    }
}

/// Why a command stopped. The message says what, where, which value, and what to do.
#[derive(Debug)]
pub enum Failure {
    /// The request or its surroundings need mending: exit code 2.
    Usage(String),
    /// The ledger or the input is wrong: exit code 1.
    Wrong(String),
    /// Nobody reads the output any more: quiet, exit code 0.
    ReaderGone,
}

impl Failure {
    /// Usage or environment.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// What to tell the user.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Wrong(message) => Some(message),
            Self::ReaderGone => None,
        }
    }

    /// The process's exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Wrong(_) => 1,
            Self::ReaderGone => 0,
        })
    }
}

/// An [`io::Error`] reaches this conversion from standard output only; files name themselves.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Usage(format!("cannot write the output: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            ErrorKind::Repair | ErrorKind::Conflict | ErrorKind::Input => Self::Wrong(error.to_string()),
            ErrorKind::Environment | ErrorKind::Reopen => Self::Usage(error.to_string()),
        }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Self::Wrong(format!("the figures cannot be held exactly: {error}"))
    }
}
