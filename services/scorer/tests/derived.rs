//! Measures whose examples need a collector, judged on what a collector derives.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use hexproof_core::measure::{Example, Measure};
use hexproof_core::record::Record;
use hexproof_scorer::{catalogue, examples};

/// A measure of the catalogue with other examples.
fn failures(id: &str, yaml: &str) -> Vec<String> {
    let (file, text) =
        catalogue::builtin_files().find(|(file, _)| file.ends_with(&format!("/{id}.yaml"))).unwrap();
    let measure = catalogue::parse(file, text).unwrap();
    let examples: Vec<Example> = serde_saphyr::from_str(yaml).unwrap();
    examples::failures(&Measure { examples, ..measure }, &|raw, _| Record::decode(raw))
}

#[test]
fn credentials_that_the_collector_found_fail_and_are_named_by_key() {
    let failures = failures(
        "container-no-plaintext-credentials",
        r#"
- name: a value under a sensitive name
  outcome: fail
  says: '`DB_PASSWORD` holds a value, and by its name that is a credential'
  objects:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {template: {spec: {containers: [{name: a}]}}}, derived: {credentials: [{path: 'spec.template.spec.containers[0].env[0].value', key: DB_PASSWORD, detector: sensitive-name}]}}
- name: a key in an argument without a name
  outcome: fail
  says: a credential in plain text (private-key)
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {initContainers: [{name: i}], containers: [{name: a}]}, derived: {credentials: [{path: 'spec.initContainers[0].args[3]', detector: private-key}]}}
- name: a path that leads nowhere is shown as it is
  outcome: fail
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a}]}, derived: {credentials: [{path: 'spec.containers[99999999999999999999].args[0]', detector: jwt}, {path: 'spec.containers[7].args[0]', detector: jwt}, {path: '', detector: jwt}]}}
- name: an annotation of the Deployment itself
  outcome: fail
  says: '`example.com/key` holds a credential'
  objects:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {template: {spec: {containers: [{name: a}]}}}, derived: {credentials: [{path: "metadata.annotations['example.com/key']", key: example.com/key, detector: jwt}]}}
- name: nothing found
  outcome: pass
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a}]}}
- name: a running pod fails its owner
  outcome: fail
  live: true
  subject: StatefulSet shop/web
  objects:
    - {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web, namespace: shop, uid: s1}, spec: {template: {spec: {containers: [{name: a}]}}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: s1, controller: true}]}, spec: {containers: [{name: a}]}, derived: {credentials: [{path: 'spec.containers[0].env[0].value', key: A, detector: jwt}]}}
"#,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn words_of_remote_shells_fail_and_ports_are_judged_without_them() {
    let failures = failures(
        "container-no-remote-shell",
        r#"
- name: a word in a command
  outcome: fail
  says: the command holds the word sshd
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a}]}, derived: {remoteShell: [{path: 'spec.containers[0].command[0]', detector: sshd}]}}
- name: a port
  outcome: fail
  says: a port of SSH
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, ports: [{containerPort: 2222}]}]}}
- name: a Service that names the port of one of two containers
  outcome: fail
  says: the Service ssh forwards to port 2222
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: a, ports: [{name: x, containerPort: 80}]}, {name: b, ports: [{name: x, containerPort: 2222}]}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: ssh, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: x}]}}
- name: neither, and a Service that forwards datagrams
  outcome: pass
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: u, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 22, protocol: UDP}]}}
"#,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn probes_that_differ_in_what_the_collector_dropped_are_not_equal() {
    let failures = failures(
        "container-liveness-probe",
        r#"
- name: the same command
  outcome: fail
  says: equals the readinessProbe
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, livenessProbe: {exec: {}, handlerEqualsReadiness: true}, readinessProbe: {exec: {}}}]}}
- name: another command
  outcome: pass
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, livenessProbe: {exec: {}, handlerEqualsReadiness: false}, readinessProbe: {exec: {}}}]}}
- name: the same path with other headers
  outcome: pass
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, livenessProbe: {httpGet: {port: 1}, handlerEqualsReadiness: false}, readinessProbe: {httpGet: {port: 1}}}]}}
- name: commands that nobody compared
  outcome: unknown
  objects:
    - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, livenessProbe: {exec: {}}, readinessProbe: {exec: {}}}]}}
"#,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
