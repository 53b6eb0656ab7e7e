//! Everything that is known of the clusters of a viewer, from wherever it can be had: if the store is down, that is what
//! is held in memory.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use hexproof_api::v1;
use hexproof_core::id::ClusterId;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{Evidence, PackEntry, PackPick};
use jiff::Timestamp;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::grpc::Api;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::viewer::Viewer;

/// Packs of each cluster that the trend shows.
const TREND: usize = 8;
/// Items of one answer of an RPC.
const PAGE: i32 = 500;
/// Schedules asked about at once.
const AT_ONCE: usize = 16;
/// Packs that are looked through for a viewer whose period has ended: a year of a hundred clusters.
const LOOKED_THROUGH: usize = 40_000;

/// A cluster and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: ClusterId,
    /// The name that packs print.
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) retired: bool,
    /// Newest first.
    pub(super) packs: Vec<PackEntry>,
    /// Its schedules; `None` if that is not known.
    pub(super) schedules: Option<Schedules>,
}

/// The schedules of a cluster together.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedules {
    pub(super) number: usize,
    pub(super) paused: usize,
    /// The next slot of any.
    pub(super) next: Option<Timestamp>,
    /// Recent slots that no audit answered.
    pub(super) gaps: u64,
}

/// What could be asked, and what not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Troubles {
    /// The registrations and schedules are known.
    pub(super) register: bool,
    /// The packs are known.
    pub(super) packs: bool,
}

/// What is known.
pub(super) struct Known {
    pub(super) rows: Vec<Row>,
    pub(super) troubles: Troubles,
}

/// The clusters within reach, with their newest packs.
pub(super) async fn clusters(parts: &PortalParts, viewer: &Viewer) -> Result<Known, Refusal> {
    let (registered, packs) = tokio::join!(registered(parts, viewer), packs(&*parts.evidence, viewer));
    let registered = known(registered)?;
    let packs = match packs {
        Ok(packs) => Some(packs),
        Err(error @ StorageError::Unavailable(_)) => {
            let Refusal::Unavailable = Refusal::from(error) else { return Err(Refusal::Internal) };
            None
        }
        Err(error) => return Err(error.into()),
    };
    let troubles = Troubles { register: registered.is_some(), packs: packs.is_some() };
    let mut packs = packs.unwrap_or_default();
    let mut rows: Vec<Row> = registered
        .unwrap_or_default()
        .into_iter()
        .filter_map(|cluster| {
            let id: ClusterId = cluster.cluster_id.parse().ok()?;
            let packs = packs.remove(&id).unwrap_or_default();
            // A registration that has ended matters for as long as there is evidence.
            (!cluster.retired || !packs.is_empty()).then(|| Row {
                name: if cluster.display_name.is_empty() { id.to_string() } else { cluster.display_name },
                id,
                labels: cluster.labels.into_iter().collect(),
                retired: cluster.retired,
                packs,
                schedules: None,
            })
        })
        .collect();
    rows.extend(packs.into_iter().map(|(id, packs)| Row {
        name: id.to_string(),
        id,
        labels: BTreeMap::new(),
        retired: false,
        packs,
        schedules: None,
    }));
    Ok(Known { rows, troubles })
}

/// An answer, or nothing if the store is down.
fn known<T>(answer: Result<T, Status>) -> Result<Option<T>, Refusal> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.code() == Code::Unavailable => Ok(None),
        Err(status) => Err(status.into()),
    }
}

async fn registered(parts: &PortalParts, viewer: &Viewer) -> Result<Vec<v1::RegisteredCluster>, Status> {
    let mut client = Api::new(parts, viewer).clusters();
    let paths = ["cluster_id", "display_name", "labels", "retired"].map(str::to_owned).to_vec();
    let mut request = v1::ListClustersRequest {
        include_retired: true,
        page_size: PAGE,
        read_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = client.list_clusters(request.clone()).await?.into_inner();
        all.extend(page.clusters);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// The newest packs within reach.
async fn packs(
    evidence: &dyn Evidence,
    viewer: &Viewer,
) -> Result<BTreeMap<ClusterId, Vec<PackEntry>>, StorageError> {
    let scope = &viewer.caller.scope;
    if scope.until.is_none() {
        let mut standings = evidence.standings(&scope.clusters, TREND).await?;
        standings.retain(|cluster, packs| {
            packs.retain(|pack| scope.admits_at(cluster, pack.finished));
            !packs.is_empty()
        });
        return Ok(standings);
    }
    // The newest packs are out of reach: those before have to be looked for.
    let pick = PackPick { clusters: scope.clusters.clone(), from: scope.from, until: scope.until };
    let mut out: BTreeMap<ClusterId, Vec<PackEntry>> = BTreeMap::new();
    let (mut after, mut seen) = (None, 0);
    while seen < LOOKED_THROUGH {
        let page = evidence.packs(&pick, after.as_ref(), 500).await?;
        for pack in page.items {
            seen += 1;
            let packs = out.entry(pack.key.cluster.clone()).or_default();
            if packs.len() < TREND && scope.admits_at(&pack.key.cluster, pack.finished) {
                packs.push(pack);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    out.retain(|_, packs| !packs.is_empty());
    Ok(out)
}

/// Fills in the schedules of the clusters that are shown.
pub(super) async fn schedules(
    parts: &PortalParts,
    viewer: &Viewer,
    rows: &mut [Row],
    troubles: Troubles,
) -> Result<Troubles, Refusal> {
    let api = Api::new(parts, viewer);
    let Some(ids) = known(schedule_ids(&api).await)? else {
        return Ok(Troubles { register: false, ..troubles });
    };
    let shown: BTreeMap<&str, usize> =
        rows.iter().enumerate().map(|(place, row)| (row.id.as_str(), place)).collect();
    let wanted: Vec<(usize, String)> = ids
        .into_iter()
        .filter_map(|schedule| Some((*shown.get(schedule.cluster_id.as_str())?, schedule.schedule_id)))
        .collect();
    let answers: Vec<(usize, Result<v1::Schedule, Status>)> = futures::stream::iter(wanted)
        .map(|(place, id)| {
            let api = &api;
            async move { (place, schedule(api, id).await) }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut all: Vec<Option<Schedules>> = vec![Some(Schedules::default()); rows.len()];
    let mut troubles = troubles;
    for (place, answer) in answers {
        let Some(slot) = all.get_mut(place) else { continue };
        match answer {
            Ok(schedule) => {
                if let Some(schedules) = slot {
                    schedules.add(&schedule);
                }
            }
            // Somebody deleted it just now.
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) if status.code() == Code::Unavailable => {
                *slot = None;
                troubles.register = false;
            }
            Err(status) => return Err(status.into()),
        }
    }
    for (row, schedules) in rows.iter_mut().zip(all) {
        row.schedules = schedules;
    }
    Ok(troubles)
}

async fn schedule_ids(api: &Api) -> Result<Vec<v1::Schedule>, Status> {
    let mut client = api.schedules();
    let paths = ["schedule_id", "cluster_id"].map(str::to_owned).to_vec();
    let mut request = v1::ListSchedulesRequest {
        page_size: PAGE,
        read_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = client.list_schedules(request.clone()).await?.into_inner();
        all.extend(page.schedules);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

async fn schedule(api: &Api, schedule_id: String) -> Result<v1::Schedule, Status> {
    let paths = ["paused", "next_slots", "recent_gaps"].map(str::to_owned).to_vec();
    let request = v1::GetScheduleRequest { schedule_id, read_mask: Some(FieldMask { paths }) };
    let answer = api.schedules().get_schedule(request).await?.into_inner();
    Ok(answer.schedule.unwrap_or_default())
}

impl Schedules {
    fn add(&mut self, schedule: &v1::Schedule) {
        self.number += 1;
        self.paused += usize::from(schedule.paused);
        self.gaps += u64::from(schedule.recent_gaps);
        let next =
            schedule.next_slots.first().and_then(|at| hexproof_api::request::instant("next_slots", at).ok());
        self.next = match (self.next, next) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}
