//! The service from end to end, as a team runs it: real storage, a real queue, workers in processes of their own, and
//! clients that are not ours.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use support::parts::{Nats, S3, present, tool, until};
use support::service::Service;
use support::{root, run};

/// How long an unoptimised build may take for the audits of one test.
const AUDITS: Duration = Duration::from_secs(600);

/// Storage, queue, one service for calls and schedules, and workers.
struct Team {
    workers: Vec<Service>,
    service: Service,
    s3: S3,
    nats: Nats,
    home: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// One team at a time: several at once would only wait for one another's processors.
static ALONE: Mutex<()> = Mutex::new(());

impl Team {
    /// `None` if a part is absent.
    fn start(workers: usize) -> Option<Self> {
        if !present(&["nats-server", "moto_server", "grpcurl"]) {
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().unwrap();
        let (nats, s3) = (Nats::start(home.path()), S3::start(home.path()));
        let examples = root().join("examples");
        let start = |name: &str, roles: &str| {
            let arguments = [
                "--dev",
                "--store",
                &s3.store(),
                "--queue",
                &nats.url,
                "--roles",
                roles,
                "--identity",
                "identity",
                "--manifests",
                examples.to_str().unwrap(),
            ];
            Service::start(name, home.path(), &arguments, &s3.environment())
        };
        // The first one makes the identity that all share.
        let service = start("service", "api,scheduler");
        let workers = (1..=workers).map(|number| start(&format!("worker-{number}"), "worker")).collect();
        Some(Self { workers, service, s3, nats, home, _alone: alone })
    }

    fn trust(&self) -> PathBuf {
        self.home.path().join("identity/ca.pem")
    }

    /// Waits until no audit of a cluster is left to do; all of them.
    fn ended(&self, cluster: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} ended audits"), AUDITS, || {
            std::thread::sleep(Duration::from_millis(450));
            let audits =
                self.service.all("AuditService/ListAudits", "audits", json!({ "clusterId": cluster }));
            let done = audits.iter().filter(|audit| has_ended(audit)).count();
            (audits.len() == count && done == count).then_some(audits)
        })
    }

    /// Each audit of a cluster has one pack, and the store has one result for each and nothing beside.
    fn each_ended_once(&self, cluster: &str, started: &BTreeSet<String>) {
        let audits = self.ended(cluster, started.len());
        let ids: BTreeSet<String> = audits.iter().map(|audit| text(&audit["auditId"])).collect();
        assert_eq!(&ids, started);
        for audit in &audits {
            assert_eq!(audit["state"], "AUDIT_STATE_SUCCEEDED", "{audit}");
        }
        let packs = self.service.all("PackService/ListPacks", "packs", json!({ "clusterId": cluster }));
        let of_packs: BTreeSet<String> = packs.iter().map(|pack| text(&pack["auditId"])).collect();
        assert_eq!((packs.len(), &of_packs), (started.len(), started));
        let runs = format!("audits/clusters/{cluster}/runs/");
        let results: BTreeSet<String> = self
            .s3
            .keys()
            .iter()
            .filter_map(|key| key.strip_prefix(&runs)?.strip_suffix("/result.json").map(str::to_owned))
            .collect();
        assert_eq!(&results, started);
    }
}

fn has_ended(audit: &Value) -> bool {
    !matches!(audit["state"].as_str(), Some("AUDIT_STATE_QUEUED" | "AUDIT_STATE_RUNNING"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The cells of a matrix by layer and goal. A number that is 0 is left out by some writers.
fn cells(assessment: &Value) -> BTreeMap<(String, String), String> {
    let cell = |cell: &Value| {
        let number = |name: &str| cell[name].as_f64().unwrap_or_default();
        let figures: Vec<f64> =
            ["scoreLow", "scoreHigh", "coverage", "residualLow", "acceptedLow", "acceptedHigh"]
                .map(number)
                .into();
        let gates = cell["gatedBy"].as_array().cloned().unwrap_or_default();
        (
            (text(&cell["layer"]), text(&cell["goal"])),
            format!("{} {figures:?} {gates:?}", text(&cell["rating"])),
        )
    };
    assessment["matrix"].as_array().unwrap().iter().map(cell).collect()
}

/// What the program says of an example without the service.
fn assessed(home: &Path, example: &str) -> Value {
    let mut command = support::hexproof(home);
    let (code, out, err) =
        run(command.args(["assess", "--format", "json"]).arg(root().join("examples").join(example)));
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_scheduled_audit_over_s3_and_nats_ends_as_a_pack_that_others_accept() {
    if !present(&["python", "pyhanko"]) {
        return;
    }
    let Some(team) = Team::start(2) else { return };
    let service = &team.service;
    service.register("shop", "weak-shop");
    let schedule = json!({
        "requestId": "every-minute",
        "schedule": { "scheduleId": "every-minute", "clusterId": "shop", "cron": "* * * * *", "timeZone": "UTC" },
    });
    let created = service.call("ScheduleService/CreateSchedule", &schedule);
    let next = text(&created["schedule"]["nextSlots"][0]);

    let slot = until("a slot that has run", Duration::from_secs(90), || {
        std::thread::sleep(Duration::from_millis(450));
        let page = service.call("ScheduleService/ListSlots", &json!({ "scheduleId": "every-minute" }));
        page["slots"].as_array()?.last().cloned()
    });
    service.call("ScheduleService/DeleteSchedule", &json!({ "scheduleId": "every-minute" }));
    assert_eq!(text(&slot["slot"]), next, "{slot}");
    let audit = text(&slot["auditId"]);
    let named = json!({ "clusterId": "shop", "auditId": audit });
    let ended = service.call("AuditService/WatchAudit", &named)["audit"].clone();
    assert_eq!(ended["state"], "AUDIT_STATE_SUCCEEDED", "{ended}");
    assert_eq!(ended["trigger"]["slot"]["scheduleId"], "every-minute");
    assert_eq!(text(&ended["trigger"]["slot"]["slot"]), next);
    assert!(text(&ended["createTime"]) >= next, "{ended}");

    // Half a pack lies there from an earlier attempt: the client goes on with it.
    let pack = team.home.path().join("shop.pdf");
    let assessment = team.home.path().join("shop.json");
    let client = || {
        let mut client = Command::new(tool("python").unwrap());
        client
            .arg(root().join("examples/clients/python/audit.py"))
            .args([&format!("http://{}", service.address), "shop", "--audit", &audit, "--output"])
            .arg(&pack)
            .arg("--json")
            .arg(&assessment)
            .arg("--trust")
            .arg(team.trust());
        client
    };
    let (code, out, err) = run(&mut client());
    assert!(code == 0 && out.contains(": valid, entire_file"), "{out}{err}");
    let whole = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(pack.with_extension("pdf.part"), &whole[..whole.len() / 2]).unwrap();
    let (code, out, err) = run(&mut client());
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(std::fs::read(&pack).unwrap(), whole);

    let seen: Value = serde_json::from_slice(&std::fs::read(&assessment).unwrap()).unwrap();
    assert_eq!(cells(&seen), cells(&assessed(team.home.path(), "weak-shop")));

    let mut judge = Command::new(tool("pyhanko").unwrap());
    judge
        .args(["sign", "validate", "--trust-replace", "--pretty-print", "--trust"])
        .arg(team.trust())
        .arg(&pack);
    let (_, out, err) = run(&mut judge);
    let verdict = out + &err;
    assert!(verdict.contains("judged VALID") && verdict.contains("covers the entire file"), "{verdict}");
}

#[test]
fn every_audit_ends_once_though_a_worker_dies_in_the_middle_of_a_rendering() {
    let Some(mut team) = Team::start(3) else { return };
    team.service.register("shop", "weak-shop");
    let started: BTreeSet<String> =
        (0..8).map(|number| team.service.start_audit("shop", &format!("audit-{number}"))).collect();
    // A worker that has a child process is rendering.
    let rendering = until("a rendering", AUDITS, || {
        team.workers.iter().position(|worker| has_children(worker.process.id()))
    });
    team.workers[rendering].process.kill();
    team.each_ended_once("shop", &started);
}

fn has_children(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return false };
    threads.flatten().any(|thread| {
        std::fs::read_to_string(thread.path().join("children"))
            .is_ok_and(|children| !children.trim().is_empty())
    })
}

#[test]
fn no_audit_is_lost_while_the_store_is_down() {
    let Some(team) = Team::start(2) else { return };
    let service = &team.service;
    service.register("shop", "weak-shop");
    let started: BTreeSet<String> =
        (0..20).map(|number| service.start_audit("shop", &format!("audit-{number}"))).collect();
    until("the third pack", AUDITS, || {
        let packs = service.all("PackService/ListPacks", "packs", json!({ "clusterId": "shop" }));
        (packs.len() >= 3).then_some(())
    });
    team.s3.proxy.cut();
    let refused = until("readiness turning false", Duration::from_secs(30), || {
        let (status, _) = support::parts::http(&service.address, "GET", "/readyz", &[], "")?;
        (status == 503).then(|| {
            let request = json!({ "clusterId": "shop", "requestId": "meanwhile" });
            service.try_call(None, "AuditService/StartAudit", &request)
        })
    });
    let (code, said) = refused.unwrap_err();
    assert_eq!(code, 14, "UNAVAILABLE is meant: {said}");
    assert!(said.contains("RetryInfo"), "no hint when to try again: {said}");
    std::thread::sleep(Duration::from_secs(60));
    team.s3.proxy.mend();
    until("readiness coming back", Duration::from_secs(60), || {
        support::parts::http(&service.address, "GET", "/readyz", &[], "").filter(|(status, _)| *status == 200)
    });
    team.each_ended_once("shop", &started);
}

#[test]
fn the_service_ends_in_order_when_asked_and_takes_up_what_was_left() {
    let Some(mut team) = Team::start(1) else { return };
    team.service.register("shop", "weak-shop");
    let started: BTreeSet<String> =
        (0..3).map(|number| team.service.start_audit("shop", &format!("audit-{number}"))).collect();
    let code = team.workers[0].process.terminate(Duration::from_secs(60));
    assert_eq!(code, Some(0), "{}", team.workers[0].process.messages());
    let examples = root().join("examples");
    let arguments = [
        "--dev",
        "--store",
        &team.s3.store(),
        "--queue",
        &team.nats.url,
        "--roles",
        "worker",
        "--identity",
        "identity",
        "--manifests",
        examples.to_str().unwrap(),
    ];
    team.workers.push(Service::start("worker-again", team.home.path(), &arguments, &team.s3.environment()));
    team.each_ended_once("shop", &started);
}
