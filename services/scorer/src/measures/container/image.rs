//! Measures on image references: digest, tag, pull policy.

use crate::facts::{ContainerAt, ContainerRole, ImageRef, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-image-digest", kinds: WORKLOADS, judge: digest },
    Entry { id: "container-image-tag", kinds: WORKLOADS, judge: tag },
    Entry { id: "container-image-pull-policy", kinds: WORKLOADS, judge: pull_policy },
];

/// The image of a container, absent if empty, and its parts.
pub(super) fn image_of<'f>(container: &ContainerAt<'f>) -> (Option<&'f str>, Option<ImageRef<'f>>) {
    let text = container.container.image.as_deref().filter(|text| !text.is_empty());
    (text, text.and_then(ImageRef::parse))
}

/// The parts of the image of a container; an absent or unreadable image is a fault.
pub(super) fn named_image<'f>(
    case: &mut Case,
    part: &Part<'f>,
    container: &ContainerAt<'f>,
) -> Option<ImageRef<'f>> {
    let (text, image) = image_of(container);
    if image.is_none() {
        let reason = if text.is_some() { "the image is no valid reference" } else { "no image is named" };
        case.fault_in(part, container.field("image", text), reason);
    }
    image
}

fn digest(report: &mut Report<'_, '_>) {
    report.each_container(false, |case, part, container| {
        let Some(image) = named_image(case, part, container) else { return };
        let reading = container.field("image", container.container.image.clone());
        if image.is_pinned() {
            case.read_in(part, reading);
        } else {
            case.fault_in(part, reading, "the image is not given by its SHA-256 digest");
        }
    });
}

fn tag(report: &mut Report<'_, '_>) {
    let moving = &report.facts.settings().images.moving_tags;
    report.each_container(false, |case, part, container| {
        let Some(image) = named_image(case, part, container) else { return };
        let reading = container.field("image", container.container.image.clone());
        match (image.digest, image.tag) {
            (Some(_), _) => {
                case.read_in(part, reading);
            }
            (None, None) => {
                case.fault_in(part, reading, "the image has no tag, which means `latest`");
            }
            (None, Some(tag)) if tag == "latest" || moving.iter().any(|name| name == tag) => {
                case.fault_in(part, reading, format!("the tag `{tag}` moves"));
            }
            (None, Some(_)) => {
                case.read_in(part, reading);
            }
        }
    });
}

fn pull_policy(report: &mut Report<'_, '_>) {
    report.each_container(false, |case, part, container| {
        if container.role == ContainerRole::Ephemeral {
            return;
        }
        let (text, image) = image_of(container);
        let written = container.container.image_pull_policy.as_deref().filter(|policy| !policy.is_empty());
        let policy = written.unwrap_or_else(|| default_policy(image.as_ref()));
        let reading = container.field("imagePullPolicy", written);
        let pinned = image.is_some_and(|image| image.is_pinned());
        if policy == "Always" || (policy == "IfNotPresent" && pinned) {
            case.read_in(part, reading);
        } else {
            let default = if written.is_some() { "" } else { ", the default for this image" };
            case.fault_in(part, reading, format!("the pull policy is {policy}{default}"));
        }
        case.read_in(part, container.field("image", text));
    });
}

/// What the API server fills in: `Always` for the tag `latest`, written or implied.
fn default_policy(image: Option<&ImageRef<'_>>) -> &'static str {
    match image {
        Some(ImageRef { tag: Some("latest"), .. } | ImageRef { tag: None, digest: None, .. }) => "Always",
        _ => "IfNotPresent",
    }
}
