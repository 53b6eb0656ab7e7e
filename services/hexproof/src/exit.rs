//! Exit codes, and how an error is told.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, whatever was found.
    Done,
    /// Rated below `--fail-below`, or a file was not verified.
    Failed,
    /// Wrong usage, or input that cannot be read; nothing was made.
    Unusable,
    /// Done, but a source or an object could not be read; the result says which.
    Incomplete,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Unusable => 2,
            Self::Incomplete => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Tells an error and its causes on standard error.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let mut causes = Vec::new();
    for cause in error.chain() {
        let text = crate::terminal::printable(&cause.to_string());
        // Some libraries repeat their source in their own text.
        if !causes.iter().any(|said: &String| said.contains(&text)) {
            causes.push(text);
        }
    }
    eprintln!("error: {}", causes.join(": "));
    Exit::Unusable
}
