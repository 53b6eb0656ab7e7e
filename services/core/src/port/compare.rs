//! Comparing two packs.

use crate::assessment::Assessment;
use crate::diff::Diff;

/// Compares two assessments. The scorer does; those who show packs ask it.
///
/// CPU work without waiting: linear in the number of observations, tens of milliseconds for ten thousand. Call it off the
/// threads that serve.
pub trait Compare: Send + Sync {
    /// What is different in `after`. Neither says which audit made it: whoever knows that fills in
    /// [`crate::diff::PackRef::audit_id`].
    ///
    /// # Errors
    /// One of the two contradicts itself.
    fn compare(&self, before: &Assessment, after: &Assessment) -> Result<Diff, CompareError>;
}

/// Why two assessments cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// An assessment says two things that cannot both hold: it was not made by this program or was changed since.
    #[error("the {which} assessment contradicts itself: {reason}")]
    Contradiction {
        /// `earlier` or `later`.
        which: &'static str,
        /// What does not fit.
        reason: String,
    },
}
