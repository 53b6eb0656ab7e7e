//! A pack beside an earlier one of its cluster.

use std::collections::BTreeSet;

use hexproof_api::request::{Mask, cursor, page_size, page_token};
use hexproof_api::status::{invalid, not_found, status};
use hexproof_api::v1;
use hexproof_core::access::{Caller, Clusters};
use hexproof_core::diff::{Cause, Change, ChangeKind, Diff};
use hexproof_core::measure::MeasureId;
use hexproof_core::port::Cursor;
use hexproof_core::port::evidence::PackPick;
use tonic::{Code, Status};

use super::{PackApi, refused};
use crate::packs::FinishedRun;

/// Permits of a comparison: it holds two assessments.
const WEIGHT: u32 = 2;
/// Packs that are looked at when the one before is asked for.
const STEP: usize = 8;

/// The fields of a comparison.
macro_rules! fields {
    ($($field:ident)+) => {
        /// Every path that may be named.
        const KNOWN: &[&str] = &[$(concat!("diff.", stringify!($field)),)+ "diff", "total_size", "next_page_token"];

        /// The answer without what was not asked for.
        fn apply(mask: &Mask, mut answer: v1::ComparePacksResponse) -> v1::ComparePacksResponse {
            if let Some(diff) = answer.diff.as_mut().filter(|_| mask.has("diff")) {
                $(if !mask.has(concat!("diff.", stringify!($field))) {
                    diff.$field = Default::default();
                })+
            } else {
                answer.diff = None;
            }
            if !mask.has("total_size") {
                answer.total_size = 0;
            }
            // Without the token nobody gets on: it comes with the changes.
            if !mask.has("next_page_token") && !mask.has("diff.changes") {
                answer.next_page_token.clear();
            }
            answer
        }
    };
}

fields! {
    before after same_cluster other_rules other_settings low high accepted_low cells gates counts same measures changes
    sources permissions not_listed waivers
}

/// Which changes are picked.
struct Filter {
    kind: Option<ChangeKind>,
    cause: Option<Cause>,
    measure: Option<MeasureId>,
}

impl Filter {
    fn read(query: &v1::ComparePacksRequest) -> Result<Self, Status> {
        let wrong = |field, number: i32| invalid(field, format!("{number} is no value of this enum"));
        let kind = match query.kind {
            0 => None,
            number => Some(
                ChangeKind::ALL
                    .iter()
                    .copied()
                    .find(|kind| v1::ChangeKind::from(*kind) as i32 == number)
                    .ok_or_else(|| wrong("kind", number))?,
            ),
        };
        let cause = match query.cause {
            0 => None,
            number => Some(
                Cause::ALL
                    .iter()
                    .copied()
                    .find(|cause| v1::Cause::from(*cause) as i32 == number)
                    .ok_or_else(|| wrong("cause", number))?,
            ),
        };
        let measure = match query.measure_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| invalid("measure_id", "is not the id of a measure"))?),
        };
        Ok(Self { kind, cause, measure })
    }

    fn picks(&self, change: &Change) -> bool {
        self.kind.is_none_or(|kind| change.kind == kind)
            && self.cause.is_none_or(|cause| change.cause == cause)
            && self.measure.as_ref().is_none_or(|measure| &change.measure_id == measure)
    }
}

impl PackApi {
    /// Both packs lie within the caller's clusters and period, or nothing is found.
    pub(super) async fn compared(
        &self,
        caller: &Caller,
        mut query: v1::ComparePacksRequest,
    ) -> Result<(FinishedRun, v1::ComparePacksResponse), Status> {
        let limit = page_size(std::mem::take(&mut query.page_size))?;
        let token = std::mem::take(&mut query.page_token);
        let from = match cursor(&token, &query)? {
            None => 0,
            Some(Cursor(place)) => place
                .parse::<usize>()
                .map_err(|_| invalid("page_token", "is not that of an earlier page of the same query"))?,
        };
        let mask = Mask::read("read_mask", query.read_mask.as_ref(), KNOWN)?;
        let filter = Filter::read(&query)?;
        let after = self.run(caller, &query.cluster_id, &query.audit_id).await?;
        let before = match query.base_audit_id.as_str() {
            "" => self.before(caller, &after).await?,
            id => self.run_named(caller, &query.cluster_id, "base_audit_id", id).await?,
        };
        let diff = self.diff(&before, &after).await?;
        Ok((after, apply(&mask, page(diff, &filter, from, limit, &query))))
    }

    /// The newest pack that was finished before another one of its cluster.
    async fn before(&self, caller: &Caller, run: &FinishedRun) -> Result<FinishedRun, Status> {
        let pick = PackPick {
            clusters: Clusters::Only(BTreeSet::from([run.entry.key.cluster.clone()])),
            from: caller.scope.from,
            until: [Some(run.entry.finished), caller.scope.until].into_iter().flatten().min(),
        };
        let none = || not_found("pack before that of audit", run.entry.key.run);
        let mut after = None;
        loop {
            let page = self.packs.list(&pick, after.as_ref(), STEP).await.map_err(refused)?;
            for row in page.items {
                // What is listed and not there any more is passed over.
                if let Some(found) = self.packs.find(&row.key).await.map_err(refused)? {
                    return Ok(found);
                }
            }
            after = Some(page.next.ok_or_else(none)?);
        }
    }

    async fn diff(&self, before: &FinishedRun, after: &FinishedRun) -> Result<Diff, Status> {
        let permit = self.heavy.clone().acquire_many_owned(WEIGHT).await;
        let permit =
            permit.map_err(|_| status(Code::Unavailable, "UNAVAILABLE", "the service is stopping"))?;
        let earlier = self.packs.assessment(before).await.map_err(refused)?;
        let later = self.packs.assessment(after).await.map_err(refused)?;
        let compare = self.compare.clone();
        let compared = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, which nobody can stop once it has begun.
            let _permit = permit;
            compare.compare(&earlier, &later)
        });
        let compared = compared.await.map_err(|error| {
            tracing::error!(%error, "comparison of two packs died");
            status(Code::Internal, "INTERNAL", "the comparison failed; the log says how")
        })?;
        let mut diff = compared.map_err(|error| {
            let message = format!("the packs cannot be compared: {error}");
            status(Code::FailedPrecondition, "PACKS_CANNOT_BE_COMPARED", message)
        })?;
        diff.before.audit_id = before.entry.key.run.to_string();
        diff.after.audit_id = after.entry.key.run.to_string();
        Ok(diff)
    }
}

/// The comparison with one page of the changes that are picked.
fn page(
    mut diff: Diff,
    filter: &Filter,
    from: usize,
    limit: usize,
    query: &v1::ComparePacksRequest,
) -> v1::ComparePacksResponse {
    diff.changes.retain(|change| filter.picks(change));
    let total = diff.changes.len();
    let end = from.saturating_add(limit).min(total);
    let next = (end < total).then(|| Cursor(end.to_string()));
    // Most of the bytes; not worth being turned into messages first.
    diff.changes.truncate(end);
    diff.changes.drain(..from.min(end));
    v1::ComparePacksResponse {
        diff: Some(v1::Diff::from(&diff)),
        total_size: u32::try_from(total).unwrap_or(u32::MAX),
        next_page_token: page_token(next.as_ref(), query),
    }
}
