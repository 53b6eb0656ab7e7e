//! What can go wrong on the way to a pack, and what it means for an audit of the service.

use hexproof_archive::ArchiveError;
use hexproof_core::digest::Digest;
use hexproof_core::port::{AuditError, StorageError};
use hexproof_sealer::SealError;

use crate::rendering::RenderFault;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    /// The store.
    #[error(transparent)]
    Archive(Box<ArchiveError>),
    /// The report was not drawn.
    #[error(transparent)]
    Render(#[from] RenderFault),
    /// The report was not signed.
    #[error("the report cannot be sealed")]
    Seal(#[from] SealError),
    /// A stored part is not what this program writes.
    #[error("the {what} that is stored of this run cannot be read")]
    Part {
        /// Which part.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The run was judged by an earlier or later release.
    #[error(
        "this run was judged by the catalogue {judged_by}, and this program has {catalogue}: start it anew"
    )]
    OtherCatalogue {
        /// The catalogue of the stored assessment.
        judged_by: Digest,
        /// That of this program.
        catalogue: Digest,
    },
    /// A catalogue without measures.
    #[error("the catalogue has no measure: there is nothing to report on")]
    NoMeasure,
    /// Something of our own cannot be written down.
    #[error("the result cannot be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread of a step ended without an answer.
    #[error("a step of the audit ended without an answer")]
    Stopped {
        /// The runtime's word for it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<ArchiveError> for PipelineError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl From<PipelineError> for AuditError {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Archive(error) => storage((*error).into()),
            // Whoever wants it done once more starts another audit: a crash that comes back is no matter of time.
            other => Self::Failed { reason: other.to_string(), source: Some(Box::new(other)) },
        }
    }
}

/// What a failure of the store means for an audit: silence passes, damage does not.
pub(crate) fn storage(error: StorageError) -> AuditError {
    let reason = error.to_string();
    match error {
        StorageError::Unavailable(_) => AuditError::Retry { reason, source: Some(Box::new(error)) },
        // Two workers that hold the same run: the next attempt finds what the other one stored.
        StorageError::Conflict => AuditError::Retry { reason, source: Some(Box::new(error)) },
        error => AuditError::Failed { reason, source: Some(Box::new(error)) },
    }
}
