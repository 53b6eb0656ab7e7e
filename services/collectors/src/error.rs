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
    /// No kubeconfig, or one that cannot be used.
    #[error("no usable kubeconfig: {reason}")]
    Kubeconfig {
        /// What is wrong with it.
        reason: String,
    },
    /// The API server does not answer, or not even what it serves.
    #[error("the API server cannot be asked: {reason}")]
    Unanswered {
        /// The server's or the connection's reason.
        reason: String,
    },
    /// A folder looks like an API recording, but its index is none.
    #[error("`{index}` is not the index of an API recording")]
    Recording {
        /// The file.
        index: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A part of the collection ended by itself.
    #[error("the collection was stopped: {reason}")]
    Stopped {
        /// What happened.
        reason: String,
    },
}

fn names(inputs: &[String]) -> String {
    inputs.iter().map(|input| format!("`{input}`")).collect::<Vec<_>>().join(", ")
}
