//! What a collection gives: records in canonical order with their population, and where they are
//! from.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf};

use hexproof_core::{
    Platform,
    permissions::Permissions,
    population::Population,
    record::{Body, Kind, Record},
    snapshot::{Redaction, Source, SourceState, State},
};

use serde_json::Value;

use crate::{
    error::CollectError,
    input::Manifests,
    limits::Limits,
    raw::{Origin, Reading},
    redact::Redactor,
    tally::{Place, Tally},
};

/// Everything a snapshot needs from its sources, except the time.
#[derive(Debug)]
pub struct Collection {
    /// The redacted objects in canonical order.
    pub records: Vec<Record>,
    /// What was listed, read, left out and not seen, in canonical order.
    pub population: Population,
    /// What was dropped, counted.
    pub redaction: Redaction,
    /// Where the objects are from.
    pub origin: Source,
    /// How far the sources could be read.
    pub sources: Vec<SourceState>,
    /// Facts of the cluster as far as the objects and the API server tell them.
    pub cluster: ClusterFacts,
    /// What the collector may do towards the API server; nothing where it was not asked.
    pub permissions: Option<Permissions>,
}

/// What the sources tell about the cluster as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// UID of the namespace kube-system; empty where it was not seen.
    pub id: String,
    /// Version of the server (`gitVersion`); empty from manifests.
    pub version: String,
    /// User name the collector had towards the API server; empty where it was not told.
    pub identity: String,
    /// Number of nodes seen.
    pub nodes: u64,
    /// Where the cluster runs, where the objects show it, and by what they do.
    pub platform: Option<(Platform, String)>,
}

/// How manifests are collected.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// Bounds of the reader.
    pub limits: Limits,
    /// Record a broken file as unreadable and go on, instead of stopping at the first one.
    pub keep_going: bool,
    /// Threads to read with.
    pub workers: usize,
}

impl Default for ManifestOptions {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { limits: Limits::default(), keep_going: false, workers }
    }
}

enum Entry {
    Record(Place, Box<Record>),
    Unreadable(Place, String, String),
    Skipped(Origin, &'static str),
    Failed(crate::raw::Failure),
}

/// Collects the manifests that `inputs` name (`-` is standard input).
///
/// # Errors
/// A path that cannot be read, the first broken file unless told to go on, and inputs without any
/// Kubernetes object in them.
pub fn collect_manifests(
    inputs: &[PathBuf],
    redactor: &Redactor,
    options: &ManifestOptions,
) -> Result<Collection, CollectError> {
    let manifests = Manifests::find(inputs, options.limits)?;
    let states = manifests.read(
        options.workers,
        || (Vec::new(), Redaction::default()),
        |(entries, counts): &mut (Vec<(usize, Entry)>, Redaction), file, reading| {
            let (entry, stop) = match reading {
                Reading::Object(mut raw) => {
                    settle_namespace(&mut raw.value);
                    let (place, name) = Place::of(&raw.value);
                    let (refusal, name) = (refused(&raw.value), shortened(name));
                    match redactor.project(raw, counts) {
                        Ok(record) => match refusal {
                            None => (Entry::Record(place, Box::new(record)), false),
                            Some(reason) => (Entry::Unreadable(place, name, reason), false),
                        },
                        Err(error) => (Entry::Unreadable(place, name, error.to_string()), false),
                    }
                }
                Reading::Excluded { origin, reason } => (Entry::Skipped(origin, reason), false),
                Reading::Failed(failure) => {
                    let stop = failure.broken && !options.keep_going;
                    (Entry::Failed(failure), stop)
                }
            };
            entries.push((file, entry));
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    let mut redaction = Redaction::default();
    let mut entries = Vec::new();
    for (some, counts) in states {
        entries.extend(some);
        add(&mut redaction, &counts);
    }
    // Stable: within a file the order is that of reading.
    entries.sort_by_key(|(file, _)| *file);
    let (records, tally) = settle(entries, options.keep_going)?;
    let population = tally.finish();
    if population.rows.is_empty() && population.unreadable_files.is_empty() {
        let inputs = inputs.iter().map(|input| input.display().to_string()).collect();
        return Err(CollectError::NothingFound { inputs });
    }
    let state = if population.is_complete() { State::Complete } else { State::Partial };
    Ok(finish(
        records,
        population,
        redaction,
        Source::Manifests,
        ClusterFacts::default(),
        state,
        String::new(),
    ))
}

/// Why the API server would refuse an object that a measure would otherwise find nothing wrong with: a name that no
/// object can have, a pod without containers.
fn refused(value: &Value) -> Option<String> {
    const LONGEST: usize = 253;
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    for field in ["name", "generateName", "namespace"] {
        if text(&format!("/metadata/{field}")).len() > LONGEST {
            return Some(format!("metadata.{field} is longer than {LONGEST} characters"));
        }
    }
    let spec = match Kind::of(text("/apiVersion"), text("/kind")) {
        Kind::Pod => "/spec",
        Kind::CronJob => "/spec/jobTemplate/spec/template/spec",
        Kind::PodTemplate => "/template/spec",
        kind if kind.is_workload() => "/spec/template/spec",
        _ => return None,
    };
    let path = format!("{spec}/containers");
    match value.pointer(&path) {
        // A wrong type is told by the decoder.
        Some(Value::Array(list)) if !list.is_empty() => None,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => None,
        Some(Value::Array(_) | Value::Null) | None => {
            Some(format!("{} names no container", path.trim_start_matches('/').replace('/', ".")))
        }
    }
}

/// A name for a message: whole if an object can have it.
fn shortened(name: String) -> String {
    if name.len() <= 253 { name } else { name.chars().take(60).chain("...".chars()).collect() }
}

/// Puts an object where the API server would: a namespaced one without a namespace into `default`, a cluster-scoped
/// one into none.
fn settle_namespace(value: &mut Value) {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let scope = Kind::of(text("apiVersion"), text("kind")).is_cluster_scoped();
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else { return };
    let named = metadata.get("namespace").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    match scope {
        Some(false)
            if !named && !metadata.get("namespace").is_some_and(|n| !n.is_null() && !n.is_string()) =>
        {
            metadata.insert("namespace".to_owned(), Value::from("default"));
        }
        Some(true) if named => {
            metadata.remove("namespace");
        }
        Some(_) | None => {}
    }
}

/// Counts entries in the order of files; of two objects with the same name the first one stays.
fn settle(entries: Vec<(usize, Entry)>, keep_going: bool) -> Result<(Vec<Record>, Tally), CollectError> {
    let mut tally = Tally::default();
    let mut records: Vec<Record> = Vec::with_capacity(entries.len());
    let mut seen: BTreeMap<(Place, String), usize> = BTreeMap::new();
    for (_, entry) in entries {
        match entry {
            Entry::Record(place, record) => {
                tally.listed(&place);
                let name = record.metadata.name.clone();
                let first = seen.get(&(place.clone(), name.clone())).filter(|_| !name.is_empty());
                if let Some(first) = first.and_then(|first| records.get(*first)) {
                    let at =
                        first.origin.as_ref().map(|o| format!("{}:{}", o.file, o.line)).unwrap_or_default();
                    tally.excluded(&place, &name, format!("a duplicate of {at}"));
                    continue;
                }
                tally.read(&place);
                seen.insert((place, name), records.len());
                records.push(*record);
            }
            Entry::Unreadable(place, name, reason) => {
                tally.listed(&place);
                tally.unreadable(&place, &name, reason);
            }
            Entry::Skipped(Origin::Document { file, line, .. }, reason) => tally.skipped(&file, line, reason),
            Entry::Skipped(Origin::Listed { list, .. }, reason) => tally.skipped(&list, 0, reason),
            Entry::Failed(failure) if failure.broken && !keep_going => {
                return Err(CollectError::Broken(failure));
            }
            Entry::Failed(failure) => tally.failed(&failure),
        }
    }
    Ok((records, tally))
}

/// Puts a collection together: canonical order, and what the objects tell about the cluster.
pub(crate) fn finish(
    mut records: Vec<Record>,
    population: Population,
    redaction: Redaction,
    origin: Source,
    mut cluster: ClusterFacts,
    state: State,
    reason: String,
) -> Collection {
    records.sort_by(|a, b| a.order().cmp(&b.order()));
    look_at_cluster(&records, &mut cluster);
    let objects = records.len() as u64;
    let sources = vec![SourceState { name: "cluster-api".to_owned(), state, objects, reason }];
    Collection { records, population, redaction, origin, sources, cluster, permissions: None }
}

/// Identity, nodes and platform, as the objects show them.
fn look_at_cluster(records: &[Record], cluster: &mut ClusterFacts) {
    for record in records {
        match &record.body {
            Body::Namespace(_) if record.metadata.name == "kube-system" => {
                cluster.id.clone_from(&record.metadata.uid);
            }
            Body::Node(node) => {
                cluster.nodes += 1;
                let name = &record.metadata.name;
                let provider = node.spec.provider_id.as_deref().unwrap_or_default();
                let label =
                    record.metadata.labels.keys().find(|label| label.starts_with("kubernetes.azure.com/"));
                // A label alone says AKS; a provider id alone may be a cluster of one's own on Azure.
                if let (Some(label), None) = (label, &cluster.platform) {
                    let azure = if provider.starts_with("azure://") { ", providerID azure://" } else { "" };
                    cluster.platform =
                        Some((Platform::Aks, format!("node {name} has the label {label}{azure}")));
                }
            }
            _ => {}
        }
    }
    if cluster.platform.is_none() && cluster.nodes > 0 {
        let reason = "no node has a label of kubernetes.azure.com".to_owned();
        cluster.platform = Some((Platform::OnPremise, reason));
    }
}

pub(crate) fn add(into: &mut Redaction, other: &Redaction) {
    into.secret_values += other.secret_values;
    into.config_map_values += other.config_map_values;
    into.env_values += other.env_values;
    into.command_words += other.command_words;
    into.annotation_values += other.annotation_values;
    into.managed_fields += other.managed_fields;
    into.bodies += other.bodies;
}
