//! The images that run, by digest.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::observation::Reading;
use hexproof_core::record::pod::{ContainerState, ContainerStatus, Pod};

use crate::facts::{Facts, ImageRef, Item, Part, Workload, is_sha256};
use crate::verdict::reading_of;

/// An image that runs.
pub(super) struct Image<'f> {
    /// Repository and digest; where there is no digest, the image as it was asked for.
    pub(super) name: String,
    /// What identifies its content.
    pub(super) digest: Option<&'f str>,
    /// The containers it runs in, in canonical order.
    pub(super) places: Vec<Place<'f>>,
    /// The workloads it runs in.
    pub(super) workloads: BTreeSet<String>,
    /// Why it belongs to the platform, if it runs in workloads of the platform alone.
    pub(super) platform_owned: Option<&'static str>,
}

/// A container that runs.
pub(super) struct Place<'f> {
    /// The pod.
    pub(super) pod: Item<'f>,
    /// The topmost owner of the pod.
    pub(super) owner: Item<'f>,
    /// Name of the container.
    pub(super) container: &'f str,
    /// The image the container asks for.
    pub(super) image: Option<&'f str>,
    path: String,
    image_id: Option<&'f str>,
}

impl Place<'_> {
    pub(super) fn reading(&self) -> Reading {
        let reading = reading_of(self.pod, format!("{}.imageID", self.path), self.image_id);
        Reading { container: self.container.to_owned(), ..reading }
    }
}

/// All images that run.
pub(super) fn images<'f>(facts: &Facts<'f>) -> Vec<Image<'f>> {
    let mut images: BTreeMap<&str, Image<'f>> = BTreeMap::new();
    for workload in facts.workloads() {
        let owned = facts.platform_owned(workload);
        for (part, pod) in workload.pods() {
            for place in places(workload, part, pod) {
                let image_id = place.image_id.and_then(split);
                let asked = place.image.unwrap_or("(no image named)");
                let (key, digest) = image_id.map_or((asked, None), |(_, digest)| (digest, Some(digest)));
                let image = images.entry(key).or_insert_with(|| Image {
                    name: name(image_id, asked),
                    digest,
                    places: Vec::new(),
                    workloads: BTreeSet::new(),
                    platform_owned: owned,
                });
                if owned.is_none() {
                    image.platform_owned = None;
                }
                image.workloads.insert(workload.item.label());
                image.places.push(place);
            }
        }
    }
    images.into_values().collect()
}

/// `host/repository@sha256:...`.
fn name(image_id: Option<(&str, &str)>, asked: &str) -> String {
    let Some((repository, digest)) = image_id else { return asked.to_owned() };
    // A local image has no repository of its own: it goes by the name it was asked for.
    let text = if repository.is_empty() { asked } else { repository };
    let place = ImageRef::parse(text).map_or_else(|| text.to_owned(), |image| image.place());
    format!("{place}@{digest}")
}

/// Repository and digest of an imageID: `repository@sha256:...` or `sha256:...`, after the scheme of old runtimes.
fn split(image_id: &str) -> Option<(&str, &str)> {
    let text = image_id.split_once("://").map_or(image_id, |(_, rest)| rest);
    let (repository, digest) = text.split_once('@').unwrap_or(("", text));
    is_sha256(digest).then_some((repository, digest))
}

/// The containers of a pod that run.
fn places<'f>(workload: &Workload<'f>, part: &Part<'f>, pod: &'f Pod) -> Vec<Place<'f>> {
    let Some(status) = &pod.status else { return Vec::new() };
    let asked: BTreeMap<&str, Option<&'f str>> = part
        .containers
        .iter()
        .map(|place| (place.container.name.as_str(), place.container.image.as_deref()))
        .collect();
    let place = |field: &str, index: usize, one: &'f ContainerStatus| Place {
        pod: part.item,
        owner: workload.item,
        container: &one.name,
        image: asked.get(one.name.as_str()).copied().flatten().or(one.image.as_deref()),
        path: format!("status.{field}[{index}]"),
        image_id: one.image_id.as_deref().filter(|id| !id.is_empty()),
    };
    let mut found = Vec::new();
    for (index, one) in status.container_statuses.iter().enumerate() {
        if has_run(one) {
            found.push(place("containerStatuses", index, one));
        }
    }
    for (index, one) in status.init_container_statuses.iter().enumerate() {
        if one.state.as_ref().is_some_and(|state| state.running.is_some()) {
            found.push(place("initContainerStatuses", index, one));
        }
    }
    if status.phase.as_deref() == Some("Running") {
        let known: BTreeSet<&str> = status.container_statuses.iter().map(|one| one.name.as_str()).collect();
        let silent = pod.spec.containers.iter().filter(|container| !known.contains(container.name.as_str()));
        found.extend(silent.map(|container| Place {
            pod: part.item,
            owner: workload.item,
            container: &container.name,
            image: container.image.as_deref(),
            path: "status.containerStatuses[]".to_owned(),
            image_id: None,
        }));
    }
    found
}

/// Whether a container runs, or ran and is started again: not one that ended, or that waits for its first image.
fn has_run(status: &ContainerStatus) -> bool {
    match &status.state {
        Some(ContainerState { terminated: Some(_), .. }) => false,
        Some(ContainerState { waiting: Some(_), .. }) => {
            status.image_id.as_deref().is_some_and(|id| !id.is_empty())
        }
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_gives_repository_and_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, repository) in [
            (format!("docker.io/library/nginx@{digest}"), "docker.io/library/nginx"),
            (format!("docker-pullable://nginx@{digest}"), "nginx"),
            (format!("docker://{digest}"), ""),
            (digest.clone(), ""),
        ] {
            assert_eq!(split(&text), Some((repository, digest.as_str())), "{text}");
        }
        for text in ["", "nginx", "nginx@sha256:abc", "docker://"] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    #[test]
    fn an_image_is_named_by_its_repository_else_as_it_was_asked_for() {
        assert_eq!(name(Some(("nginx", "sha256:x")), "other"), "docker.io/library/nginx@sha256:x");
        assert_eq!(name(Some(("", "sha256:x")), "registry:5000/app:1"), "registry:5000/app@sha256:x");
        assert_eq!(name(None, "registry:5000/app:1"), "registry:5000/app:1");
    }
}
