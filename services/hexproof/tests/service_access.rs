//! Who may call what, asked of the running service with tokens of a real identity provider.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use support::parts::{Client, IdentityProvider, present, until};
use support::root;
use support::service::Service;
use support::tls::TlsFiles;

const NOT_FOUND: i32 = 5;
const PERMISSION_DENIED: i32 = 7;
const UNIMPLEMENTED: i32 = 12;
const UNAUTHENTICATED: i32 = 16;

/// What a call about a cluster out of scope is answered with.
const OUT_OF_SCOPE: i32 = PERMISSION_DENIED;

/// An audit that does not exist.
const AUDIT: &str = "00000000-0000-4000-8000-000000000000";

/// What a request is about, which decides what scope means for it.
#[derive(Clone, Copy, PartialEq)]
enum About {
    /// It names cluster `shop`.
    Cluster,
    /// It names something of cluster `shop` by an id.
    Thing,
    /// It is about no cluster, or answers with what is in scope.
    Nothing,
}
use About::{Cluster, Nothing, Thing};

/// Every RPC: its request and what that is about, and who may call it, of `c`ollector, `o`perator, a`u`ditor, `a`dmin.
/// What ends things stands last.
fn table() -> Vec<(&'static str, Value, About, &'static str)> {
    let audit = || json!({ "clusterId": "shop", "auditId": AUDIT });
    let waiver = || json!({ "clusterId": "shop", "waiverId": "none", "version": "1" });
    let cluster = || json!({ "clusterId": "shop" });
    let schedule = || json!({ "scheduleId": "shop-daily" });
    let link = || json!({ "clusterId": "shop", "linkId": "none" });
    let manifests = json!({ "manifests": { "path": "weak-shop" } });
    let registered = json!({ "clusterId": "shop", "displayName": "shop", "source": manifests });
    let changed = json!({ "clusterId": "shop", "version": "9", "displayName": "x" });
    let proposed = json!({ "measure": "container-privileged", "subject": {}, "reason": "r", "owner": "o",
        "compensatingControl": "c", "expiry": "2099-01-01" });
    let daily = json!({ "scheduleId": "shop-new", "clusterId": "shop", "cron": "0 0 1 1 *" });
    vec![
        ("AccessLogService/ListAccessEntries", cluster(), Cluster, "a"),
        ("AuditService/GetAudit", audit(), Cluster, "oua"),
        ("AuditService/ListAudits", cluster(), Cluster, "oua"),
        ("AuditService/WatchAudit", audit(), Cluster, "oua"),
        ("AuditService/StartAudit", json!({ "clusterId": "shop", "requestId": "r" }), Cluster, "oa"),
        ("AuditService/CancelAudit", audit(), Cluster, "oa"),
        ("ClusterService/GetCluster", cluster(), Cluster, "oua"),
        ("ClusterService/ListClusters", json!({}), Nothing, "oua"),
        ("ClusterService/RegisterCluster", json!({ "requestId": "x", "cluster": registered }), Cluster, "a"),
        (
            "ClusterService/UpdateCluster",
            json!({ "cluster": changed, "updateMask": { "paths": ["display_name"] } }),
            Cluster,
            "a",
        ),
        ("CollectorService/Collect", cluster(), Cluster, ""),
        ("IntakeService/AwaitCollections", cluster(), Cluster, "c"),
        (
            "IntakeService/SubmitSnapshot",
            json!({ "header": { "clusterId": "shop", "requestId": "s" } }),
            Cluster,
            "c",
        ),
        ("MeasureService/ListMeasures", json!({ "pageSize": 1 }), Nothing, "oua"),
        ("MeasureService/GetMeasure", json!({ "measureId": "container-privileged" }), Nothing, "oua"),
        ("PackService/ListPacks", cluster(), Cluster, "oua"),
        ("PackService/GetPack", audit(), Cluster, "ua"),
        ("PackService/DownloadPack", audit(), Cluster, "ua"),
        ("PackService/CreateDownloadLink", audit(), Cluster, "ua"),
        ("PackService/RevokeDownloadLink", link(), Cluster, "ua"),
        ("PackService/VerifyPack", json!({ "stored": audit() }), Cluster, "ua"),
        ("PackService/ComparePacks", audit(), Cluster, "ua"),
        ("ScheduleService/GetSchedule", schedule(), Thing, "oua"),
        ("ScheduleService/ListSchedules", cluster(), Cluster, "oua"),
        ("ScheduleService/ListSlots", schedule(), Thing, "oua"),
        (
            "ScheduleService/UpdateSchedule",
            json!({ "schedule": { "scheduleId": "shop-daily", "version": "9", "paused": true },
                "updateMask": { "paths": ["paused"] } }),
            Thing,
            "oa",
        ),
        ("ScheduleService/CreateSchedule", json!({ "requestId": "n", "schedule": daily }), Cluster, "oa"),
        (
            "WaiverService/ProposeWaiver",
            json!({ "clusterId": "shop", "requestId": "w", "waiver": proposed }),
            Cluster,
            "oa",
        ),
        ("WaiverService/ApproveWaiver", waiver(), Cluster, "oa"),
        (
            "WaiverService/RevokeWaiver",
            json!({ "clusterId": "shop", "waiverId": "none", "comment": "c" }),
            Cluster,
            "oa",
        ),
        ("WaiverService/GetWaiver", json!({ "clusterId": "shop", "waiverId": "none" }), Cluster, "oua"),
        ("WaiverService/ListWaivers", cluster(), Cluster, "oua"),
        ("ScheduleService/DeleteSchedule", schedule(), Thing, "oa"),
        ("ClusterService/RetireCluster", cluster(), Cluster, "a"),
    ]
}

/// Every RPC of the proto files.
fn rpcs() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("proto/hexproof/v1")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut service = String::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split([' ', '(']).filter(|word| !word.is_empty()).collect();
            match words[..] {
                ["service", name, ..] => name.clone_into(&mut service),
                ["rpc", name, ..] => drop(all.insert(format!("{service}/{name}"))),
                _ => {}
            }
        }
    }
    all
}

/// A service that knows the clients of the identity provider by their groups, `ROLE-CLUSTER`.
fn start(home: &Path, provider: &IdentityProvider) -> Service {
    let mut grants = vec![json!({ "group": "admin-all", "roles": ["admin"], "clusters": "all" })];
    for cluster in ["shop", "other"] {
        for role in ["collector", "operator", "auditor", "admin"] {
            let group = format!("{role}-{cluster}");
            grants.push(json!({ "group": group, "roles": [role], "clusters": [cluster] }));
        }
    }
    let oidc = json!({ "issuer": provider.issuer, "audience": "urn:hexproof", "grants": grants });
    let file = home.join("serve.yaml");
    let TlsFiles { ca, certificate, key } = TlsFiles::make(home);
    let tls = json!({ "certificate": certificate, "key": key });
    std::fs::write(&file, json!({ "tls": tls, "access": { "oidc": oidc } }).to_string()).unwrap();
    let examples = root().join("examples");
    let arguments = [
        "--config",
        file.to_str().unwrap(),
        "--store",
        "./evidence",
        "--identity",
        "identity",
        "--manifests",
        examples.to_str().unwrap(),
    ];
    Service { ca: Some(ca), ..Service::start("service", home, &arguments, &[]) }
}

fn code(result: &Result<Value, (i32, String)>) -> i32 {
    result.as_ref().map_or_else(|(code, _)| *code, |_| 0)
}

#[test]
fn every_rpc_is_open_to_its_roles_within_their_scope_and_to_nobody_else() {
    let named: BTreeSet<String> = table().iter().map(|(method, ..)| (*method).to_owned()).collect();
    assert_eq!(named, rpcs(), "the table must name every RPC");
    if !present(&["oidc-provider", "grpcurl"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let roles = [("c", "collector"), ("o", "operator"), ("u", "auditor"), ("a", "admin")];
    let names: Vec<String> = ["other", "shop"]
        .iter()
        .flat_map(|cluster| roles.iter().map(move |(_, role)| format!("{role}-{cluster}")))
        .chain(["admin-all".to_owned(), "nobody".to_owned()])
        .collect();
    let groups: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let clients: Vec<Client<'_>> = names
        .iter()
        .zip(&groups)
        .map(|(id, groups)| Client { id, groups, audience: "urn:hexproof" })
        .collect();
    let provider = IdentityProvider::start(home.path(), &clients);
    let service = start(home.path(), &provider);
    let tokens: BTreeMap<&str, String> =
        names.iter().map(|name| (name.as_str(), provider.token(name))).collect();

    let admin = Some(tokens["admin-all"].as_str());
    for (method, request) in [
        (
            "ClusterService/RegisterCluster",
            json!({ "requestId": "x", "cluster": { "clusterId": "shop", "displayName": "shop",
                "source": { "manifests": { "path": "weak-shop" } } } }),
        ),
        (
            "ScheduleService/CreateSchedule",
            json!({ "requestId": "d", "schedule": { "scheduleId": "shop-daily", "clusterId": "shop",
                "cron": "0 0 1 1 *" } }),
        ),
    ] {
        service.try_call(admin, method, &request).unwrap();
    }

    let mut wrong = Vec::new();
    let mut expect =
        |method: &str, who: &str, token: Option<&str>, request: &Value, fits: &dyn Fn(i32) -> bool| {
            let result = service.try_call_within(2, token, method, request);
            if !fits(code(&result)) {
                wrong.push(format!("{method} by {who}: {result:?}"));
            }
        };
    for (method, request, about, allowed) in table() {
        let served = !allowed.is_empty();
        let refused = |code| code == PERMISSION_DENIED || (!served && code == UNIMPLEMENTED);
        expect(method, "nobody known", None, &request, &|code| {
            code == UNAUTHENTICATED || (!served && code == UNIMPLEMENTED)
        });
        expect(method, "nobody", Some(&tokens["nobody"]), &request, &refused);
        for (letter, role) in roles {
            let who = format!("{role}-other");
            let token = Some(tokens[who.as_str()].as_str());
            match about {
                _ if !allowed.contains(letter) => expect(method, &who, token, &request, &refused),
                Cluster => expect(method, &who, token, &request, &|code| code == OUT_OF_SCOPE),
                Thing => expect(method, &who, token, &request, &|code| code == NOT_FOUND),
                Nothing => expect(method, &who, token, &request, &|code| code == 0),
            }
        }
    }
    for (method, request, _, allowed) in table() {
        for (letter, role) in roles {
            let who = format!("{role}-shop");
            let token = Some(tokens[who.as_str()].as_str());
            let served = !allowed.is_empty();
            // Who may call gets through to the service, which may still have something to say about the request.
            let through =
                |code| code != PERMISSION_DENIED && code != UNAUTHENTICATED && code != UNIMPLEMENTED;
            let refused = |code| code == PERMISSION_DENIED || (!served && code == UNIMPLEMENTED);
            let allowed = allowed.contains(letter);
            expect(method, &who, token, &request, &|code| {
                if allowed { through(code) } else { refused(code) }
            });
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let log =
        service.try_call(admin, "AccessLogService/ListAccessEntries", &json!({ "pageSize": 500 })).unwrap();
    let entries = log["entries"].as_array().unwrap();
    let has = |subject: &str, action: &str, outcome: &str| {
        entries.iter().any(|entry| {
            entry["subject"] == subject && entry["action"] == action && entry["outcome"] == outcome
        })
    };
    assert!(has("auditor-other", "AuditService.StartAudit", "ACCESS_OUTCOME_REFUSED"));
    assert!(has("operator-shop", "AuditService.StartAudit", "ACCESS_OUTCOME_DONE"));
    let read = |entry: &serde_json::Value| {
        entry["action"] == "AuditService.GetAudit" && entry["outcome"] == "ACCESS_OUTCOME_DONE"
    };
    assert!(!entries.iter().any(read), "reading is not logged, unless it is refused");
}

#[test]
fn tokens_count_only_as_the_identity_provider_meant_them() {
    if !present(&["oidc-provider", "grpcurl"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let clients = [
        Client { id: "alice", groups: &["auditor-shop"], audience: "urn:hexproof" },
        Client { id: "stray", groups: &["auditor-shop"], audience: "urn:other" },
    ];
    let mut provider = IdentityProvider::start(home.path(), &clients);
    let service = start(home.path(), &provider);
    let list = |token: &str| {
        code(&service.try_call(Some(token), "MeasureService/ListMeasures", &json!({ "pageSize": 1 })))
    };
    let good = provider.token("alice");
    assert_eq!(list(&good), 0);
    assert_eq!(list(&provider.token("stray")), UNAUTHENTICATED, "wrong audience");
    provider.clock(-7200);
    assert_eq!(list(&provider.token("alice")), UNAUTHENTICATED, "expired");
    provider.clock(7200);
    assert_eq!(list(&provider.token("alice")), UNAUTHENTICATED, "issued in the future");
    provider.clock(0);

    let mut parts = good.split('.');
    let (header, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let head = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    assert_eq!(list(&format!("{}.{claims}.", head(json!({ "alg": "none" })))), UNAUTHENTICATED, "alg=none");
    let read = URL_SAFE_NO_PAD.decode(header).unwrap();
    let mut confused: Value = serde_json::from_slice(&read).unwrap();
    confused["alg"] = "HS256".into();
    let signed = format!("{}.{claims}", head(confused));
    let address = provider.issuer.trim_start_matches("http://").to_owned();
    let (_, keys) = support::parts::http(&address, "GET", "/jwks", &[], "").unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(keys["keys"][0]["n"].as_str().unwrap()).unwrap();
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &modulus);
    let forged = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, signed.as_bytes()));
    assert_eq!(list(&format!("{signed}.{forged}")), UNAUTHENTICATED, "the public key as a secret");
    let mut claimed: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claimed["groups"] = json!(["admin-all"]);
    let promoted = format!("{header}.{}.{signature}", head(claimed));
    assert_eq!(list(&promoted), UNAUTHENTICATED, "claims that were not signed");
    assert_ne!(list(&"x".repeat(20_000)), 0, "an oversized header");
    assert_eq!(list(&good), 0, "the service goes on after all that");

    provider.rotate();
    let renewed = provider.token("alice");
    until("the new key", Duration::from_secs(90), || (list(&renewed) == 0).then_some(()));
    assert_eq!(list(&good), UNAUTHENTICATED, "signed by a key that the provider has forgotten");
}
