//! What a source hands on before redaction: raw objects, and whatever could not become one.
//!
//! Raw values never leave this crate; only [`crate::redact`] reads them.

use std::{fmt, sync::Arc};

use serde_json::Value;

/// Where an object was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A document of a manifest file.
    Document {
        /// The file as the user named it, or `-` for standard input.
        file: Arc<str>,
        /// Number of the document in the file, from 1.
        document: u32,
        /// Line on which the document (or the item of a list) starts, from 1.
        line: u32,
    },
    /// An item of a list that an API server returned.
    Listed {
        /// Path of the list, such as `/api/v1/pods`.
        list: Arc<str>,
        /// Position in the list, from 0.
        index: u64,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { file, line, .. } => write!(f, "{file}:{line}"),
            Self::Listed { list, index } => write!(f, "{list}[{index}]"),
        }
    }
}

/// An object as it came, secrets included.
pub struct RawObject {
    /// The object; it has `apiVersion` and `kind`.
    pub value: Value,
    /// Where it was found.
    pub origin: Origin,
    /// Whether only its metadata was asked for.
    pub partial: bool,
}

// A derived Debug would print secrets into logs and test output.
impl fmt::Debug for RawObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawObject").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl RawObject {
    /// A string member at the top of the object.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key)?.as_str()
    }
}

/// A file or document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line of the fault, from 1, where there is one.
    pub line: Option<u32>,
    /// What is wrong; never a value out of the file.
    pub reason: String,
    /// Whether the file itself is broken; otherwise one object in it is, and the rest stands.
    pub broken: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "`{}` line {line}: {}", self.file, self.reason),
            None => write!(f, "`{}`: {}", self.file, self.reason),
        }
    }
}

/// One thing read from a source.
#[derive(Debug)]
pub enum Reading {
    /// A Kubernetes object.
    Object(RawObject),
    /// Something that is not cluster state, left out on purpose.
    Excluded {
        /// Where it is.
        origin: Origin,
        /// Why it is left out.
        reason: &'static str,
    },
    /// Something that should have been readable and is not.
    Failed(Failure),
}

/// Where readers put what they read; `Break` asks them to stop.
pub type Sink<'a> = dyn FnMut(Reading) -> std::ops::ControlFlow<()> + 'a;
