//! A folder with the recorded answers of an API server.
//!
//! `_index*.json` list the answers: method, path, status, headers asked with and the file of the
//! body. The recording answers what the live server would have been asked, so both are read by the
//! same code.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::api::{Refusal, refusal};
use crate::error::CollectError;

/// Largest index that is read.
const INDEX: u64 = 64 << 20;
/// Largest recorded error that is looked at.
const ERROR: u64 = 64 << 10;

/// The answers, by question.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    answers: BTreeMap<(String, String), Vec<Recorded>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Recorded {
    file: String,
    method: String,
    path: String,
    status: u16,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

impl Recorded {
    /// When the server answered, by its own `Date` header (RFC 9110, section 6.6.1).
    fn date(&self) -> Option<Timestamp> {
        let (_, date) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
        Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
    }
}

impl Recording {
    /// Whether `folder` is a recording.
    #[must_use]
    pub fn is_one(folder: &Path) -> bool {
        folder.join("_index.json").is_file()
    }

    /// Reads the index of a recording.
    ///
    /// # Errors
    /// An index that cannot be read or is not one.
    pub fn open_folder(folder: &Path) -> Result<Self, CollectError> {
        use std::io::Read as _;
        let index = folder.join("_index.json");
        let shown = index.display().to_string();
        let inaccessible = |source| CollectError::Inaccessible { path: shown.clone(), source };
        let mut text = Vec::new();
        File::open(&index).map_err(inaccessible)?.take(INDEX).read_to_end(&mut text).map_err(inaccessible)?;
        let entries: Vec<Recorded> = serde_json::from_slice(&text)
            .map_err(|source| CollectError::Recording { index: shown.clone(), source })?;
        let mut answers: BTreeMap<_, Vec<Recorded>> = BTreeMap::new();
        for entry in entries {
            answers.entry((entry.method.clone(), entry.path.clone())).or_default().push(entry);
        }
        Ok(Self { folder: folder.to_owned(), answers })
    }

    /// When the first and the last answer were given: the state is that old, whenever it is judged.
    #[must_use]
    pub fn period(&self) -> Option<(Timestamp, Timestamp)> {
        let dates = || self.answers.values().flatten().filter_map(Recorded::date);
        Some((dates().min()?, dates().max()?))
    }

    /// The file with the answer to a question.
    ///
    /// Pages are recorded whole, so a `limit` in the question counts for nothing. Of several
    /// answers that asked for the same form is taken, and one with the recorder's full rights: that
    /// is the first one.
    pub(super) fn open(&self, method: &Method, path: &str, accept: &str) -> Result<File, Refusal> {
        let path = path.split('?').next().unwrap_or_default();
        let key = (method.as_str().to_owned(), path.to_owned());
        let recorded = self.answers.get(&key).map(Vec::as_slice).unwrap_or_default();
        let asked = |entry: &&Recorded| {
            entry.request_headers.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("accept") && value.split(',').next() == accept.split(',').next()
            })
        };
        // Metadata alone was seldom asked for: whole objects are reduced afterwards.
        let Some(entry) = recorded.iter().find(asked).or_else(|| recorded.first()) else {
            return Err(Refusal {
                status: Some(StatusCode::NOT_FOUND),
                ..Refusal::fault(format!("the recording has no answer to {method} {path}"))
            });
        };
        let status =
            StatusCode::from_u16(entry.status).map_err(|_| Refusal::fault("the recorded status is none"))?;
        let plain =
            !entry.file.is_empty() && !entry.file.starts_with('.') && !entry.file.contains(['/', '\\']);
        if !plain {
            return Err(Refusal::fault("the recording names a file outside of its folder"));
        }
        let file = File::open(self.folder.join(&entry.file))
            .map_err(|error| Refusal::fault(format!("`{}` cannot be opened: {error}", entry.file)))?;
        if status.is_success() {
            return Ok(file);
        }
        let mut body = Vec::new();
        use std::io::Read as _;
        // An error whose text cannot be read is still that error.
        let _ = file.take(ERROR).read_to_end(&mut body);
        Err(refusal(status, &HeaderMap::new(), &body))
    }
}
