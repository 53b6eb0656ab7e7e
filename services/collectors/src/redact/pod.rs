//! Pod specs: detectors over what is dropped, and what is worked out before it is.

use hexproof_core::{record::Finding, snapshot::Redaction};
use serde_json::{Map, Value};

use super::{names::Names, path, patterns};

/// Words of programs that let people in.
const REMOTE_SHELL: [&str; 4] = ["sshd", "dropbear", "telnetd", "sudo"];
/// Words that switch persistence of redis and valkey on.
const PERSISTENCE: [&str; 2] = ["appendonly", "save"];
/// Members of a pod spec that hold containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
const HOOKS: [&str; 2] = ["postStart", "preStop"];

/// Volume sources that records know (core/v1 VolumeSource).
const SOURCES: [&str; 30] = [
    "hostPath",
    "emptyDir",
    "configMap",
    "secret",
    "projected",
    "persistentVolumeClaim",
    "ephemeral",
    "csi",
    "downwardAPI",
    "image",
    "nfs",
    "iscsi",
    "fc",
    "rbd",
    "cephfs",
    "cinder",
    "glusterfs",
    "azureDisk",
    "azureFile",
    "awsElasticBlockStore",
    "gcePersistentDisk",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "scaleIO",
    "storageos",
    "flexVolume",
    "flocker",
    "gitRepo",
];

/// What the detectors found in a pod spec.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) credentials: Vec<Finding>,
    pub(super) remote_shell: Vec<Finding>,
    pub(super) persistence: Vec<Finding>,
}

/// Looks through the pod spec at `at`, and leaves in it what may leave.
pub(super) fn redact(spec: &mut Value, at: &str, names: &Names, found: &mut Found, counts: &mut Redaction) {
    let Value::Object(spec) = spec else { return };
    for member in CONTAINERS {
        let Some(Value::Array(containers)) = spec.get_mut(member) else { continue };
        for (index, container) in containers.iter_mut().enumerate() {
            if let Value::Object(container) = container {
                let at = path::index(&path::member(at, member), index);
                redact_container(container, &at, names, found, counts);
            }
        }
    }
    if let Some(Value::Array(volumes)) = spec.get_mut("volumes") {
        for volume in volumes {
            if let Value::Object(volume) = volume {
                other_sources(volume);
            }
        }
    }
}

fn redact_container(
    container: &mut Map<String, Value>,
    at: &str,
    names: &Names,
    found: &mut Found,
    counts: &mut Redaction,
) {
    if let Some(Value::Array(variables)) = container.get_mut("env") {
        for (index, variable) in variables.iter_mut().enumerate() {
            let Value::Object(variable) = variable else { continue };
            let Some(value) = variable.remove("value") else { continue };
            counts.env_values += 1;
            let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
            let at = format!("{at}.env[{index}].value");
            named_value(name, &text(&value), &at, names, &mut found.credentials);
        }
    }
    for member in ["command", "args"] {
        let Some(words) = container.remove(member) else { continue };
        let words = strings(&words);
        counts.command_words += words.len() as u64;
        let at = path::member(at, member);
        look_at_command(&words, &at, names, found);
        persistence(&words, &at, &mut found.persistence);
    }
    // Compared while commands and headers are still there.
    let same = match (container.get("livenessProbe"), container.get("readinessProbe")) {
        (Some(Value::Object(liveness)), Some(Value::Object(readiness))) => {
            Some(handler(liveness) == handler(readiness))
        }
        _ => None,
    };
    for member in PROBES {
        if let Some(Value::Object(probe)) = container.get_mut(member) {
            probe.remove("handlerEqualsReadiness");
            redact_handler(probe, &path::member(at, member), names, found, counts);
        }
    }
    if let (Some(same), Some(Value::Object(liveness))) = (same, container.get_mut("livenessProbe")) {
        liveness.insert("handlerEqualsReadiness".to_owned(), Value::Bool(same));
    }
    let Some(Value::Object(lifecycle)) = container.get_mut("lifecycle") else { return };
    for member in HOOKS {
        if let Some(Value::Object(hook)) = lifecycle.get_mut(member) {
            redact_handler(hook, &format!("{at}.lifecycle.{member}"), names, found, counts);
        }
    }
}

/// A handler without the timing around it.
fn handler(probe: &Map<String, Value>) -> [Option<&Value>; 4] {
    ["exec", "httpGet", "tcpSocket", "grpc"].map(|member| probe.get(member).filter(|value| !value.is_null()))
}

fn redact_handler(
    handler: &mut Map<String, Value>,
    at: &str,
    names: &Names,
    found: &mut Found,
    counts: &mut Redaction,
) {
    if let Some(Value::Object(exec)) = handler.get_mut("exec")
        && let Some(words) = exec.remove("command")
    {
        let words = strings(&words);
        counts.command_words += words.len() as u64;
        look_at_command(&words, &format!("{at}.exec.command"), names, found);
    }
    let Some(Value::Object(get)) = handler.get_mut("httpGet") else { return };
    if let Some(Value::String(path)) = get.get_mut("path") {
        // Queries are where tokens stand; the path itself is needed.
        let end = path.find(['?', '#']).unwrap_or(path.len());
        path.truncate(end);
    }
    if let Some(Value::Array(headers)) = get.remove("httpHeaders") {
        counts.command_words += headers.len() as u64;
        for (index, header) in headers.iter().enumerate() {
            let value = header.get("value").and_then(Value::as_str).unwrap_or_default();
            let Some(detector) = patterns::credential(value) else { continue };
            let key = header.get("name").and_then(Value::as_str).unwrap_or_default();
            let at = format!("{at}.httpGet.httpHeaders[{index}].value");
            found.credentials.push(finding(at, key, detector));
        }
    }
}

/// Credentials and remote shells in the words of a command.
fn look_at_command(words: &[String], at: &str, names: &Names, found: &mut Found) {
    for (index, word) in words.iter().enumerate() {
        let at = path::index(at, index);
        match assignment(word) {
            Some((name, value)) => named_value(name, value, &at, names, &mut found.credentials),
            None => named_value("", word, &at, names, &mut found.credentials),
        }
        for shell in REMOTE_SHELL {
            if patterns::has_word(word, shell) {
                found.remote_shell.push(finding(at.clone(), "", shell));
            }
        }
    }
}

/// `[--]NAME=value`.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.trim_start_matches('-').split_once('=')?;
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'));
    plain.then_some((name, value))
}

fn named_value(name: &str, value: &str, at: &str, names: &Names, found: &mut Vec<Finding>) {
    if let Some(detector) = patterns::credential(value) {
        found.push(finding(at.to_owned(), name, detector));
    } else if !value.is_empty() && !patterns::is_reference_or_flag(value) && names.is_sensitive(name) {
        found.push(finding(at.to_owned(), name, "sensitive-name"));
    }
}

/// Persistence words, unless the word after one switches it off (`appendonly no`, `save ""`).
fn persistence(words: &[String], at: &str, found: &mut Vec<Finding>) {
    for (index, word) in words.iter().enumerate() {
        for switch in PERSISTENCE {
            if !patterns::has_word(word, switch) {
                continue;
            }
            let same_word = word
                .split_once(switch)
                .map(|(_, rest)| rest.trim_start_matches(['=', ' ', '\t']))
                .filter(|rest| !rest.is_empty());
            let next = same_word.or_else(|| words.get(index + 1).map(String::as_str)).unwrap_or("on");
            let off = next.is_empty()
                || ["no", "\"\"", "''"].iter().any(|off| next.split_whitespace().next() == Some(off));
            if !off {
                found.push(finding(path::index(at, index), "", switch));
            }
        }
    }
}

/// Names the volume sources that records do not know; what the object says itself counts for nothing.
fn other_sources(volume: &mut Map<String, Value>) {
    volume.remove("otherSources");
    let others: Vec<Value> = volume
        .iter()
        .filter(|(key, value)| *key != "name" && value.is_object() && !SOURCES.contains(&key.as_str()))
        .map(|(key, _)| Value::String(key.clone()))
        .collect();
    if !others.is_empty() {
        volume.insert("otherSources".to_owned(), Value::Array(others));
    }
}

/// The text of a scalar, as a shell would get it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn strings(words: &Value) -> Vec<String> {
    words.as_array().map(|words| words.iter().map(text).collect()).unwrap_or_default()
}

fn finding(path: String, key: &str, detector: &str) -> Finding {
    Finding { path, key: crate::input::yaml::printable(key), detector: detector.to_owned() }
}
