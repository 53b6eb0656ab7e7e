//! What is known of a cluster: packs and assessments from the evidence, schedules and audits by RPC. What cannot be had
//! because the store is down is left out, and said to be.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use hexproof_api::v1;
use hexproof_core::access::{Clusters, Role};
use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RunId};
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::grpc::Api;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::viewer::Viewer;

/// Packs that the page tells of.
pub(super) const PACKS: usize = 12;
/// Assessments read at once.
const AT_ONCE: usize = 4;
/// Missed audits that the page names.
const GAPS: usize = 8;
/// Audits that run or wait.
const RUNNING: i32 = 20;

/// A pack and what was found.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    pub(super) entry: PackEntry,
    /// What was found, for those who may read evidence.
    pub(super) found: Found,
}

/// What was found in a pack, as far as it can be told.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// This.
    Known(Arc<Assessment>),
    /// What the store holds is not what was written.
    Damaged,
    /// The store does not answer, or the viewer may not read evidence.
    Unknown,
}

impl Pack {
    pub(super) fn assessment(&self) -> Option<&Assessment> {
        match &self.found {
            Found::Known(assessment) => Some(assessment),
            Found::Damaged | Found::Unknown => None,
        }
    }
}

/// A slot that no audit answered.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    pub(super) schedule: String,
    pub(super) slot: jiff::Timestamp,
    pub(super) reason: String,
}

/// All that is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: ClusterId,
    pub(super) name: String,
    /// Its registration, if there is one and it is known.
    pub(super) entry: Option<v1::RegisteredCluster>,
    /// Newest first.
    pub(super) packs: Vec<Pack>,
    /// Place of the pack whose matrix is shown.
    pub(super) chosen: usize,
    /// `None` if they are not known.
    pub(super) schedules: Option<Vec<v1::Schedule>>,
    pub(super) gaps: Vec<Gap>,
    /// Those that run or wait; `None` if they are not known.
    pub(super) audits: Option<Vec<v1::Audit>>,
    /// The viewer may read evidence.
    pub(super) reads: bool,
    /// The store answered all that was asked.
    pub(super) store: bool,
}

pub(super) async fn cluster(
    parts: &PortalParts,
    viewer: &Viewer,
    id: &ClusterId,
    chosen: Option<RunId>,
) -> Result<Known, Refusal> {
    let api = Api::new(parts, viewer);
    let (entry, packs, schedules, audits) =
        tokio::join!(entry(&api, id), packs(parts, viewer, id), schedules(&api, id), audits(&api, id));
    let mut store = true;
    let entry = match entry {
        Err(status) if status.code() == Code::NotFound => None,
        answer => known(answer, &mut store)?.flatten(),
    };
    let packs = match packs {
        Err(StorageError::Unavailable(error)) => {
            tracing::warn!(error = %error, "a page waits for the store");
            store = false;
            Vec::new()
        }
        packs => packs?,
    };
    if entry.is_none() && packs.is_empty() && store {
        return Err(Refusal::no_cluster(id));
    }
    let reads = viewer.is(&[Role::Auditor, Role::Admin]);
    let mut all = found(parts, packs, reads, &mut store).await?;
    let place = match chosen {
        Some(run) => match all.iter().position(|pack| pack.entry.key.run == run) {
            Some(place) => place,
            None => {
                // An older one: it stands at the end, behind those that the page tells of anyhow.
                let key = AuditKey { cluster: id.clone(), run };
                let entry = viewer.pack(&*parts.evidence, &key).await?;
                all.extend(found(parts, vec![entry], reads, &mut store).await?);
                all.len() - 1
            }
        },
        None => 0,
    };
    let schedules = known(schedules, &mut store)?;
    let audits = known(audits, &mut store)?;
    let gaps = match &schedules {
        Some(schedules) => known(gaps(&api, schedules).await, &mut store)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let name = entry.as_ref().map(|entry| entry.display_name.clone()).filter(|name| !name.is_empty());
    Ok(Known {
        name: name.unwrap_or_else(|| id.to_string()),
        id: id.clone(),
        entry,
        packs: all,
        chosen: place,
        schedules,
        gaps,
        audits,
        reads,
        store,
    })
}

/// An answer, or nothing if the store is down.
fn known<T>(answer: Result<T, Status>, store: &mut bool) -> Result<Option<T>, Refusal> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.code() == Code::Unavailable => {
            *store = false;
            Ok(None)
        }
        Err(status) => Err(status.into()),
    }
}

async fn entry(api: &Api, id: &ClusterId) -> Result<Option<v1::RegisteredCluster>, Status> {
    let paths = ["display_name", "labels", "platform", "source", "retired"].map(str::to_owned).to_vec();
    let request = v1::GetClusterRequest { cluster_id: id.to_string(), read_mask: Some(FieldMask { paths }) };
    Ok(api.clusters().get_cluster(request).await?.into_inner().cluster)
}

/// The newest packs within reach.
async fn packs(parts: &PortalParts, viewer: &Viewer, id: &ClusterId) -> Result<Vec<PackEntry>, StorageError> {
    let scope = &viewer.caller.scope;
    let clusters = Clusters::Only(BTreeSet::from([id.clone()]));
    if scope.until.is_none() {
        let mut standings = parts.evidence.standings(&clusters, PACKS).await?;
        let mut packs = standings.remove(id).unwrap_or_default();
        packs.retain(|pack| scope.admits_at(id, pack.finished));
        return Ok(packs);
    }
    let pick = PackPick { clusters, from: scope.from, until: scope.until };
    let (mut out, mut after) = (Vec::new(), None);
    loop {
        let page = parts.evidence.packs(&pick, after.as_ref(), PACKS).await?;
        out.extend(page.items.into_iter().filter(|pack| scope.admits_at(id, pack.finished)));
        match page.next {
            Some(next) if out.len() < PACKS => after = Some(next),
            _ => break,
        }
    }
    out.truncate(PACKS);
    Ok(out)
}

async fn found(
    parts: &PortalParts,
    packs: Vec<PackEntry>,
    reads: bool,
    store: &mut bool,
) -> Result<Vec<Pack>, Refusal> {
    if !reads {
        return Ok(packs.into_iter().map(|entry| Pack { entry, found: Found::Unknown }).collect());
    }
    let answers: Vec<_> = futures::stream::iter(packs)
        .map(|entry| async move {
            let answer = parts.evidence.summary(&entry).await;
            (entry, answer)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut out = Vec::with_capacity(answers.len());
    for (entry, answer) in answers {
        let found = match answer.map_err(Refusal::from) {
            Ok(assessment) => Found::Known(assessment),
            Err(Refusal::Damaged) => Found::Damaged,
            Err(Refusal::Unavailable) => {
                *store = false;
                Found::Unknown
            }
            Err(refusal) => return Err(refusal),
        };
        out.push(Pack { entry, found });
    }
    Ok(out)
}

async fn schedules(api: &Api, id: &ClusterId) -> Result<Vec<v1::Schedule>, Status> {
    let request =
        v1::ListSchedulesRequest { cluster_id: id.to_string(), page_size: 50, ..Default::default() };
    Ok(api.schedules().list_schedules(request).await?.into_inner().schedules)
}

/// The newest slots of these schedules that no audit answered, newest first.
async fn gaps(api: &Api, schedules: &[v1::Schedule]) -> Result<Vec<Gap>, Status> {
    let mut out = Vec::new();
    for schedule in schedules.iter().filter(|schedule| schedule.recent_gaps > 0) {
        let request = v1::ListSlotsRequest {
            schedule_id: schedule.schedule_id.clone(),
            page_size: 100,
            ..Default::default()
        };
        let slots = api.schedules().list_slots(request).await?.into_inner().slots;
        out.extend(slots.into_iter().filter_map(|slot| {
            let at = hexproof_api::request::instant("slot", slot.slot.as_ref()?).ok()?;
            match slot.outcome? {
                v1::slot::Outcome::Gap(reason) => {
                    Some(Gap { schedule: schedule.schedule_id.clone(), slot: at, reason })
                }
                v1::slot::Outcome::AuditId(_) => None,
            }
        }));
    }
    out.sort_by_key(|gap| std::cmp::Reverse(gap.slot));
    out.truncate(GAPS);
    Ok(out)
}

async fn audits(api: &Api, id: &ClusterId) -> Result<Vec<v1::Audit>, Status> {
    let states = [v1::AuditState::Queued, v1::AuditState::Running].map(i32::from).to_vec();
    let request = v1::ListAuditsRequest {
        cluster_id: id.to_string(),
        page_size: RUNNING,
        states,
        ..Default::default()
    };
    Ok(api.audits().list_audits(request).await?.into_inner().audits)
}
