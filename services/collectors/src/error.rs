//! What can go wrong while collecting, named by what it means.

use crate::raw::Failure;

/// A reason for a source to give nothing at all.
///
/// What is wrong with a single kind or (when told to go on) a single file is no error: it becomes
/// part of the population.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A path does not exist or may not be read.
    #[error("cannot read `{path}`")]
    Inaccessible {
        /// The path as the user gave it.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is broken and the collector was not told to go on.
    #[error("cannot read {0}")]
    Broken(Failure),
    /// No manifest was found.
    #[error("nothing found: no Kubernetes object in {}", names(.inputs))]
    NothingFound {
        /// What was searched.
        inputs: Vec<String>,
    },
    /// A folder holds more files than anyone would give on purpose.
    #[error("`{folder}` holds more than {limit} manifest files")]
    TooManyFiles {
        /// The folder.
        folder: String,
        /// The limit.
        limit: usize,
    },
}

fn names(inputs: &[String]) -> String {
    inputs.iter().map(|input| format!("`{input}`")).collect::<Vec<_>>().join(", ")
}
