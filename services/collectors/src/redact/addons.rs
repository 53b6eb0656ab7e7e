//! Storage classes and scan reports: parameters and lists reduced to what records keep.

use serde_json::{Map, Value, json};

/// Parameters of a StorageClass that say how data is encrypted, in lower case.
const ENCRYPTION: [&str; 6] =
    ["encrypted", "encryption", "secure", "encryptionkmsid", "diskencryptionsetid", "skuname"];

/// Keeps the parameters about encryption, under their names in lower case.
pub(super) fn redact_storage_class(object: &mut Map<String, Value>) {
    let Some(Value::Object(parameters)) = object.remove("parameters") else { return };
    let kept: Map<String, Value> = parameters
        .into_iter()
        .map(|(name, value)| (name.to_lowercase(), value))
        .filter(|(name, _)| ENCRYPTION.contains(&name.as_str()))
        .collect();
    object.insert("parameters".to_owned(), Value::Object(kept));
}

/// Counts the findings of a VulnerabilityReport for which a fixed version exists.
pub(super) fn redact_vulnerability_report(object: &mut Map<String, Value>) {
    let Some(Value::Object(report)) = object.get_mut("report") else { return };
    report.remove("fixable");
    let Some(Value::Array(found)) = report.remove("vulnerabilities") else { return };
    let fixable = found.iter().filter(|one| {
        one.get("fixedVersion").and_then(Value::as_str).is_some_and(|version| !version.is_empty())
    });
    report.insert("fixable".to_owned(), severities(fixable.filter_map(|one| one.get("severity")?.as_str())));
}

/// Reduces a VulnerabilityManifest to digest, time and counts.
pub(super) fn redact_vulnerability_manifest(object: &mut Map<String, Value>) {
    let spec = object.remove("spec").unwrap_or_default();
    let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let image = annotations.and_then(|all| all.get("kubescape.io/image-id")).and_then(Value::as_str);
    let digest = image.and_then(|image| image.split_once('@')).map(|(_, digest)| digest.to_owned());
    let scanned = spec
        .pointer("/metadata/report/createdAt")
        .or_else(|| spec.pointer("/payload/descriptor/timestamp"))
        .cloned();
    let matches =
        spec.pointer("/payload/matches").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let severity =
        |one: &'_ Value| one.pointer("/vulnerability/severity").and_then(Value::as_str).map(str::to_owned);
    let fixed = |one: &&Value| one.pointer("/vulnerability/fix/state").is_some_and(|state| state == "fixed");
    let all: Vec<String> = matches.iter().filter_map(severity).collect();
    let fixable: Vec<String> = matches.iter().filter(fixed).filter_map(severity).collect();
    for member in ["digest", "scanned", "summary", "fixable"] {
        object.remove(member);
    }
    if let Some(digest) = digest {
        object.insert("digest".to_owned(), digest.into());
    }
    if let Some(scanned) =
        scanned.filter(|time| time.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok()))
    {
        object.insert("scanned".to_owned(), scanned);
    }
    object.insert("summary".to_owned(), severities(all.iter().map(String::as_str)));
    object.insert("fixable".to_owned(), severities(fixable.iter().map(String::as_str)));
}

fn severities<'v>(found: impl Iterator<Item = &'v str>) -> Value {
    let (mut critical, mut high, mut medium, mut low) = (0, 0, 0, 0);
    for severity in found {
        match severity.to_ascii_lowercase().as_str() {
            "critical" => critical += 1,
            "high" => high += 1,
            "medium" => medium += 1,
            "low" => low += 1,
            _ => {}
        }
    }
    json!({"criticalCount": critical, "highCount": high, "mediumCount": medium, "lowCount": low})
}
