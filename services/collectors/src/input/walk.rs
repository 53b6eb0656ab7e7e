//! Which files the user's arguments name, in a fixed order.
//!
//! A file named by itself is always read. In a folder `.yaml`, `.yml` and `.json` are; hidden
//! entries are not, nor symbolic links to folders or out of the folder, nor Helm templates, which
//! are text to make YAML of and not YAML.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::yaml::printable;
use crate::{error::CollectError, limits::Limits};

/// A manifest to read, or one left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// How messages and origins name it: the path as the user gave it, or `-`.
    pub label: Arc<str>,
    /// Where to read it; nothing for standard input.
    pub path: Option<PathBuf>,
    /// Why it is not read, if it is not.
    pub excluded: Option<&'static str>,
    /// Size in bytes when it was found, 0 where that is not known.
    pub bytes: u64,
}

const HELM_TEMPLATE: &str = "a Helm template: give the output of `helm template`";
const LEADS_OUT: &str = "a symbolic link out of the folder";
const SPECIAL: &str = "not a regular file";

/// Finds the manifests that `inputs` name; `-` is standard input.
///
/// # Errors
/// A path that does not exist or a folder that cannot be listed, and more files than
/// [`Limits::files`].
pub fn find_manifests(inputs: &[PathBuf], limits: &Limits) -> Result<Vec<ManifestFile>, CollectError> {
    let mut found = Vec::new();
    for input in inputs {
        if input.as_os_str() == "-" {
            found.push(ManifestFile { label: "-".into(), path: None, excluded: None, bytes: 0 });
            continue;
        }
        let metadata = fs::metadata(input).map_err(|source| inaccessible(input, source))?;
        if metadata.is_dir() {
            let root = input.canonicalize().map_err(|source| inaccessible(input, source))?;
            Walk { root, limits, found: &mut found, links: Vec::new() }.run(input)?;
        } else {
            found.push(file(input, metadata.len(), None));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|file| file.path.is_none() || seen.insert(file.path.clone()));
    Ok(found)
}

struct Walk<'a> {
    root: PathBuf,
    limits: &'a Limits,
    found: &'a mut Vec<ManifestFile>,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Walk<'_> {
    fn run(mut self, folder: &Path) -> Result<(), CollectError> {
        let start = self.found.len();
        // Depth first with a list of our own: a chain of 10,000 folders must not end the stack.
        let mut pending = vec![(folder.to_path_buf(), false)];
        while let Some((folder, template)) = pending.pop() {
            self.folder(&folder, template, &mut pending)?;
        }
        let regular: BTreeSet<PathBuf> = self
            .found
            .iter()
            .skip(start)
            .filter_map(|file| file.path.as_ref()?.canonicalize().ok())
            .collect();
        for (link, target) in std::mem::take(&mut self.links) {
            if !target.starts_with(&self.root) {
                self.found.push(file(&link, 0, Some(LEADS_OUT)));
            } else if !regular.contains(&target) {
                let bytes = fs::metadata(&target).map_or(0, |metadata| metadata.len());
                self.found.push(file(&link, bytes, None));
            }
        }
        if let Some(found) = self.found.get_mut(start..) {
            found.sort_by(|a, b| a.path.cmp(&b.path));
        }
        Ok(())
    }

    fn folder(
        &mut self,
        folder: &Path,
        template: bool,
        pending: &mut Vec<(PathBuf, bool)>,
    ) -> Result<(), CollectError> {
        let chart = folder.join("Chart.yaml").is_file();
        for entry in fs::read_dir(folder).map_err(|source| inaccessible(folder, source))? {
            let entry = entry.map_err(|source| inaccessible(folder, source))?;
            let path = entry.path();
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().map_err(|source| inaccessible(&path, source))?;
            if kind.is_dir() {
                pending.push((path, template || (chart && name == "templates")));
                continue;
            }
            if !is_manifest_name(&path) {
                continue;
            }
            if self.found.len() + self.links.len() >= self.limits.files {
                return Err(CollectError::TooManyFiles {
                    folder: shown(&self.root),
                    limit: self.limits.files,
                });
            }
            if kind.is_symlink() {
                self.link(path);
            } else if kind.is_file() {
                let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
                self.found.push(file(&path, bytes, template.then_some(HELM_TEMPLATE)));
            } else {
                self.found.push(file(&path, 0, Some(SPECIAL)));
            }
        }
        Ok(())
    }

    /// Links are settled when all files are known, so that none is read twice.
    fn link(&mut self, link: PathBuf) {
        match link.canonicalize() {
            Ok(target) if target.is_file() => self.links.push((link, target)),
            Ok(_) => self.found.push(file(&link, 0, Some(SPECIAL))),
            Err(_) => self.found.push(file(&link, 0, Some("a symbolic link to nothing"))),
        }
    }
}

fn is_manifest_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn file(path: &Path, bytes: u64, excluded: Option<&'static str>) -> ManifestFile {
    ManifestFile { label: shown(path).into(), path: Some(path.to_path_buf()), excluded, bytes }
}

/// A path for messages: names may hold escape sequences meant for the terminal.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().any(char::is_control) { printable(&text) } else { text.into_owned() }
}

fn inaccessible(path: &Path, source: io::Error) -> CollectError {
    CollectError::Inaccessible { path: shown(path), source }
}
