use std::collections::BTreeSet;

use hexproof_core::access::{Authentication, Clusters, Role, Scope, Trail};
use hexproof_core::port::FixedClock;
use hexproof_core::register::SlotRecord;
use jiff::Timestamp;
use prost_types::FieldMask;
use tonic_types::StatusExt as _;

use super::*;
use crate::fakes::World;

const NOW: &str = "2026-02-01T00:30:00Z";

fn caller(clusters: &[&str]) -> Caller {
    let clusters = match clusters {
        ["*"] => Clusters::All,
        some => Clusters::Only(some.iter().map(|id| id.parse().unwrap()).collect()),
    };
    Caller {
        subject: "ann@example.org".to_owned(),
        authentication: Authentication::Oidc,
        roles: BTreeSet::from([Role::Operator]),
        scope: Scope { clusters, from: None, until: None },
    }
}

fn by<T>(caller: Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Trail::default());
    request
}

fn ask<T>(message: T) -> Request<T> {
    by(caller(&["*"]), message)
}

async fn service() -> (Arc<World>, Schedules) {
    let world = World::new();
    world.cluster("shop", false).await;
    world.cluster("bank", false).await;
    world.cluster("gone", true).await;
    let service = at(&world, NOW);
    (world, service)
}

fn at(world: &Arc<World>, now: &str) -> Schedules {
    Schedules::new(world.register(), world.clone(), Arc::new(FixedClock(now.parse().unwrap())))
}

fn nightly() -> v1::Schedule {
    v1::Schedule {
        schedule_id: "nightly".into(),
        cluster_id: "shop".into(),
        cron: "0  2 * * *".into(),
        time_zone: "europe/berlin".into(),
        jitter: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..Default::default()
    }
}

fn create(schedule: v1::Schedule, request: &str) -> v1::CreateScheduleRequest {
    let request_id = request.into();
    v1::CreateScheduleRequest { schedule: Some(schedule), request_id, validate_only: false }
}

fn update(schedule: v1::Schedule, paths: &[&str]) -> v1::UpdateScheduleRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let (schedule, update_mask) = (Some(schedule), Some(FieldMask { paths }));
    v1::UpdateScheduleRequest { schedule, update_mask, validate_only: false }
}

async fn created(service: &Schedules, schedule: v1::Schedule, request: &str) -> v1::Schedule {
    let answer = service.create_schedule(ask(create(schedule, request))).await.unwrap();
    answer.into_inner().schedule.unwrap()
}

fn field(status: &Status) -> String {
    status.get_error_details().bad_request().unwrap().field_violations[0].field.clone()
}

#[tokio::test]
async fn a_schedule_is_created_once_whatever_the_repetitions() {
    let (world, service) = service().await;
    let request = ask(create(nightly(), "r1"));
    let trail = status::trail(&request);
    let first = service.create_schedule(request).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((first.version, first.changed_by.as_str()), (1, "ann@example.org"));
    assert_eq!((first.cron.as_str(), first.time_zone.as_str()), ("0 2 * * *", "Europe/Berlin"));
    assert_eq!(first.catch_up(), v1::CatchUp::Latest);
    assert_eq!(first.next_slots.len(), 5);
    assert_eq!(first.next_slots[0].seconds, "2026-02-01T01:00:00Z".parse::<Timestamp>().unwrap().as_second());
    assert_eq!(trail.touched(), (Some("shop".parse().unwrap()), "nightly".to_owned()));
    assert_eq!(created(&at(&world, "2026-02-02T00:00:00Z"), nightly(), "r1").await.version, 1);
    let taken = service.create_schedule(ask(create(nightly(), "r2"))).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);

    let unnamed = v1::Schedule { schedule_id: String::new(), ..nightly() };
    let id = created(&service, unnamed.clone(), "r3").await.schedule_id;
    assert_eq!(created(&service, unnamed.clone(), "r3").await.schedule_id, id);
    assert_ne!(created(&service, unnamed, "r4").await.schedule_id, id);

    let both = futures::future::join_all((0..8).map(|_| {
        let schedule = v1::Schedule { schedule_id: "raced".into(), ..nightly() };
        service.create_schedule(ask(create(schedule, "r5")))
    }))
    .await;
    assert!(both.iter().all(Result::is_ok));
    let raced = "raced".parse().unwrap();
    assert_eq!(world.register().history::<ScheduleEntry>(&raced).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_field() {
    let (_, service) = service().await;
    type Change = fn(&mut v1::Schedule);
    let table: [(&str, Change); 10] = [
        ("schedule.cron", |s| s.cron = "0 2 * *".into()),
        ("schedule.cron", |s| s.cron = "0 0 30 2 *".into()),
        ("schedule.cron", |s| s.cron = String::new()),
        ("schedule.time_zone", |s| s.time_zone = "Europe/Atlantis".into()),
        ("schedule.jitter", |s| s.jitter = Some(prost_types::Duration { seconds: 3_601, nanos: 0 })),
        ("schedule.jitter", |s| s.jitter = Some(prost_types::Duration { seconds: -1, nanos: 0 })),
        ("schedule.jitter", |s| s.jitter = Some(prost_types::Duration { seconds: 1, nanos: 1 })),
        ("schedule.catch_up", |s| s.catch_up = 99),
        ("schedule.schedule_id", |s| s.schedule_id = "../x".into()),
        ("schedule.cluster_id", |s| s.cluster_id = "a/b".into()),
    ];
    for (name, change) in table {
        let mut schedule = nightly();
        change(&mut schedule);
        let refused = service.create_schedule(ask(create(schedule, "r"))).await.unwrap_err();
        assert_eq!((refused.code(), field(&refused).as_str()), (Code::InvalidArgument, name));
    }
    assert_eq!(field(&service.create_schedule(ask(create(nightly(), ""))).await.unwrap_err()), "request_id");
    let empty = v1::CreateScheduleRequest::default();
    assert_eq!(field(&service.create_schedule(ask(empty)).await.unwrap_err()), "schedule");
    for cluster in ["gone", "nowhere"] {
        let schedule = v1::Schedule { cluster_id: cluster.into(), ..nightly() };
        let refused = service.create_schedule(ask(create(schedule, "r"))).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{cluster}");
    }
    let anybody = Request::new(create(nightly(), "r"));
    assert_eq!(service.create_schedule(anybody).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_schedule_out_of_scope_looks_like_none() {
    let (_, service) = service().await;
    created(&service, nightly(), "r1").await;
    let stranger = || caller(&["bank"]);
    let denied = service.create_schedule(by(stranger(), create(nightly(), "r1"))).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let get = |id: &str| v1::GetScheduleRequest { schedule_id: id.into(), read_mask: None };
    let hidden = service.get_schedule(by(stranger(), get("nightly"))).await.unwrap_err();
    let unknown = service.get_schedule(by(stranger(), get("unknown"))).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    assert_eq!(hidden.message().replace("nightly", "unknown"), unknown.message());
    let change = update(v1::Schedule { version: 1, ..nightly() }, &["paused"]);
    let id = || "nightly".to_owned();
    assert_eq!(service.update_schedule(by(stranger(), change)).await.unwrap_err().code(), Code::NotFound);
    let delete = v1::DeleteScheduleRequest { schedule_id: id() };
    assert_eq!(service.delete_schedule(by(stranger(), delete)).await.unwrap_err().code(), Code::NotFound);
    let slots = v1::ListSlotsRequest { schedule_id: id(), ..Default::default() };
    assert_eq!(service.list_slots(by(stranger(), slots)).await.unwrap_err().code(), Code::NotFound);
    let all = service.list_schedules(by(stranger(), v1::ListSchedulesRequest::default())).await.unwrap();
    assert_eq!(all.into_inner().schedules, []);
    let named = v1::ListSchedulesRequest { cluster_id: "shop".into(), ..Default::default() };
    assert_eq!(
        service.list_schedules(by(stranger(), named)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    let (world, service) = service().await;
    created(&service, nightly(), "r1").await;
    let id: RecordId = "nightly".parse().unwrap();
    let since = async || {
        world.register().latest::<ScheduleEntry>(&id).await.unwrap().unwrap().value.since.to_string()
    };
    let later = at(&world, "2026-02-03T00:00:00Z");
    let send = async |schedule: v1::Schedule, paths: &[&str]| {
        later.update_schedule(ask(update(schedule, paths))).await
    };
    let stale = v1::Schedule { version: 2, ..nightly() };
    assert_eq!(send(stale, &["paused"]).await.unwrap_err().code(), Code::Aborted);
    let unsaid = send(nightly(), &["paused"]).await.unwrap_err();
    assert_eq!(field(&unsaid), "schedule.version");
    let odd = send(v1::Schedule { version: 1, ..nightly() }, &["cluster_id"]).await.unwrap_err();
    assert_eq!(field(&odd), "update_mask");

    // Pause: no other times, so that `since` stays; nor does the cron that is not named change.
    let paused = v1::Schedule { version: 1, paused: true, cron: "* * * * *".into(), ..nightly() };
    let answer = send(paused, &["paused"]).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((answer.version, answer.paused, answer.cron.as_str()), (2, true, "0 2 * * *"));
    assert_eq!(answer.next_slots, []);
    assert_eq!(since().await, NOW);
    // The end of the pause, and other times, begin anew.
    send(v1::Schedule { version: 2, ..nightly() }, &["paused"]).await.unwrap();
    assert_eq!(since().await, "2026-02-03T00:00:00Z");
    let much_later = at(&world, "2026-02-04T00:00:00Z");
    let other = v1::Schedule { version: 3, cron: "0 3 * * *".into(), ..nightly() };
    much_later.update_schedule(ask(update(other, &["cron"]))).await.unwrap();
    assert_eq!(since().await, "2026-02-04T00:00:00Z");
    let bad = v1::Schedule { version: 4, cron: "0 25 * * *".into(), ..nightly() };
    assert_eq!(field(&send(bad, &["cron"]).await.unwrap_err()), "schedule.cron");
    // What changes nothing makes no version.
    let same = v1::Schedule { version: 4, ..nightly() };
    assert_eq!(send(same, &["time_zone"]).await.unwrap().into_inner().schedule.unwrap().version, 4);
}

#[tokio::test]
async fn a_deleted_schedule_is_gone_and_its_versions_are_kept() {
    let (world, service) = service().await;
    created(&service, nightly(), "r1").await;
    let delete = || ask(v1::DeleteScheduleRequest { schedule_id: "nightly".into() });
    service.delete_schedule(delete()).await.unwrap();
    assert_eq!(service.delete_schedule(delete()).await.unwrap_err().code(), Code::NotFound);
    let history = world.register().history::<ScheduleEntry>(&"nightly".parse().unwrap()).await.unwrap();
    assert_eq!(history.iter().map(|version| version.value.deleted).collect::<Vec<_>>(), [false, true]);
    for request in ["r1", "r2"] {
        let again = service.create_schedule(ask(create(nightly(), request))).await.unwrap_err();
        assert_eq!(again.code(), Code::AlreadyExists, "{request}");
    }
}

#[tokio::test]
async fn lists_come_in_pages_of_what_is_within_scope() {
    let (_, service) = service().await;
    for at in 0..7 {
        let cluster_id = if at % 2 == 0 { "shop" } else { "bank" };
        let schedule =
            v1::Schedule { schedule_id: format!("s{at}"), cluster_id: cluster_id.into(), ..nightly() };
        created(&service, schedule, &format!("r{at}")).await;
    }
    let mut seen = Vec::new();
    let mut query = v1::ListSchedulesRequest { page_size: 3, ..Default::default() };
    loop {
        let page = service.list_schedules(by(caller(&["shop"]), query.clone())).await.unwrap().into_inner();
        seen.extend(page.schedules.into_iter().map(|schedule| schedule.schedule_id));
        query.page_token = page.next_page_token;
        if query.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["s0", "s2", "s4", "s6"]);
    let foreign = v1::ListSlotsRequest { schedule_id: "s0".into(), page_token: "x.00".into(), page_size: 0 };
    assert_eq!(field(&service.list_slots(ask(foreign)).await.unwrap_err()), "page_token");
}

#[tokio::test]
async fn slots_are_listed_newest_first_and_gaps_are_counted() {
    let (world, service) = service().await;
    created(&service, nightly(), "r1").await;
    let id: RecordId = "nightly".parse().unwrap();
    let run = RunId::from_random([7; 16]);
    for (hour, outcome) in
        [SlotOutcome::Run(run), SlotOutcome::Gap("why".into()), SlotOutcome::Run(run)].into_iter().enumerate()
    {
        let slot = format!("2026-01-01T0{hour}:00:00Z").parse().unwrap();
        world.record(&id, &SlotRecord { slot, outcome }).await.unwrap();
    }
    let list = |token: &str| {
        ask(v1::ListSlotsRequest { schedule_id: "nightly".into(), page_size: 2, page_token: token.into() })
    };
    let first = service.list_slots(list("")).await.unwrap().into_inner();
    assert_eq!(first.slots[0].outcome, Some(v1::slot::Outcome::AuditId(run.to_string())));
    assert_eq!(first.slots[1].outcome, Some(v1::slot::Outcome::Gap("why".into())));
    let second = service.list_slots(list(&first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((second.slots.len(), second.next_page_token.as_str()), (1, ""));
    let get = |paths: &[&str]| {
        let read_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        ask(v1::GetScheduleRequest { schedule_id: "nightly".into(), read_mask })
    };
    let all = service.get_schedule(get(&[])).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((all.recent_gaps, all.next_slots.len()), (1, 5));
    assert_eq!(all.last_slot.as_ref(), first.slots.first());
    let some = service.get_schedule(get(&["recent_gaps"])).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!(some, v1::Schedule { recent_gaps: 1, ..Default::default() });
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_with_a_hint() {
    let (world, service) = service().await;
    world.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = service.create_schedule(ask(create(nightly(), "r1"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.get_error_details().retry_info().is_some());
}

#[tokio::test]
async fn a_request_that_is_only_checked_changes_nothing() {
    let (_, service) = service().await;
    let check = v1::CreateScheduleRequest { validate_only: true, ..create(nightly(), "r1") };
    let request = ask(check.clone());
    let trail = status::trail(&request);
    let shown = service.create_schedule(request).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((shown.next_slots.len(), shown.time_zone.as_str()), (5, "Europe/Berlin"));
    assert_eq!(trail.touched().1, CHECKED_ONLY);
    let all = service.list_schedules(ask(v1::ListSchedulesRequest::default())).await.unwrap().into_inner();
    assert!(all.schedules.is_empty(), "{all:?}");
    let wrong = v1::Schedule { cron: "0 2 30 2 *".into(), ..nightly() };
    let check = v1::CreateScheduleRequest { schedule: Some(wrong), ..check };
    assert_eq!(field(&service.create_schedule(ask(check)).await.unwrap_err()), "schedule.cron");

    let made = created(&service, nightly(), "r1").await;
    let changed = v1::Schedule { cron: "0 5 * * *".into(), ..made.clone() };
    let check = v1::UpdateScheduleRequest { validate_only: true, ..update(changed, &["cron"]) };
    let shown = service.update_schedule(ask(check)).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((shown.cron.as_str(), shown.version), ("0 5 * * *", 2));
    let name = v1::GetScheduleRequest { schedule_id: "nightly".into(), read_mask: None };
    let kept = service.get_schedule(ask(name)).await.unwrap().into_inner().schedule.unwrap();
    assert_eq!((kept.cron.as_str(), kept.version), ("0 2 * * *", 1));
}
