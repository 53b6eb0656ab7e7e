//! Paths, read piece by piece.

use hexproof_core::access::Artifact;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::measure::MeasureId;
use http::Method;

use super::{PAGES, PageRule};

impl PageRule {
    /// The address of the page that shows the form of this one, with the names that stand in `path`.
    pub fn form_at(&self, path: &str) -> Option<String> {
        let form = self.page.form()?.rule()?;
        if !self.is_at(path) {
            return None;
        }
        // A piece that both patterns name stands at the same place in both.
        let found: Vec<&str> = path.split('/').collect();
        let pieces = form.pattern.split('/').enumerate().map(|(at, wanted)| match wanted.starts_with('{') {
            true => found.get(at).copied(),
            false => Some(wanted),
        });
        let address = pieces.collect::<Option<Vec<&str>>>()?.join("/");
        form.is_at(&address).then_some(address)
    }

    /// Whether a path is one of this page: every piece reads as what the pattern names.
    pub fn is_at(&self, path: &str) -> bool {
        let mut wanted = self.pattern.split('/');
        let mut found = path.split('/');
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some(wanted), Some(found)) if fits(wanted, found) => {}
                _ => return false,
            }
        }
    }

    /// Whether a method is the one of this page.
    pub fn admits(&self, method: &Method) -> bool {
        method == self.method || (method == Method::HEAD && self.method == Method::GET)
    }
}

/// The page that a method and a path lead to.
pub fn page_of(method: &Method, path: &str) -> Option<&'static PageRule> {
    // Where a fixed piece and a name fit, the fixed one is meant: `new` could be an id too.
    let fitting = || PAGES.iter().filter(|rule| rule.is_at(path) && rule.admits(method));
    fitting().find(|rule| !rule.pattern.contains('{')).or_else(|| fitting().next())
}

fn fits(wanted: &str, found: &str) -> bool {
    match wanted {
        "{cluster}" => found.parse::<ClusterId>().is_ok(),
        "{audit}" => found.parse::<RunId>().is_ok(),
        "{schedule}" | "{waiver}" => found.parse::<RecordId>().is_ok(),
        "{measure}" => found.parse::<MeasureId>().is_ok(),
        "{place}" => found.parse::<u32>().is_ok_and(|place| place.to_string() == found),
        "{artifact}" => artifact(found).is_some(),
        "{name}" => {
            !found.is_empty()
                && found.len() <= 80
                && found.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
        wanted => wanted == found,
    }
}

/// The first page at a path, whatever its method.
pub fn page_at(path: &str) -> Option<&'static PageRule> {
    PAGES.iter().find(|rule| rule.is_at(path))
}

/// The artifact that a piece of a path names.
pub fn artifact(word: &str) -> Option<Artifact> {
    Some(match word {
        "pack" => Artifact::Pack,
        "assessment" => Artifact::Assessment,
        "snapshot" => Artifact::Snapshot,
        "population" => Artifact::Population,
        _ => return None,
    })
}
