//! What the failures of the archive mean to the services.

use hexproof_core::port::StorageError;

use crate::error::ArchiveError;

impl ArchiveError {
    /// Whether the store answers, but holds something that cannot be right. Otherwise it is a matter of time.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::Malformed { .. }
            | Self::NotCreateOnly { .. }
            | Self::TooLarge { .. }
            | Self::Conflict { .. }
            | Self::Ended { .. }
            | Self::Incomplete { .. }
            | Self::NotAnInput { .. } => true,
            Self::Address { .. }
            | Self::Open { .. }
            | Self::PlainHttp { .. }
            | Self::NoCredentials { .. }
            | Self::CredentialFile { .. }
            | Self::NoBucket { .. }
            | Self::Denied { .. }
            | Self::Full { .. }
            | Self::Write { .. }
            | Self::Read { .. }
            | Self::NoRandomness { .. } => false,
        }
    }
}

impl From<ArchiveError> for StorageError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Conflict { .. } => Self::Conflict,
            ArchiveError::TooLarge { length, limit, .. } => Self::TooLarge { length, limit },
            error if error.is_damage() => Self::Damaged(Box::new(error)),
            error => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Something that was asked for cannot be, by what the store holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Contradiction {
    /// Something was to be done to an audit that nobody ordered.
    #[error("audit `{run}` of cluster `{cluster}` was never ordered")]
    NeverOrdered { cluster: hexproof_core::id::ClusterId, run: hexproof_core::id::RunId },
    /// A success without what it names.
    #[error("audit `{run}` of cluster `{cluster}` is said to have succeeded, but has no result")]
    NoResult { cluster: hexproof_core::id::ClusterId, run: hexproof_core::id::RunId },
    /// A record cannot be read.
    #[error("record `{0}` cannot be read")]
    Record(String),
}

impl From<Contradiction> for StorageError {
    fn from(error: Contradiction) -> Self {
        Self::Damaged(Box::new(error))
    }
}
