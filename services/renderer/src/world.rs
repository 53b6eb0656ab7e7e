//! All that a template can reach: its sister templates, `data.json`, the attachments by number, our fonts.
//!
//! There is no file access, no package, no network and no clock.

use std::collections::BTreeMap;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt, World};

use crate::attachment::Attachment;
use crate::error::RenderError;
use crate::fonts::{Fonts, fonts};
use crate::reports;

/// The closed world of one document.
pub(crate) struct PackWorld {
    library: LazyHash<Library>,
    fonts: &'static Fonts,
    main: FileId,
    sources: BTreeMap<u16, Source>,
    files: BTreeMap<u16, Bytes>,
}

/// Name of the main template.
const MAIN: &str = "pack.typ";

impl PackWorld {
    /// A world with the built-in templates, or with `templates` in their place.
    ///
    /// # Errors
    /// A built-in font that cannot be read, or a template with an impossible path.
    pub(crate) fn new(
        templates: &[(&str, &str)],
        data: Vec<u8>,
        attachments: &[Attachment],
    ) -> Result<Self, RenderError> {
        let mut sources = BTreeMap::new();
        for (path, text) in templates {
            let id = file_id(path)?;
            sources.insert(id.into_raw().get(), Source::new(id, (*text).to_owned()));
        }
        let mut files = BTreeMap::from([(file_id("data.json")?.into_raw().get(), Bytes::new(data))]);
        for (number, file) in attachments.iter().enumerate() {
            // Numbered, since typst never forgets a path it has met.
            let id = file_id(&format!("attachments/{number}"))?;
            files.insert(id.into_raw().get(), Bytes::new(file.bytes.clone()));
        }
        let library = Library::builder().with_features([Feature::A11yExtras].into_iter().collect()).build();
        Ok(Self { library: LazyHash::new(library), fonts: fonts()?, main: file_id(MAIN)?, sources, files })
    }

    /// A world with the built-in templates.
    pub(crate) fn built_in(data: Vec<u8>, attachments: &[Attachment]) -> Result<Self, RenderError> {
        Self::new(reports::TEMPLATES, data, attachments)
    }
}

fn file_id(path: &str) -> Result<FileId, RenderError> {
    let path = VirtualPath::new(path).map_err(|e| RenderError::Typst(vec![format!("`{path}`: {e:?}")]))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn not_found(id: FileId) -> FileError {
    FileError::NotFound(id.get().vpath().get_without_slash().into())
}

impl World for PackWorld {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.sources.get(&id.into_raw().get()).cloned().ok_or_else(|| not_found(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id.into_raw().get()).cloned().ok_or_else(|| not_found(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
