//! What leaves the collector and what does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;

use common::{read, real};
use hexproof_collectors::{CollectError, Collection, ManifestOptions, collect_manifests, redact::Redactor};
use hexproof_core::{
    record::{Body, Finding, Record},
    snapshot::Redaction,
};

fn project(yaml: &str) -> Record {
    let raw = read(yaml.as_bytes());
    assert_eq!(raw.faults(), Vec::<String>::new(), "{yaml}");
    let object = raw.objects.into_iter().next().unwrap();
    Redactor::default().project(object, &mut Redaction::default()).unwrap()
}

fn short(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|f| format!("{} {} {}", f.path, f.key, f.detector)).collect()
}

fn collect(files: &[(&str, &str)], keep_going: bool) -> Result<Collection, CollectError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let options = ManifestOptions { keep_going, ..ManifestOptions::default() };
    collect_manifests(&[folder.path().to_path_buf()], &Redactor::default(), &options)
}

#[test]
fn credentials_in_pods_are_found_by_path_and_name_and_their_values_dropped() {
    let record = project(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {note: "https://u:hunter2@host/x"}
spec:
  template:
    metadata:
      annotations: {key: "AKIAIOSFODNN7EXAMPLE", kubectl.kubernetes.io/last-applied-configuration: "ghp_hunter2"}
    spec:
      initContainers:
      - name: init
        command: [sh, -c, "sudo true"]
      containers:
      - name: app
        env:
        - {name: DB_PASSWORD, value: hunter2}
        - {name: DB_PASSWORD_FILE, value: /run/secrets/x}
        - {name: API_KEY, value: $(OTHER)}
        - {name: ENABLE_TOKEN, value: "true"}
        - {name: EMPTY_SECRET, value: ""}
        - {name: SAFE, valueFrom: {secretKeyRef: {name: s, key: k}}}
        - {name: NUMBER_TOKEN, value: 12345}
        args: ["--token=hunter2", "--verbose", "PASSWORD=hunter2", "--conn=postgres://a:hunter2@b/c"]
        livenessProbe:
          httpGet: {path: "/health?token=hunter2", port: 80, httpHeaders: [{name: Authorization, value: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2ln}]}
        readinessProbe:
          httpGet: {path: "/health?token=hunter2", port: 80, httpHeaders: [{name: Authorization, value: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2ln}]}
        lifecycle: {preStop: {exec: {command: ["/usr/sbin/sshd", "-t"]}}}
"#,
    );
    let derived = record.derived.clone().unwrap();
    assert_eq!(
        short(&derived.credentials),
        [
            "metadata.annotations.note note url-with-password",
            "spec.template.metadata.annotations.key key aws-access-key",
            "spec.template.spec.containers[0].env[0].value DB_PASSWORD sensitive-name",
            "spec.template.spec.containers[0].env[6].value NUMBER_TOKEN sensitive-name",
            "spec.template.spec.containers[0].args[0] token sensitive-name",
            "spec.template.spec.containers[0].args[2] PASSWORD sensitive-name",
            "spec.template.spec.containers[0].args[3] conn url-with-password",
            "spec.template.spec.containers[0].livenessProbe.httpGet.httpHeaders[0].value Authorization jwt",
            "spec.template.spec.containers[0].readinessProbe.httpGet.httpHeaders[0].value Authorization jwt",
        ]
    );
    assert_eq!(
        short(&derived.remote_shell),
        [
            "spec.template.spec.containers[0].lifecycle.preStop.exec.command[0]  sshd",
            "spec.template.spec.initContainers[0].command[2]  sudo",
        ]
    );
    let text = serde_json::to_string(&record).unwrap();
    for gone in ["hunter2", "AKIAIOSF", "eyJ", "ghp_", "sudo true", "--verbose", "12345", "/run/secrets"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert!(
        text.contains("\"handlerEqualsReadiness\":true") && text.contains("\"path\":\"/health\""),
        "{text}"
    );
}

#[test]
fn config_maps_keep_key_names_and_findings() {
    let record = project(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data:
  DB_PASSWORD: hunter2
  DB_HOST: db
  bearer: x
  template: "password: ${PASSWORD}\ntoken: {{ .token }}\nsecret = <fill in>"
  app.ini: |
    [db]
    password = hunter2
    ; password = x
    host = db
  app.json: |
    {
      "apiKey": "hunter2",
      "tokenFile": "/x"
    }
  tls: |
    -----BEGIN CERTIFICATE-----
binaryData:
  key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCmh1bnRlcjIK
"#,
    );
    let derived = record.derived.clone().unwrap();
    assert_eq!(
        short(&derived.credentials),
        [
            "data.DB_PASSWORD DB_PASSWORD sensitive-name",
            "data['app.ini'] password sensitive-name",
            "data['app.json'] apiKey sensitive-name",
            "data.bearer bearer sensitive-name",
            "binaryData.key key private-key",
        ]
    );
    let Body::ConfigMap(map) = &record.body else { panic!("{record:?}") };
    assert_eq!(
        map.keys,
        ["DB_HOST", "DB_PASSWORD", "app.ini", "app.json", "bearer", "key", "template", "tls"]
    );
    assert!(!serde_json::to_string(&record).unwrap().contains("hunter2"));
}

#[test]
fn secrets_keep_type_and_key_names() {
    let record = project(
        r#"
apiVersion: v1
kind: Secret
metadata:
  name: s
  managedFields:
  - {manager: a, time: "2026-01-01T00:00:00Z", fieldsV1: {"f:data": {}}}
  - {manager: b, time: "2026-03-01T00:00:00Z", fieldsV1: {"f:data": {"f:x": {}}}}
  - {manager: c, time: "2026-09-01T00:00:00Z", fieldsV1: {"f:metadata": {}}}
type: Opaque
keys: [claimed]
keysNotRead: true
derived: {credentials: [{path: claimed}]}
origin: {file: claimed}
data: {a: aHVudGVyMg==}
stringData: {b: hunter2}
"#,
    );
    let Body::Secret(secret) = &record.body else { panic!("{record:?}") };
    assert_eq!((secret.keys.as_slice(), secret.keys_not_read), (&["a".to_owned(), "b".to_owned()][..], None));
    let derived = record.derived.clone().unwrap();
    assert_eq!(derived.data_changed.unwrap().to_string(), "2026-03-01T00:00:00Z");
    let text = serde_json::to_string(&record).unwrap();
    for gone in ["hunter2", "aHVudGVyMg", "claimed", "managedFields"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
}

#[test]
fn a_tls_secret_shows_the_public_facts_of_its_certificate() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params =
        rcgen::CertificateParams::new(vec!["shop.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "shop.example");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let record = project(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        indented(&certificate.pem()),
        indented(&key.serialize_pem())
    ));
    let facts = record.derived.clone().unwrap().certificate.unwrap();
    assert_eq!(facts.subject, "CN=shop.example");
    assert_eq!(facts.subject_alt_names, ["shop.example", "10.0.0.1"]);
    assert_eq!(facts.not_after.unwrap().to_string(), "2027-01-01T00:00:00Z");
    assert_eq!((facts.key_type.as_str(), facts.key_bits), ("EC P-256", Some(256)));
    assert_eq!((facts.signature_algorithm.as_str(), facts.self_signed), ("ecdsa-with-SHA256", Some(true)));
    assert_eq!(facts.sha256, hexproof_core::Digest::of(certificate.der()).hex());
    let broken = project(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ntype: kubernetes.io/tls\ndata: {tls.crt: aHVudGVyMg==}",
    );
    let derived = broken.derived.clone().unwrap();
    assert_eq!(derived.certificate_error.as_deref(), Some("no certificate in PEM form"));
}

#[test]
fn a_certificate_request_shows_its_subject_only() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, request);
    let record = project(&format!(
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: c}}\nspec: {{signerName: x, request: {encoded}}}"
    ));
    let subject = record.derived.clone().unwrap().request_subject.unwrap();
    assert_eq!(
        (subject.common_name.as_str(), subject.organizations),
        ("jane", vec!["system:masters".to_owned()])
    );
    assert!(!serde_json::to_string(&record).unwrap().contains(&encoded[..40]));
}

#[test]
fn persistence_words_count_unless_they_are_switched_off() {
    for (args, expected) in [
        ("[--appendonly, 'yes']", 1),
        ("[--appendonly, 'no']", 0),
        ("[--save, '']", 0),
        ("[--save, '60 1']", 1),
        ("['redis-server --appendonly yes']", 1),
        ("['redis-server --save \"\"']", 0),
        ("[--maxmemory, 1gb]", 0),
    ] {
        let record = project(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: r}}\nspec: {{containers: [{{name: redis, args: {args}}}]}}"
        ));
        let found = record.derived.as_ref().map_or(0, |derived| derived.persistence.len());
        assert_eq!(found, expected, "{args}");
    }
}

#[test]
fn a_field_of_a_wrong_type_makes_one_object_unreadable_without_showing_its_value() {
    let collection = collect(
        &[
            ("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad, namespace: shop}\nspec: {replicas: \"hunter2, expected hunter2\"}"),
            ("b.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: worse, creationTimestamp: \"x, expected hunter2\"}"),
            ("c.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: good}"),
        ],
        false,
    )
    .unwrap();
    assert_eq!(collection.records.len(), 1);
    let text = serde_json::to_string(&collection.population).unwrap();
    assert!(text.contains("spec.replicas") && text.contains("metadata.creationTimestamp"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!collection.population.is_complete());
}

#[test]
fn no_wrong_time_shows_itself_in_the_reason() {
    for time in [
        "hunter2",
        "expected hunter2",
        "2026-01-01T00:00:00Z expected hunter2",
        "2026-01-01T00:00:00Zexpected hunter2",
        "2026-13-01T00:00:00Z, expected hunter2",
        "2026-01-01 expected hunter2",
        "2026-01-01T00:00:00[expected hunter2]",
        "2026-01-01T00:00:00+expected hunter2",
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, deletionTimestamp: \"{time}\"}}\n---\napiVersion: v1\nkind: Node\nmetadata: {{name: n}}\n"
        );
        let population = collect(&[("a.yaml", &text)], false).unwrap().population;
        let text = serde_json::to_string(&population).unwrap();
        assert!(text.contains("metadata.deletionTimestamp"), "{time}: {text}");
        assert!(!text.contains("hunter2"), "{time}: {text}");
    }
}

#[test]
fn of_two_objects_with_one_name_the_first_counts_and_the_second_is_listed_as_its_duplicate() {
    let pod = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n";
    let generated = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: g-, namespace: shop}\n";
    let collection = collect(
        &[("1.yaml", pod), ("2.yaml", &format!("---\n{pod}---\n{generated}---\n{generated}"))],
        false,
    )
    .unwrap();
    let row = &collection.population.rows[0];
    assert_eq!((row.listed, row.read, row.excluded[0].count), (4, 3, 1));
    assert!(row.excluded[0].reason.ends_with("1.yaml:1"), "{row:?}");
    assert!(collection.population.is_complete());
}

#[test]
fn the_first_broken_file_stops_unless_told_to_go_on() {
    let files = [
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        ("b.yaml", "kind: [\n"),
        ("c.yaml", "kind: ]\n"),
        ("d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"),
    ];
    for _ in 0..20 {
        let error = collect(&files, false).unwrap_err();
        assert!(
            matches!(&error, CollectError::Broken(failure) if failure.file.ends_with("b.yaml")),
            "{error}"
        );
    }
    let collection = collect(&files, true).unwrap();
    assert_eq!(collection.population.unreadable_files.len(), 3);
    assert_eq!(collection.records.len(), 1);
}

#[test]
fn a_folder_without_any_object_is_an_error() {
    let error = collect(&[("values.yaml", "replicas: 1\n")], false).unwrap_err();
    assert!(matches!(error, CollectError::NothingFound { .. }), "{error}");
}

#[test]
fn workers_do_not_change_what_is_collected() {
    let Some(path) = real("manifests") else { return };
    let with = |workers| {
        let options = ManifestOptions { workers, ..ManifestOptions::default() };
        let started = std::time::Instant::now();
        let collection =
            collect_manifests(std::slice::from_ref(&path), &Redactor::default(), &options).unwrap();
        println!("{workers} workers: {} records in {:?}", collection.records.len(), started.elapsed());
        (serde_json::to_string(&collection.records).unwrap(), collection.population, collection.redaction)
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(7));
    println!("{:?}", one.2);
    println!("{}", serde_json::to_string(&one.1).unwrap());
}
