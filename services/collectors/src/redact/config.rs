//! Secrets and ConfigMaps: the names of their keys, and what stands in their values in one word.

use base64::{Engine, engine::general_purpose::STANDARD};
use hexproof_core::{
    record::{Derived, Finding},
    snapshot::Redaction,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{certificate, names::Names, path, patterns};
use crate::input::yaml::printable;

/// Findings of one object that are named; one is enough to fail it.
const MOST_FINDINGS: usize = 100;
/// Longest text taken for a key inside a value.
const LONGEST_KEY: usize = 128;

/// Takes the values out of a Secret, and its certificate's public facts before them.
pub(super) fn redact_secret(
    object: &mut Map<String, Value>,
    partial: bool,
    derived: &mut Derived,
    counts: &mut Redaction,
) {
    derived.data_changed = data_changed(object);
    let data = object.remove("data");
    let strings = object.remove("stringData");
    // Only the collector knows whether it asked for keys.
    object.remove("keysNotRead");
    if partial {
        object.insert("keysNotRead".to_owned(), Value::Bool(true));
        object.remove("keys");
        return;
    }
    let is_tls = object.get("type").and_then(Value::as_str) == Some("kubernetes.io/tls");
    if is_tls {
        let plain = |value: &Value| value.as_str().map(|text| STANDARD.encode(text));
        let encoded = member(&strings, "tls.crt")
            .and_then(plain)
            .or_else(|| member(&data, "tls.crt").and_then(Value::as_str).map(str::to_owned));
        match encoded.as_deref().map_or(Err("there is no tls.crt"), certificate::facts) {
            Ok(facts) => derived.certificate = Some(facts),
            Err(reason) => derived.certificate_error = Some(reason.to_owned()),
        }
    }
    let keys = keys([&data, &strings]);
    counts.secret_values += keys.len() as u64;
    object.insert("keys".to_owned(), keys.into());
}

/// Takes the values out of a ConfigMap, and names those that hold credentials.
pub(super) fn redact_config_map(
    object: &mut Map<String, Value>,
    names: &Names,
    derived: &mut Derived,
    counts: &mut Redaction,
) {
    let data = object.remove("data");
    let binary = object.remove("binaryData");
    let root_certificates = object
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .is_some_and(|n| n == "kube-root-ca.crt");
    if !root_certificates {
        for (key, value) in data.as_ref().and_then(Value::as_object).into_iter().flatten() {
            if let Value::String(text) = value {
                look_at_value(key, text, &path::member("data", key), names, &mut derived.credentials);
            }
        }
        for (key, value) in binary.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let Some(bytes) = value.as_str().and_then(|text| STANDARD.decode(text).ok()) else { continue };
            if let Some(detector) = patterns::credential(&String::from_utf8_lossy(&bytes)) {
                push(&mut derived.credentials, path::member("binaryData", key), key, detector);
            }
        }
    }
    let keys = keys([&data, &binary]);
    counts.config_map_values += keys.len() as u64;
    object.insert("keys".to_owned(), keys.into());
}

fn look_at_value(key: &str, text: &str, at: &str, names: &Names, found: &mut Vec<Finding>) {
    if let Some(detector) = patterns::credential(text) {
        push(found, at.to_owned(), key, detector);
    } else if !text.trim().is_empty() && !patterns::is_placeholder(text) && names.is_sensitive_in_config(key)
    {
        push(found, at.to_owned(), key, "sensitive-name");
    }
    for line in text.lines() {
        if let Some((inner, value)) = assignment(line)
            && is_literal(value)
            && names.is_sensitive_in_config(inner)
        {
            push(found, at.to_owned(), inner, "sensitive-name");
        }
    }
}

/// `KEY=value` or `KEY: value`, with what INI, YAML, JSON, shell and properties files put around it.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (key, rest) = match line.as_bytes().first()? {
        quote @ (b'"' | b'\'') => {
            let rest = line.get(1..)?;
            let end = rest.find(char::from(*quote))?;
            (rest.get(..end)?, rest.get(end + 1..)?)
        }
        _ => {
            let end =
                line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))?;
            line.split_at_checked(end)?
        }
    };
    let rest = rest.trim_start();
    let value = match rest.as_bytes().first()? {
        b'=' => rest.get(1..)?,
        b':' => rest.get(1..).filter(|value| value.starts_with([' ', '\t', '"', '\'']))?,
        _ => return None,
    };
    (!key.is_empty() && key.len() <= LONGEST_KEY).then(|| (key, value.trim()))
}

fn is_literal(value: &str) -> bool {
    let value = value.trim_end_matches([',', ';']).trim();
    let value = match value.as_bytes() {
        [quote @ (b'"' | b'\''), .., last] if quote == last => {
            value.get(1..value.len() - 1).unwrap_or_default()
        }
        _ => value,
    };
    // A comment alone, or the opening of what follows on other lines.
    let opens = value.starts_with(['{', '[', '#', '&', '*']) && !value.starts_with("{{");
    !value.is_empty()
        && !opens
        && !matches!(value, "null" | "~" | "\"\"" | "''")
        && !patterns::is_placeholder(value)
}

/// Newest time at which a manager that owns the data wrote it.
fn data_changed(object: &Map<String, Value>) -> Option<Timestamp> {
    let entries = object.get("metadata")?.get("managedFields")?.as_array()?;
    let owns_data = |entry: &&Value| {
        entry
            .get("fieldsV1")
            .is_some_and(|fields| fields.get("f:data").is_some() || fields.get("f:stringData").is_some())
    };
    entries.iter().filter(owns_data).filter_map(|entry| entry.get("time")?.as_str()?.parse().ok()).max()
}

fn member<'v>(map: &'v Option<Value>, key: &str) -> Option<&'v Value> {
    map.as_ref()?.get(key)
}

fn keys(maps: [&Option<Value>; 2]) -> Vec<String> {
    let mut keys: Vec<String> =
        maps.into_iter().flatten().filter_map(Value::as_object).flat_map(|map| map.keys().cloned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn push(found: &mut Vec<Finding>, path: String, key: &str, detector: &str) {
    let finding = Finding { path, key: printable(key), detector: detector.to_owned() };
    if found.len() < MOST_FINDINGS && !found.contains(&finding) {
        found.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_formats_are_assignments() {
        for (line, expected) in [
            ("DB_PASSWORD=hunter2", Some(("DB_PASSWORD", "hunter2"))),
            ("  - password: 'x'", Some(("password", "'x'"))),
            ("\"token\": \"x\",", Some(("token", "\"x\","))),
            ("export API_KEY = x", Some(("API_KEY", "x"))),
            ("url: http://x", Some(("url", "http://x"))),
            ("http://x", None),
            ("# password = x", None),
            ("a b: c", None),
            ("password:", None),
        ] {
            assert_eq!(assignment(line), expected, "{line}");
        }
    }

    #[test]
    fn templates_and_empty_values_are_no_literals() {
        for value in
            ["", "\"\"", "''", "null", "${X}", "\"$(X)\",", "{{ .x }}", "<x>", "{", "[", "true", "# comment"]
        {
            assert!(!is_literal(value), "{value}");
        }
        for value in ["x", "\"x\",", "'x'", "a ${X}"] {
            assert!(is_literal(value), "{value}");
        }
    }
}
