//! Measure files: the built-in ones, embedded when the program was built, and folders of the user's.

use hexproof_core::digest::Digest;
use hexproof_core::measure::{Catalogue, Measure};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
}

/// Why a measure file is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The text is no YAML or lacks a field.
    #[error("measure file `{file}`: {reason}")]
    Parse {
        /// The file.
        file: String,
        /// Position and reason.
        reason: String,
    },
    /// The file is not named after its measure and layer.
    #[error("measure file `{file}` holds `{id}`; it belongs at `{expected}`")]
    Name {
        /// The file.
        file: String,
        /// The id inside.
        id: String,
        /// Where it belongs.
        expected: String,
    },
}

/// Reads one measure file with its examples.
///
/// # Errors
/// YAML that is broken, a missing or unknown field, or a file that is not named `<layer>/<id>.yaml`.
pub fn parse(file: &str, text: &str) -> Result<Measure, CatalogueError> {
    let measure: Measure = serde_saphyr::from_str(text)
        .map_err(|error| CatalogueError::Parse { file: file.to_owned(), reason: error.to_string() })?;
    let expected = format!("{}/{}.yaml", measure.layer.word(), measure.id);
    if file != expected {
        return Err(CatalogueError::Name { file: file.to_owned(), id: measure.id.to_string(), expected });
    }
    Ok(measure)
}

/// The built-in catalogue, without examples.
///
/// # Errors
/// Never for a program that passed its tests: every embedded file is read there.
pub fn builtin() -> Result<Catalogue, CatalogueError> {
    let mut entries = Vec::with_capacity(embedded::FILES.len());
    for (file, text, json) in embedded::FILES {
        let measure = serde_json::from_str(json)
            .map_err(|error| CatalogueError::Parse { file: (*file).to_owned(), reason: error.to_string() })?;
        entries.push(((*file).to_owned(), Digest::of(text.as_bytes()), measure));
    }
    Ok(Catalogue::new(entries))
}

/// The built-in measure files as text: path below `measures/`, and contents.
pub fn builtin_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    embedded::FILES.iter().map(|(file, text, _)| (*file, *text))
}
