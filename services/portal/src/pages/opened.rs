//! What every page of a pack begins with: whether it is within reach, whether its seal holds, what it says in short.

use std::sync::Arc;

use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RunId};
use hexproof_core::port::evidence::PackEntry;
use hexproof_core::port::{CheckState, StorageError};
use maud::{Markup, html};

use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::{Checked, Seals};
use crate::viewer::Viewer;
use crate::{links, words};

/// Cluster and audit of an address.
pub(crate) type At = (ClusterId, RunId);

/// A pack that the viewer may see.
pub(crate) struct Opened {
    /// As lists show it.
    pub(crate) pack: PackEntry,
    /// What the check of its seal found; `None` where that takes long.
    pub(crate) seal: Option<Checked>,
    summary: Result<Arc<Assessment>, StorageError>,
}

/// Opens a pack: the one way in for pages.
pub(crate) async fn open(
    parts: &PortalParts,
    seals: &Seals,
    viewer: &Viewer,
    (cluster, run): At,
) -> Result<Opened, Refusal> {
    let pack = viewer.pack(parts.evidence.as_ref(), &AuditKey { cluster, run }).await?;
    let (seal, summary) = tokio::join!(seals.of(&pack), parts.evidence.summary(&pack));
    Ok(Opened { pack, seal, summary })
}

impl Opened {
    /// What it says in short.
    pub(crate) fn summary(&self) -> Result<Arc<Assessment>, Refusal> {
        match &self.summary {
            Ok(summary) => Ok(summary.clone()),
            Err(StorageError::Unavailable(_)) => Err(Refusal::Unavailable),
            Err(_) => Err(Refusal::Damaged),
        }
    }

    /// The audit that made it.
    pub(crate) fn key(&self) -> &AuditKey {
        &self.pack.key
    }

    /// Whether the check found that it is not what was sealed.
    pub(crate) fn is_broken(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.check.state == CheckState::Invalid)
    }

    /// `Pack of 23 November 2026`, by the state that it tells of, as far as that is known.
    pub(crate) fn label(&self) -> String {
        let at = self.summary.as_ref().map_or(self.pack.finished, |a| a.snapshot.collected_at);
        format!("Pack of {}", words::day(at))
    }

    /// The name that the user gave the cluster.
    pub(crate) fn cluster_name(&self) -> String {
        let name = self.summary.as_ref().ok().map(|a| a.cluster.name.clone());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| self.key().cluster.to_string())
    }

    /// The way to the pack, and on to a page of it.
    pub(crate) fn crumbs(&self, below: bool) -> Vec<(String, String)> {
        let mut crumbs = vec![
            ("Clusters".to_owned(), links::CLUSTERS.to_owned()),
            (self.cluster_name(), links::cluster(&self.key().cluster)),
        ];
        match below {
            true => crumbs.push((self.label(), links::pack(self.key()))),
            false => crumbs.push((
                "Packs".to_owned(),
                links::with(links::PACKS, [("cluster", self.key().cluster.as_str())]),
            )),
        }
        crumbs
    }

    /// A title, which says first of all if the pack is broken.
    pub(crate) fn title(&self, title: String) -> String {
        match self.is_broken() {
            true => format!("This pack is broken. {title}"),
            false => title,
        }
    }

    /// What stands above everything else of a page if the seal is not known to hold.
    pub(crate) fn notice(&self) -> Markup {
        notice(self.seal.as_ref(), &links::verification(self.key()))
    }
}

/// What to say of a seal that is not known to hold; nothing if it holds.
fn notice(seal: Option<&Checked>, steps: &str) -> Markup {
    let (head, text) = match seal {
        None => (
            "Not verified yet".to_owned(),
            "The check of this pack takes longer than a page waits. What stands here is not proved.",
        ),
        Some(seal) => {
            let cause = seal.cause().unwrap_or("the check came to no result");
            match seal.check.state {
                CheckState::Valid => return html! {},
                CheckState::Invalid => (
                    format!("Not valid: {cause}"),
                    "This pack is not what was sealed. Nothing on this page is proved; do not rely on it.",
                ),
                CheckState::Unknown | CheckState::NotApplicable => {
                    (format!("Not verified: {cause}"), "What stands here is not proved.")
                }
            }
        }
    };
    html! {
        div.warn role="note" {
            p { strong { (crate::marks::prose(&head)) "." } }
            p { (text) " " a href=(steps) { "See the check step by step" } "." }
        }
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::port::PackCheck;
    use jiff::Timestamp;

    use super::*;

    fn seal(state: CheckState, sentence: &str) -> Checked {
        let steps = vec![("digest".to_owned(), state, sentence.to_owned())];
        Checked { at: Timestamp::UNIX_EPOCH, check: Arc::new(PackCheck { state, steps }) }
    }

    #[test]
    fn what_is_not_known_to_hold_says_so() {
        assert_eq!(notice(Some(&seal(CheckState::Valid, "")), "/x").0, "");
        let broken = notice(Some(&seal(CheckState::Invalid, "the document differs <b>")), "/x").0;
        assert!(broken.contains("Not valid: the document differs &lt;b&gt;"), "{broken}");
        assert!(
            notice(Some(&seal(CheckState::Unknown, "no store")), "/x").0.contains("Not verified: no store")
        );
        assert!(notice(None, "/x").0.contains("Not verified yet"));
    }
}
