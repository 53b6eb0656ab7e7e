//! Pods joined with their topmost owners.
//!
//! One subject per topmost owner that is a Pod or a workload: it stands for its template and for the running pods
//! under it. A Node or a custom resource above it does not count. Controlled ReplicaSets and Jobs and finished pods
//! are no subjects; their pods count under the owner.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::pod::{Container, Pod, PodSpec, SecurityContext};
use hexproof_core::record::selector::Labels;
use hexproof_core::record::{Kind, workload};

use super::Item;
use crate::verdict::{Found, reading};

/// A Pod or workload with everything that runs under it.
#[derive(Debug, Clone)]
pub struct Workload<'f> {
    /// The topmost owner: the subject.
    pub item: Item<'f>,
    /// Its template (or itself, for a Pod) first, then running pods under it, in canonical order.
    pub parts: Vec<Part<'f>>,
}

/// One pod spec of a workload.
#[derive(Debug, Clone)]
pub struct Part<'f> {
    /// The object that holds the spec.
    pub item: Item<'f>,
    /// The spec.
    pub spec: &'f PodSpec,
    /// Path of the spec in its object: `spec.template.spec` or `spec`.
    pub prefix: &'static str,
    /// Path of the pod's metadata in its object.
    pub meta_prefix: &'static str,
    /// Labels of the pod.
    pub labels: &'f Labels,
    /// Annotations of the pod; `None` where the value was dropped.
    pub annotations: &'f BTreeMap<String, Option<String>>,
    /// All containers: first the ordinary ones, then init, then ephemeral.
    pub containers: Vec<ContainerAt<'f>>,
    /// A pod that exists (not a template, not a manifest).
    pub running: bool,
    /// The part is the subject itself, not a pod under it.
    pub own: bool,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerRole {
    /// In `containers`.
    Main,
    /// In `initContainers`, run once.
    Init,
    /// In `initContainers` with restartPolicy Always.
    Sidecar,
    /// In `ephemeralContainers`.
    Ephemeral,
}

/// A container and where it stands.
#[derive(Debug, Clone)]
pub struct ContainerAt<'f> {
    /// The container.
    pub container: &'f Container,
    /// What it is for.
    pub role: ContainerRole,
    /// Path in its object, for example `spec.template.spec.containers[0]`.
    pub path: String,
    object: Option<std::sync::Arc<str>>,
}

impl<'f> ContainerAt<'f> {
    /// A reading of a field below the container.
    pub fn field(&self, path: &str, found: impl Into<Found>) -> Reading {
        Reading {
            container: self.container.name.clone(),
            object: self.object.as_deref().unwrap_or_default().to_owned(),
            ..reading(format!("{}.{path}", self.path), found)
        }
    }

    /// Its security context.
    pub fn security(&self) -> Option<&'f SecurityContext> {
        self.container.security_context.as_ref()
    }

    /// Runs for as long as the pod: an ordinary container or a sidecar.
    pub fn is_long_running(&self) -> bool {
        matches!(self.role, ContainerRole::Main | ContainerRole::Sidecar)
    }
}

impl<'f> Part<'f> {
    /// A reading of a field below the pod spec.
    pub fn field(&self, path: &str, found: impl Into<Found>) -> Reading {
        self.of_object(reading(format!("{}.{path}", self.prefix), found))
    }

    /// A reading of a field below the pod's metadata.
    pub fn meta(&self, path: &str, found: impl Into<Found>) -> Reading {
        self.of_object(reading(format!("{}.{path}", self.meta_prefix), found))
    }

    fn of_object(&self, reading: Reading) -> Reading {
        let object = if self.own { String::new() } else { self.item.label() };
        Reading { object, ..reading }
    }

    /// The kept value of an annotation of the pod.
    pub fn annotation(&self, name: &str) -> Option<&'f str> {
        self.annotations.get(name)?.as_deref()
    }

    /// Why measures on Linux do not concern the pod; `None` if they do.
    pub fn not_linux(&self) -> Option<&'static str> {
        self.spec.is_windows().then_some("a Windows pod")
    }

    /// Whether the pod is the mirror of a static pod.
    pub fn is_mirror(&self) -> bool {
        self.annotations.contains_key("kubernetes.io/config.mirror")
    }

    fn new(
        item: Item<'f>,
        spec: &'f PodSpec,
        prefixes: (&'static str, &'static str),
        labels: &'f Labels,
        annotations: &'f BTreeMap<String, Option<String>>,
        own: bool,
    ) -> Self {
        let object: Option<std::sync::Arc<str>> = (!own).then(|| item.label().into());
        let lists = [
            ("containers", &spec.containers, ContainerRole::Main),
            ("initContainers", &spec.init_containers, ContainerRole::Init),
            ("ephemeralContainers", &spec.ephemeral_containers, ContainerRole::Ephemeral),
        ];
        let mut containers = Vec::new();
        for (field, list, role) in lists {
            for (index, container) in list.iter().enumerate() {
                let sidecar =
                    role == ContainerRole::Init && container.restart_policy.as_deref() == Some("Always");
                containers.push(ContainerAt {
                    container,
                    role: if sidecar { ContainerRole::Sidecar } else { role },
                    path: format!("{}.{field}[{index}]", prefixes.0),
                    object: object.clone(),
                });
            }
        }
        let running = item.kind() == Kind::Pod && item.record.origin.is_none();
        Self {
            item,
            spec,
            prefix: prefixes.0,
            meta_prefix: prefixes.1,
            labels,
            annotations,
            containers,
            running,
            own,
        }
    }
}

impl<'f> Workload<'f> {
    /// The template of the workload, or the Pod itself: the first part.
    pub fn template(&self) -> Option<&Part<'f>> {
        self.parts.first().filter(|part| part.own)
    }

    /// Whether it is the mirror of a static pod. A template with the annotation makes ordinary pods.
    pub fn is_mirror(&self) -> bool {
        self.item.kind() == Kind::Pod && self.template().is_some_and(Part::is_mirror)
    }

    /// The controller fields; `None` for a Pod.
    pub fn controller(&self) -> Option<&'f workload::Workload> {
        self.item.body::<workload::Workload>()
    }

    /// The running pods under it.
    pub fn pods(&self) -> impl Iterator<Item = (&Part<'f>, &'f Pod)> {
        self.parts.iter().filter_map(|part| Some((part, part.item.body::<Pod>()?)))
    }

    /// A reading of a field of the subject.
    pub fn field(&self, path: &str, found: impl Into<Found>) -> Reading {
        reading(path, found)
    }
}

pub(super) fn join<'f>(
    by_kind: &BTreeMap<Kind, Vec<Item<'f>>>,
    by_name: &BTreeMap<(Kind, &'f str, &'f str), Item<'f>>,
) -> Vec<Workload<'f>> {
    let mut under: BTreeMap<u32, Vec<Part<'f>>> = BTreeMap::new();
    let mut owners: BTreeMap<u32, Item<'f>> = BTreeMap::new();
    let workload_items = by_kind.iter().filter(|(kind, _)| kind.is_workload()).flat_map(|(_, items)| items);
    for item in workload_items {
        let Some((template, path)) = item.body::<workload::Workload>().and_then(workload::Workload::template)
        else {
            continue;
        };
        let owner = topmost(*item, by_name);
        let own = owner.index == item.index;
        // In a cluster the pods of a controlled ReplicaSet or Job tell what it runs. From manifests its template does:
        // an ownerReference must not hide it.
        if !own && item.record.origin.is_none() {
            continue;
        }
        let meta = match path {
            "spec.jobTemplate.spec.template.spec" => "spec.jobTemplate.spec.template.metadata",
            "template.spec" => "template.metadata",
            _ => "spec.template.metadata",
        };
        let (labels, annotations) = (&template.metadata.labels, &template.metadata.annotations);
        let part = Part::new(*item, &template.spec, (path, meta), labels, annotations, own);
        owners.insert(owner.index, owner);
        let parts = under.entry(owner.index).or_default();
        parts.insert(if own { 0 } else { parts.len() }, part);
    }
    for item in by_kind.get(&Kind::Pod).map_or(&[][..], Vec::as_slice) {
        let Some(pod) = item.body::<Pod>() else { continue };
        if is_finished(pod) {
            continue;
        }
        let owner = topmost(*item, by_name);
        let own = owner.index == item.index;
        let meta = &item.record.metadata;
        let part = Part::new(*item, &pod.spec, ("spec", "metadata"), &meta.labels, &meta.annotations, own);
        owners.entry(owner.index).or_insert(owner);
        under.entry(owner.index).or_default().push(part);
    }
    let mut workloads: Vec<Workload<'f>> = owners
        .into_iter()
        .filter_map(|(index, item)| Some(Workload { item, parts: under.remove(&index)? }))
        .collect();
    workloads.sort_by(|a, b| a.item.record.order().cmp(&b.item.record.order()));
    workloads
}

/// The topmost owner that is a Pod or a workload of the snapshot.
///
/// Only pods, ReplicaSets (of Deployments) and Jobs (of CronJobs) are ever judged through an owner; any other object
/// is its own subject whatever it claims.
fn topmost<'f>(item: Item<'f>, by_name: &BTreeMap<(Kind, &'f str, &'f str), Item<'f>>) -> Item<'f> {
    let mut current = item;
    while let Some(owner) = current.record.metadata.controller() {
        let kind = Kind::of(&owner.api_version, &owner.kind);
        // Each permitted step leads from a narrower to a wider kind, so that no cycle of references is followed.
        let permitted = match current.kind() {
            Kind::Pod => kind.is_workload() && kind != Kind::PodTemplate,
            Kind::ReplicaSet => kind == Kind::Deployment,
            Kind::Job => kind == Kind::CronJob,
            _ => false,
        };
        if !permitted {
            break;
        }
        let Some(next) = by_name.get(&(kind, current.namespace(), owner.name.as_str())) else { break };
        let uid = &next.record.metadata.uid;
        if !owner.uid.is_empty() && !uid.is_empty() && owner.uid != *uid {
            break;
        }
        current = *next;
    }
    current
}

/// Whether a pod has ended (phase Succeeded or Failed).
pub(crate) fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
