//! The portal over the real services, all of them in memory: a shop that gets better, a few neighbours, names that
//! attack whoever prints them.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part, and ends where it is surprised")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use hexproof_access::Csrf;
use hexproof_api::v1::access_log_service_server::AccessLogServiceServer;
use hexproof_api::v1::cluster_service_server::ClusterServiceServer;
use hexproof_api::v1::schedule_service_server::ScheduleServiceServer;
use hexproof_api::v1::waiver_service_server::WaiverServiceServer;
use hexproof_archive::grpc::access_log::AccessLogReader;
use hexproof_archive::grpc::clusters::{ClusterRegister, LatestPacks, NewestPack};
use hexproof_archive::grpc::waivers::WaiverRegister;
use hexproof_core::access::{Authentication, Caller, Role, Scope, Trail};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{
    CheckPack, CheckState, Clock, FixedClock, PackCheck, PackClaims, Register, Runs, Slots, StorageError,
};
use hexproof_core::register::{
    CatchUp, ClusterEntry, ClusterSource, ScheduleEntry, SlotOutcome, SlotRecord, Version,
};
use hexproof_portal::{PortalParts, dress, router};
use hexproof_scheduler::bus::{Live, LocalBus};
use hexproof_scheduler::dispatch::Dispatcher;
use hexproof_scheduler::grpc::audits::AuditApi;
use hexproof_scheduler::grpc::schedules::Schedules;
use hexproof_scheduler::queue::LocalQueue;
use hexproof_testkit::evidence::{FixedEvidence, HOSTILE, Sample, catalogue};
use hexproof_testkit::{MemoryAccessLog, MemoryRecords, MemoryRuns, MemorySlots};
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use tonic::service::Routes;
use tower::ServiceExt as _;

/// When all of this is seen.
pub(crate) const NOW: &str = "2026-11-24T09:30:00Z";

/// The portal, and what it stands on.
pub(crate) struct World {
    pub(crate) parts: PortalParts,
    pub(crate) evidence: FixedEvidence,
    pub(crate) records: Arc<MemoryRecords>,
    pub(crate) register: Register,
    pub(crate) slots: MemorySlots,
    pub(crate) runs: MemoryRuns,
    pub(crate) log: Arc<MemoryAccessLog>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

struct NoPack;

#[async_trait]
impl LatestPacks for NoPack {
    async fn latest(&self, _: &ClusterId) -> Result<Option<NewestPack>, StorageError> {
        Ok(None)
    }
}

/// Says of every file that it is whole.
struct Whole;

impl CheckPack for Whole {
    fn check(&self, pdf: &[u8]) -> PackCheck {
        let steps = vec![(
            "signature".to_owned(),
            CheckState::Valid,
            format!("Signed by Example Bank Audit Signing 2026; covers all {} bytes.", pdf.len()),
        )];
        PackCheck { state: CheckState::Valid, steps }
    }

    fn claims(&self, _: &[u8]) -> Option<PackClaims> {
        None
    }
}

impl World {
    /// Nothing is registered.
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock(NOW.parse().unwrap()));
        let records = Arc::new(MemoryRecords::new());
        let register = Register::new(records.clone());
        let (slots, runs, log) = (MemorySlots::new(), MemoryRuns::new(), Arc::new(MemoryAccessLog::new()));
        let evidence = FixedEvidence::of([]);
        let catalogue = Arc::new(catalogue());
        let shared_runs: Arc<dyn Runs> = Arc::new(runs.clone());
        let shared_slots: Arc<dyn Slots> = Arc::new(slots.clone());
        let queue = Arc::new(LocalQueue::new(100));
        let audits = AuditApi::new(
            Arc::new(Dispatcher::new(register.clone(), shared_runs.clone(), queue, clock.clone())),
            shared_runs.clone(),
            Arc::new(Live::new(shared_runs, clock.clone())),
            Arc::new(LocalBus::new()),
            clock.clone(),
            Default::default(),
        );
        let clusters = ClusterRegister::new(
            register.clone(),
            clock.clone(),
            Arc::new(NoPack),
            Arc::new(|_: &str| Ok(())),
            false,
        );
        let known = catalogue.clone();
        let waivers = WaiverRegister::new(
            register.clone(),
            clock.clone(),
            Arc::new(move |id: &hexproof_core::measure::MeasureId| known.get(id.as_str()).is_some()),
        );
        let schedules = Schedules::new(register.clone(), shared_slots, clock.clone());
        let api = Routes::builder()
            .routes()
            .add_service(audits.into_server())
            .add_service(ClusterServiceServer::new(clusters))
            .add_service(WaiverServiceServer::new(waivers))
            .add_service(ScheduleServiceServer::new(schedules))
            .add_service(AccessLogServiceServer::new(AccessLogReader::new(log.clone())))
            .prepare()
            .into_axum_router();
        let parts = PortalParts {
            evidence: Arc::new(evidence.clone()),
            check: Arc::new(Whole),
            compare: Arc::new(hexproof_scorer::diff::Comparer),
            catalogue,
            clock,
            api,
        };
        Self { parts, evidence, records, register, slots, runs, log }
    }

    /// A shop that gets better month by month, a good cluster, a hostile one, one without a pack.
    pub(crate) async fn sample() -> Self {
        let world = Self::new();
        for (id, name, labels) in [
            ("weak-shop", "weak-shop", [("team", "payments"), ("stage", "production")]),
            ("core-banking", "Core banking, Frankfurt", [("team", "core"), ("stage", "production")]),
            ("hostile", HOSTILE[0], [("team", HOSTILE[1]), ("stage", HOSTILE[6])]),
            ("lab", "lab", [("team", "research"), ("stage", "test")]),
        ] {
            world.register(id, name, &labels).await;
        }
        let shop: ClusterId = "weak-shop".parse().unwrap();
        for (month, failing) in [(4, 70), (5, 66), (6, 52), (7, 45), (8, 40), (9, 33), (10, 36), (11, 28)] {
            let at: Timestamp = format!("2026-{month:02}-23T06:00:00Z").parse().unwrap();
            world.evidence.add(Sample::weak(&shop, at).failing(failing).pack());
        }
        let bank: ClusterId = "core-banking".parse().unwrap();
        for day in [1, 8, 15, 22] {
            let at: Timestamp = format!("2026-11-{day:02}T02:00:00Z").parse().unwrap();
            world.evidence.add(Sample::strong(&bank, at).pack());
        }
        let at: Timestamp = "2026-11-20T02:00:00Z".parse().unwrap();
        world.evidence.add(Sample::weak(&"hostile".parse().unwrap(), at).hostile().pack());
        world.schedule("monthly", "weak-shop", "0 6 23 * *").await;
        world.schedule("weekly", "core-banking", "0 2 * * 0").await;
        world.gap("weekly", "2026-11-08T02:00:00Z", "the agent did not answer within 30 minutes").await;
        world
    }

    pub(crate) async fn register(&self, id: &str, name: &str, labels: &[(&str, &str)]) {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let entry = ClusterEntry {
            id: id.parse().unwrap(),
            display_name: name.to_owned(),
            labels,
            platform: None,
            source: ClusterSource::Push,
            settings: String::new(),
            retired: false,
        };
        self.register.put(&id.parse().unwrap(), first(entry)).await.unwrap();
    }

    pub(crate) async fn schedule(&self, id: &str, cluster: &str, cron: &str) {
        let entry = ScheduleEntry {
            id: id.parse().unwrap(),
            cluster: cluster.parse().unwrap(),
            cron: cron.to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            jitter_seconds: 0,
            catch_up: CatchUp::Latest,
            paused: false,
            deleted: false,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        self.register.put(&id.parse().unwrap(), first(entry)).await.unwrap();
    }

    pub(crate) async fn gap(&self, schedule: &str, slot: &str, reason: &str) {
        let record = SlotRecord { slot: slot.parse().unwrap(), outcome: SlotOutcome::Gap(reason.to_owned()) };
        self.slots.record(&schedule.parse().unwrap(), &record).await.unwrap();
    }

    /// So many clusters with so many packs each, and a schedule each.
    pub(crate) async fn many(clusters: usize, packs: usize) -> Self {
        let world = Self::new();
        let at: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        for number in 0..clusters {
            let id = format!("cluster-{number:04}");
            world.register(&id, &format!("Cluster {number} of the bank"), &[("team", "platform")]).await;
            world.schedule(&format!("nightly-{number:04}"), &id, "0 2 * * *").await;
            let cluster: ClusterId = id.parse().unwrap();
            let first =
                Sample::weak(&cluster, at).subjects(2).failing(u32::try_from(number % 60).unwrap()).pack();
            for day in 0..packs {
                let mut pack = first.clone();
                pack.entry.finished = at - SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
                pack.entry.key = Sample::weak(&cluster, pack.entry.finished).key();
                world.evidence.add(pack);
            }
        }
        world
    }

    /// The portal as this caller meets it, dressed as in the service.
    pub(crate) fn portal(&self, caller: Option<Caller>) -> Router {
        let known = from_fn(move |mut request: Request, next: Next| {
            if let Some(caller) = caller.clone() {
                request.extensions_mut().insert(caller);
                request.extensions_mut().insert(Csrf("token-of-the-session".to_owned()));
            }
            request.extensions_mut().insert(Trail::default());
            next.run(request)
        });
        dress(router(self.parts.clone()).layer(known), true)
    }

    /// What a browser of this caller gets.
    pub(crate) async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.get_with(Some(caller), path, &[("accept", "text/html,application/xhtml+xml")]).await
    }

    pub(crate) async fn get_with(
        &self,
        caller: Option<Caller>,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.portal(caller).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap().to_vec();
        Answer { status: head.status, headers: head.headers, bytes }
    }
}

fn first<T>(value: T) -> Version<T> {
    Version {
        number: 1,
        changed_by: "admin@example.com".to_owned(),
        changed_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        request: String::new(),
        value,
    }
}

/// Somebody with these roles.
pub(crate) fn caller(roles: &[Role], scope: Scope) -> Caller {
    Caller {
        subject: "a.lindqvist@example.com".to_owned(),
        authentication: Authentication::Oidc,
        roles: BTreeSet::from_iter(roles.iter().copied()),
        scope,
    }
}

/// An auditor of everything.
pub(crate) fn auditor() -> Caller {
    caller(&[Role::Auditor], Scope::ALL)
}

/// An operator of everything, who reads no evidence.
pub(crate) fn operator() -> Caller {
    caller(&[Role::Operator], Scope::ALL)
}

/// Somebody who may do everything.
pub(crate) fn admin() -> Caller {
    caller(&[Role::Admin], Scope::ALL)
}

/// Whether a header says so.
pub(crate) fn header_is(answer: &Answer, name: header::HeaderName, value: &str) -> bool {
    answer.headers.get(name).is_some_and(|found| found == value)
}
