//! The pack before: the newest finished one of the cluster whose state is older, and what differs from it.
//!
//! What was found goes into the pack itself (`changes.json` names the audit and the digests that were compared with), so
//! that its pages are a function of what travels with it, whatever the store holds later.

use std::collections::BTreeSet;
use std::sync::Arc;

use hexproof_archive::{Archive, FinishedRun, PackStore, Run};
use hexproof_core::access::Clusters;
use hexproof_core::audit::AuditKey;
use hexproof_core::diff::Diff;
use hexproof_core::port::evidence::PackPick;
use hexproof_core::port::{Compare as _, StorageError};
use hexproof_renderer::view;
use hexproof_scorer::diff::Comparer;

use super::{Materials, blocking};

/// Packs of one page of the list.
const STEP: usize = 8;
/// Packs that are looked at: those of a later state, which an old snapshot is judged after, are passed over.
const MOST: usize = 64;

/// The pack before.
pub(crate) enum Previous {
    /// There is none.
    First,
    /// There is one that cannot be read or compared; the log says why.
    Unreadable,
    /// What differs from it.
    Compared(Box<Diff>),
}

impl Previous {
    /// As the pages take it.
    pub(super) fn view(&self) -> view::Previous<'_> {
        match self {
            Self::First => view::Previous::First,
            Self::Unreadable => view::Previous::Unreadable,
            Self::Compared(diff) => view::Previous::Compared(diff),
        }
    }
}

/// Finds the pack before and compares. Nothing that goes wrong here ends the audit: the pack says that it could not be
/// compared.
pub(super) async fn find(archive: &Archive, run: &Run, materials: &Arc<Materials>) -> Previous {
    let claim = run.claim();
    let key = AuditKey { cluster: claim.cluster.clone(), run: claim.run };
    match look(&PackStore::new(archive.clone()), &key, materials).await {
        Ok(previous) => previous,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the pack before cannot be read");
            Previous::Unreadable
        }
    }
}

async fn look(
    packs: &PackStore,
    key: &AuditKey,
    materials: &Arc<Materials>,
) -> Result<Previous, StorageError> {
    let pick =
        PackPick { clusters: Clusters::Only(BTreeSet::from([key.cluster.clone()])), from: None, until: None };
    let (mut after, mut looked_at) = (None, 0);
    while looked_at < MOST {
        let page = packs.list(&pick, after.as_ref(), STEP).await?;
        for row in page.items {
            looked_at += 1;
            if row.key == *key {
                continue;
            }
            let Some(found) = packs.find(&row.key).await? else { continue };
            if let Some(previous) = beside(packs, &found, materials).await? {
                return Ok(previous);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Previous::First),
        }
    }
    Ok(Previous::First)
}

/// The comparison with a pack; `None` if its state is not older.
async fn beside(
    packs: &PackStore,
    found: &FinishedRun,
    materials: &Arc<Materials>,
) -> Result<Option<Previous>, StorageError> {
    let earlier = packs.assessment(found).await?;
    if earlier.snapshot.collected_at >= materials.assessment.snapshot.collected_at {
        return Ok(None);
    }
    let later = materials.clone();
    let audit = found.entry.key.run.to_string();
    let compared = blocking(move || Comparer.compare(&earlier, &later.assessment)).await;
    Ok(Some(match compared {
        Ok(Ok(mut diff)) => {
            diff.before.audit_id = audit;
            Previous::Compared(Box::new(diff))
        }
        Ok(Err(error)) => {
            tracing::warn!(%audit, %error, "the pack before cannot be compared");
            Previous::Unreadable
        }
        Err(error) => {
            tracing::warn!(%audit, %error, "the comparison with the pack before ended early");
            Previous::Unreadable
        }
    }))
}
