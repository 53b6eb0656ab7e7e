//! From raw object to record: detectors first, then everything that may not leave is taken out,
//! then the allow-list of the record types decides.
//!
//! The record types drop what they do not name. What they do name but must not hold (annotation
//! values, fields that only a collector may fill in) is handled here, before decoding: an object
//! cannot claim findings or key names of its own.

mod addons;
mod annotations;
mod certificate;
mod config;
mod names;
mod path;
mod patterns;
mod pod;

use std::{collections::BTreeSet, sync::Arc};

use hexproof_core::{
    record::{self, DecodeError, Derived, Kind, Record, derived::Certificate},
    snapshot::Redaction,
};
use serde_json::{Map, Value};

use crate::{
    input::yaml::printable,
    raw::{Origin, RawObject},
};
use names::Names;

/// Turns raw objects into records.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    names: Names,
    annotations: Arc<BTreeSet<String>>,
}

impl Redactor {
    /// `allowed` are names of variables and keys that are no credentials, whatever they look like.
    #[must_use]
    pub fn new(allowed: Vec<String>) -> Self {
        Self { names: Names::new(allowed), annotations: Arc::default() }
    }

    /// Keeps the values of annotations of these names too, unless they are long or look like credentials.
    #[must_use]
    pub fn keeping_annotations(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { annotations: Arc::new(names.into_iter().collect()), ..self }
    }

    /// Decodes a record that another collector made, and drops the annotation values that this one would have dropped:
    /// whoever made it is not trusted to have done so.
    ///
    /// # Errors
    /// The first field whose type is not that of a record, by path and without its value.
    pub fn receive(&self, mut value: Value) -> Result<Record, DecodeError> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = Kind::of(text("apiVersion"), text("kind"));
        let mut counts = Redaction::default();
        if let Value::Object(object) = &mut value {
            if kind == Kind::StorageClass {
                addons::redact_storage_class(object);
            }
            for steps in [
                &["metadata"][..],
                &["spec", "template", "metadata"],
                &["spec", "jobTemplate", "spec", "template", "metadata"],
                &["template", "metadata"],
            ] {
                let all = descend(object, steps).and_then(|metadata| metadata.get_mut("annotations"));
                if let Some(all) = all {
                    annotations::redact(all, kind, &self.annotations, &mut counts);
                }
            }
        }
        Record::decode(&value)
            .map_err(|error| DecodeError { path: printable(&error.path), reason: printable(&error.reason) })
    }

    /// Projects one object; what is dropped is added to `counts`.
    ///
    /// # Errors
    /// The first field whose type is not that of the API, by path and without its value.
    pub fn project(&self, raw: RawObject, counts: &mut Redaction) -> Result<Record, DecodeError> {
        let RawObject { mut value, origin, partial } = raw;
        let kind = Kind::of(
            value.get("apiVersion").and_then(Value::as_str).unwrap_or_default(),
            value.get("kind").and_then(Value::as_str).unwrap_or_default(),
        );
        let derived = match &mut value {
            Value::Object(object) => self.redact(object, kind, partial, counts),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Derived::default()
            }
        };
        let mut record = Record::decode(&value).map_err(|error| DecodeError {
            path: printable(&error.path),
            reason: printable(&error.reason),
        })?;
        record.derived = (derived != Derived::default()).then(|| Box::new(derived));
        record.origin = match origin {
            Origin::Document { file, line, .. } => {
                Some(record::Origin { file: file.to_string(), line: line.into() })
            }
            Origin::Listed { .. } => None,
        };
        Ok(record)
    }

    fn redact(
        &self,
        object: &mut Map<String, Value>,
        kind: Kind,
        partial: bool,
        counts: &mut Redaction,
    ) -> Derived {
        let mut derived = Derived::default();
        // Only a collector says these.
        object.remove("derived");
        object.remove("origin");
        match kind {
            Kind::Secret => config::redact_secret(object, partial, &mut derived, counts),
            Kind::ConfigMap => config::redact_config_map(object, &self.names, &mut derived, counts),
            Kind::StorageClass => addons::redact_storage_class(object),
            Kind::VulnerabilityReport => addons::redact_vulnerability_report(object),
            Kind::VulnerabilityManifest => addons::redact_vulnerability_manifest(object),
            Kind::CertificateSigningRequest => {
                let request =
                    object.get_mut("spec").and_then(Value::as_object_mut).and_then(|s| s.remove("request"));
                derived.request_subject =
                    request.as_ref().and_then(Value::as_str).and_then(certificate::request_subject);
            }
            Kind::Ingress => {
                if let Some(Value::Object(all)) = annotations_of(object) {
                    annotations::nginx_characters(all, &mut derived.annotation_characters);
                }
            }
            Kind::Other if has_body(object) => counts.bodies += 1,
            _ => {}
        }
        self.redact_pods(object, kind, &mut derived, counts);
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            if let Some(Value::Array(managers)) = metadata.remove("managedFields") {
                counts.managed_fields += managers.len() as u64;
            }
            if let Some(all) = metadata.get_mut("annotations") {
                annotations::redact(all, kind, &self.annotations, counts);
            }
        }
        derived
    }

    /// The pod specs of pods and workloads, with the annotations of their templates.
    fn redact_pods(
        &self,
        object: &mut Map<String, Value>,
        kind: Kind,
        derived: &mut Derived,
        counts: &mut Redaction,
    ) {
        if kind != Kind::Pod && !kind.is_workload() {
            return;
        }
        let mut found = pod::Found::default();
        if let Some(Value::Object(all)) = annotations_of(object) {
            annotations::credentials(all, "metadata.annotations", &mut found.credentials);
        }
        if kind == Kind::Pod {
            if let Some(spec) = object.get_mut("spec") {
                pod::redact(spec, "spec", &self.names, &mut found, counts);
            }
        } else {
            // A record type holds all of them, whatever the kind: all are looked through.
            for steps in
                [&["spec", "template"][..], &["spec", "jobTemplate", "spec", "template"], &["template"]]
            {
                let Some(template) = descend(object, steps) else { continue };
                let at = steps.join(".");
                if let Some(all) =
                    template.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
                {
                    if let Value::Object(all) = &*all {
                        annotations::credentials(
                            all,
                            &format!("{at}.metadata.annotations"),
                            &mut found.credentials,
                        );
                    }
                    annotations::redact(all, kind, &self.annotations, counts);
                }
                if let Some(spec) = template.get_mut("spec") {
                    pod::redact(spec, &format!("{at}.spec"), &self.names, &mut found, counts);
                }
            }
        }
        derived.credentials.append(&mut found.credentials);
        derived.remote_shell = found.remote_shell;
        derived.persistence = found.persistence;
    }
}

/// The public facts of a certificate in PEM form.
///
/// # Errors
/// Why the text is no certificate; never a part of it.
pub fn certificate_facts(base64_pem: &str) -> Result<Certificate, &'static str> {
    certificate::facts(base64_pem)
}

fn has_body(object: &Map<String, Value>) -> bool {
    object.keys().any(|key| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"))
}

fn annotations_of(object: &Map<String, Value>) -> Option<&Value> {
    object.get("metadata")?.get("annotations")
}

fn descend<'v>(object: &'v mut Map<String, Value>, steps: &[&str]) -> Option<&'v mut Value> {
    let (first, rest) = steps.split_first()?;
    rest.iter().try_fold(object.get_mut(*first)?, |value, step| value.get_mut(*step))
}
