//! A history to look at: four clusters made of the examples, audited by the service itself on a clock that a test sets.
//! A shop is mended month by month, nothing runs in September, and in November somebody leaves a tool behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::parts::{tool, until};
use crate::support::service::Service;
use crate::support::{root, run};

pub(crate) const SHOP: &str = "shop-production";

/// Who looks at the pages.
pub(crate) const VIEWER: &str = "a.lindqvist";

/// Clusters, the examples that they are made of, and since which stop they are there.
const CLUSTERS: [(&str, &str, usize); 4] = [
    (SHOP, "weak-shop", 0),
    ("shop-staging", "hardened-shop", 5),
    ("shop-azure", "aks-shop", 5),
    ("warehouse", "on-premise-shop", 5),
];

/// A time, and what the owners of the cluster had changed until then.
type Stop = (&'static str, fn(&Path));

/// When the service ran, in seconds of Unix, and what had been changed until then. The first day of each month at
/// 06:00:20, but for September.
const STOPS: [Stop; 7] = [
    ("1775023220", |_| {}),
    ("1777615220", |state| {
        edit(state, "40-nodes.yaml", "      hostPID: true\n      hostNetwork: true\n", "");
    }),
    ("1780293620", |state| {
        edit(state, "20-api.yaml", "        - {name: DB_PASSWORD, value: \"orders-2024-example\"}\n", "");
    }),
    ("1782885620", |state| {
        edit(
            state,
            "50-access.yaml",
            "resources: [secrets, pods, pods/exec]\n  verbs: [\"*\"]",
            "resources: [pods]\n  verbs: [get, list]",
        );
        edit(
            state,
            "50-access.yaml",
            "- apiGroups: [\"*\"]\n  resources: [\"*\"]\n  verbs: [get, list]\n",
            "",
        );
    }),
    ("1785564020", |state| {
        edit(
            state,
            "10-web.yaml",
            "image: registry.example.com/shop/web\n",
            "image: registry.example.com/shop/web:3.1\n        securityContext: {allowPrivilegeEscalation: false, \
             runAsNonRoot: true, runAsUser: 10001, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}, \
             seccompProfile: {type: RuntimeDefault}}\n",
        );
    }),
    ("1790834420", |state| {
        edit(state, "40-nodes.yaml", "        securityContext: {privileged: true}\n", "");
        edit(
            state,
            "50-access.yaml",
            "kind: ClusterRole, name: cluster-admin",
            "kind: ClusterRole, name: view",
        );
    }),
    ("1793512820", |state| {
        let database = "        image: docker.io/library/postgres:17\n";
        let bounded = "        resources: {requests: {cpu: 250m, memory: 512Mi}, limits: {memory: 1Gi}}\n        \
            imagePullPolicy: IfNotPresent\n        securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true, \
            runAsUser: 10002, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}\n";
        edit(state, "30-database.yaml", database, &format!("{database}{bounded}"));
        let tool = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: debug, namespace: shop, labels: {app: debug}}\n\
            spec:\n  selector: {matchLabels: {app: debug}}\n  template:\n    metadata: {labels: {app: debug}}\n    spec:\n      \
            containers:\n      - name: shell\n        image: docker.io/library/busybox\n        \
            securityContext: {privileged: true}\n";
        std::fs::write(state.join("60-debug.yaml"), tool).unwrap();
    }),
];

/// When somebody looks at it: 3 November 2026, 08:14 UTC.
const NOW: &str = "1793693640";

/// The service with its history behind it.
pub(crate) struct Demo {
    service: Service,
    pub(crate) home: TempDir,
}

impl Demo {
    pub(crate) fn make() -> Self {
        let home = tempfile::tempdir().unwrap();
        for (cluster, example, _) in CLUSTERS {
            copy(&root().join("examples").join(example), &home.path().join("state").join(cluster));
        }
        for (at, (clock, change)) in STOPS.iter().enumerate() {
            change(&home.path().join("state").join(SHOP));
            let mut service = serve(home.path(), clock);
            for (cluster, _, since) in CLUSTERS {
                if since == at {
                    begin(&service, cluster);
                }
            }
            if at == STOPS.len() - 1 {
                waivers(&service);
            }
            let wanted = CLUSTERS.iter().filter(|(.., since)| *since <= at);
            let wanted: usize = wanted.map(|(.., since)| at + 1 - since).sum();
            until("the audits of a month", Duration::from_secs(300), || {
                let all = service.all("AuditService/ListAudits", "audits", json!({ "pageSize": 100 }));
                assert!(all.iter().all(|audit| audit["state"] != "AUDIT_STATE_FAILED"), "{all:#?}");
                let done = all.iter().filter(|audit| audit["state"] == "AUDIT_STATE_SUCCEEDED").count();
                (done >= wanted && done == all.len()).then_some(())
            });
            service.process.terminate(Duration::from_secs(60));
        }
        Self { service: serve(home.path(), NOW), home }
    }

    /// The address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address)
    }

    /// The newest pack of a cluster: its audit.
    pub(crate) fn newest(&self, cluster: &str) -> String {
        let packs =
            self.service.call("PackService/ListPacks", &json!({ "clusterId": cluster, "pageSize": 1 }));
        packs["packs"][0]["auditId"].as_str().unwrap().to_owned()
    }
}

fn serve(home: &Path, clock: &str) -> Service {
    let arguments = ["--dev", "--store", "./evidence", "--identity", "./identity", "--manifests", "./state"];
    Service::start("service", home, &arguments, &[("SOURCE_DATE_EPOCH".to_owned(), clock.to_owned())])
}

/// Registers a cluster, audits it, and has it audited on the first of each month.
fn begin(service: &Service, cluster: &str) {
    service.register(cluster, cluster);
    service.start_audit(cluster, "first");
    let schedule = json!({ "scheduleId": format!("{cluster}-monthly"), "clusterId": cluster, "cron": "0 6 1 * *",
        "catchUp": "CATCH_UP_SKIP" });
    service.call("ScheduleService/CreateSchedule", &json!({ "requestId": cluster, "schedule": schedule }));
}

/// One that counts and one that waits for somebody.
fn waivers(service: &Service) {
    let propose = |request: &str, measure: &str, subject: Value, reason: &str, expiry: &str| {
        let waiver = json!({ "measure": measure, "subject": subject, "reason": reason, "owner": "R. Okafor",
            "compensatingControl": "Nodes of the build pool run nothing else.", "expiry": expiry });
        let request = json!({ "clusterId": SHOP, "requestId": request, "waiver": waiver });
        call_as(service, "m.lind", "WaiverService/ProposeWaiver", &request)
    };
    let tuning = json!({ "kind": "DaemonSet", "namespace": "build", "name": "node-tuning" });
    let reason = "The tool reads kernel settings of the node.";
    let first = propose("w1", "container-hostpath-volume", tuning, reason, "2027-03-31");
    let record = &first["waiver"];
    let approval =
        json!({ "clusterId": SHOP, "waiverId": record["waiver"]["id"], "version": record["version"] });
    call_as(service, VIEWER, "WaiverService/ApproveWaiver", &approval);
    let nightly = json!({ "kind": "CronJob", "namespace": "build" });
    propose(
        "w2",
        "container-runtime-socket-mount",
        nightly,
        "Until images are built without Docker.",
        "2026-12-31",
    );
}

/// A call by a person, as `--dev` lets anybody be one.
fn call_as(service: &Service, person: &str, method: &str, request: &Value) -> Value {
    let proto = root().join("proto");
    let mut command = Command::new(tool("grpcurl").unwrap());
    command.arg("-import-path").arg(&proto).args([
        "-proto",
        "hexproof/v1/waiver_service.proto",
        "-plaintext",
    ]);
    command.args(["-H", &format!("x-hexproof-dev-subject: {person}"), "-d", &request.to_string()]);
    let (code, out, err) = run(command.arg(&service.address).arg(format!("hexproof.v1.{method}")));
    assert_eq!(code, 0, "{method}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Puts one text in the place of another, which must be there.
fn edit(state: &Path, file: &str, from: &str, to: &str) {
    let path = state.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} does not hold {from:?}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}
