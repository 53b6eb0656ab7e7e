//! What can go wrong, named by what it means for the run.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use crate::layout::Part;

/// Failures of the archive. Each names the store and, where there is one, the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The address of the store cannot be understood or must not be used as it is.
    #[error("store `{url}`: {reason}")]
    Address {
        /// The address as given, less credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was understood but cannot be set up: settings in the environment, or a local folder.
    #[error("cannot open store `{store}`")]
    Open {
        /// The store's address.
        store: String,
        /// Why.
        source: StoreFault,
    },
    /// The environment has no credentials for the store.
    #[error("store `{store}`: no credentials; set {wanted}")]
    NoCredentials {
        /// The store's address.
        store: String,
        /// The variables that would give them.
        wanted: String,
    },
    /// A file of the folder of credentials cannot be used. Its contents are not shown.
    #[error("cannot use the credential `{path}`")]
    CredentialFile {
        /// The file or the folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The endpoint would carry evidence and credentials in clear over a network.
    #[error(
        "store `{store}`: endpoint `{endpoint}` is not encrypted; plain http is for loopback addresses only"
    )]
    PlainHttp {
        /// The store's address.
        store: String,
        /// The refused endpoint.
        endpoint: String,
    },
    /// The bucket or container does not exist.
    #[error("cannot write `{key}`: store `{store}` has no such bucket or container")]
    NoBucket {
        /// The store's address.
        store: String,
        /// The key that was to be written.
        key: String,
        /// The store's answer.
        source: StoreFault,
    },
    /// The store refused: credentials missing or insufficient, or a read-only folder.
    #[error("no permission for `{key}` in store `{store}`")]
    Denied {
        /// The store's address.
        store: String,
        /// The key that was to be written or read.
        key: String,
        /// The store's answer.
        source: StoreFault,
    },
    /// No space is left, or a quota or size limit was reached. Nothing of the object is visible.
    #[error("cannot write `{key}`: store `{store}` is full")]
    Full {
        /// The store's address.
        store: String,
        /// The key that was to be written.
        key: String,
        /// The store's answer.
        source: StoreFault,
    },
    /// The object could not be written for another reason. Nothing of it is visible.
    #[error("cannot write `{key}` to store `{store}`")]
    Write {
        /// The store's address.
        store: String,
        /// The key that was to be written.
        key: String,
        /// The store's answer.
        source: StoreFault,
    },
    /// The object, or a listing under the key, could not be read.
    #[error("cannot read `{key}` from store `{store}`")]
    Read {
        /// The store's address.
        store: String,
        /// The key or prefix that was to be read.
        key: String,
        /// The store's answer.
        source: StoreFault,
    },
    /// There is no such object.
    #[error("`{key}` is not in store `{store}`")]
    Missing {
        /// The store's address.
        store: String,
        /// The key.
        key: String,
    },
    /// The key exists with other bytes. They stay; nothing is overwritten.
    #[error("`{key}` already exists in store `{store}` with other bytes")]
    Conflict {
        /// The store's address.
        store: String,
        /// The key.
        key: String,
    },
    /// The bytes read are not those that were stored.
    #[error("`{key}` in store `{store}` is damaged: {reason}")]
    Damaged {
        /// The store's address.
        store: String,
        /// The key.
        key: String,
        /// How the damage shows.
        reason: String,
    },
    /// A record cannot be understood.
    #[error("`{key}` in store `{store}` cannot be understood")]
    Malformed {
        /// The store's address.
        store: String,
        /// The key.
        key: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The object is larger than this program reads into memory.
    #[error("`{key}` in store `{store}` has {length} bytes; at most {limit} are read")]
    TooLarge {
        /// The store's address.
        store: String,
        /// The key.
        key: String,
        /// Its length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The machine's source of randomness does not answer.
    #[error("no random bytes for a key in store `{store}`")]
    NoRandomness {
        /// The store's address.
        store: String,
    },
    /// The store wrote a key twice although asked not to, so two runs could both win.
    #[error(
        "store `{store}` overwrote `{key}`: it does not honour create-only writes and cannot hold evidence"
    )]
    NotCreateOnly {
        /// The store's address.
        store: String,
        /// The key it wrote twice.
        key: String,
    },
    /// The run ended before, without a pack, and stays ended.
    #[error("run has ended without a pack: `{key}` in store `{store}` says: {reason}")]
    Ended {
        /// The store's address.
        store: String,
        /// The key that says so.
        key: String,
        /// Why there is no pack.
        reason: String,
    },
    /// A run was to be finished before everything its result names was stored.
    #[error("run cannot be finished: {} not stored", missing.join(", "))]
    Incomplete {
        /// What is missing.
        missing: Vec<&'static str>,
    },
    /// A part was offered that a run does not take by this way.
    #[error("`{}` is written by the archive itself", part.file_name())]
    NotAnInput {
        /// The part.
        part: Part,
    },
}

/// An answer of the store in its own words, with all its causes.
///
/// Its `Display` tells the whole story, so it has no `source`: printing a chain says everything once.
#[derive(Debug)]
pub struct StoreFault(Fault);

#[derive(Debug)]
enum Fault {
    Store(object_store::Error),
    Io(std::io::Error),
    Elapsed(Duration),
}

/// Where clouds answer their own machines about credentials; asked last, when the environment has none.
const METADATA_SERVICE: &str = "//169.254.169.254/";

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Store(error) if lacks_credentials(error) => {
                write!(f, "no credentials in the environment, and this machine has none of its own: {error}")
            }
            Fault::Store(error) => error.fmt(f),
            Fault::Io(error) => error.fmt(f),
            Fault::Elapsed(limit) => write!(f, "no answer within {} s", limit.as_secs_f32()),
        }
    }
}

impl StdError for StoreFault {}

impl From<object_store::Error> for StoreFault {
    fn from(error: object_store::Error) -> Self {
        Self(Fault::Store(error))
    }
}

impl From<std::io::Error> for StoreFault {
    fn from(error: std::io::Error) -> Self {
        Self(Fault::Io(error))
    }
}

/// What a fault says about the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// There is no such object; for a write, no such bucket.
    Absent,
    /// The key exists, or someone is writing it now.
    Exists,
    /// Credentials or rights are missing.
    Denied,
    /// No room.
    Full,
    /// The store cannot do this at all.
    Unsupported,
    /// Anything else: the write may or may not have been applied.
    Unclear,
}

impl StoreFault {
    pub(crate) fn elapsed(limit: Duration) -> Self {
        Self(Fault::Elapsed(limit))
    }

    pub(crate) fn meaning(&self) -> Meaning {
        use object_store::Error as E;
        match &self.0 {
            Fault::Elapsed(_) => Meaning::Unclear,
            Fault::Io(error) => by_cause(error),
            Fault::Store(error) => match error {
                E::NotFound { .. } => Meaning::Absent,
                // Azure of some versions answers a lost create with a failed precondition.
                E::AlreadyExists { .. } | E::Precondition { .. } => Meaning::Exists,
                E::PermissionDenied { .. } | E::Unauthenticated { .. } => Meaning::Denied,
                E::NotSupported { .. } | E::NotImplemented { .. } => Meaning::Unsupported,
                other if lacks_credentials(other) => Meaning::Denied,
                other => by_cause(other),
            },
        }
    }
}

/// Whether the last resort for credentials was asked in vain.
fn lacks_credentials(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { source, .. } if source.to_string().contains(METADATA_SERVICE))
}

/// Looks for an operating system error among the causes.
fn by_cause(error: &(dyn StdError + 'static)) -> Meaning {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            match io.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    return Meaning::Full;
                }
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => return Meaning::Denied,
                // An error kind of the standard library; its list is open.
                _ => {}
            }
        }
        next = cause.source();
    }
    Meaning::Unclear
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_credentials_are_told_from_a_store_that_does_not_answer() {
        let fault = |url: &str| {
            let source = format!("Error performing PUT {url} in 8ms - HTTP error").into();
            StoreFault::from(object_store::Error::Generic { store: "S3", source })
        };
        let lost = fault("http://169.254.169.254/latest/api/token");
        assert_eq!(lost.meaning(), Meaning::Denied);
        assert!(lost.to_string().starts_with("no credentials in the environment"), "{lost}");
        let silent = fault("https://bucket.s3.example.org/key");
        assert_eq!(silent.meaning(), Meaning::Unclear);
        assert!(!silent.to_string().contains("credentials"), "{silent}");
    }

    #[test]
    fn the_reason_of_the_system_is_found_at_any_depth() {
        let wrapped = |kind: ErrorKind| {
            let inner =
                object_store::Error::Generic { store: "disk", source: Box::new(std::io::Error::from(kind)) };
            StoreFault::from(object_store::Error::Generic { store: "outer", source: Box::new(inner) })
                .meaning()
        };
        assert_eq!(wrapped(ErrorKind::StorageFull), Meaning::Full);
        assert_eq!(wrapped(ErrorKind::ReadOnlyFilesystem), Meaning::Denied);
        assert_eq!(wrapped(ErrorKind::ConnectionReset), Meaning::Unclear);
    }
}
