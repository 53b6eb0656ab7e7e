//! What the collector worked out of dropped values, brought back to part and container.

use hexproof_core::observation::Reading;
use hexproof_core::record::{Derived, Finding};

use crate::facts::{ContainerAt, Part};
use crate::verdict::{Found, reading, reading_of};

/// The findings of one sort on a part; the object that holds the pod spec carries them.
pub(super) fn findings<'f>(part: &Part<'f>, sort: fn(&Derived) -> &[Finding]) -> &'f [Finding] {
    match part.item.record.derived.as_deref() {
        Some(derived) => sort(derived),
        None => &[],
    }
}

/// The container that a path lies in.
pub(super) fn container_at<'p, 'f>(part: &'p Part<'f>, path: &str) -> Option<&'p ContainerAt<'f>> {
    let (field, rest) = path.strip_prefix(part.prefix)?.strip_prefix('.')?.split_once('[')?;
    let (index, _) = rest.split_once("].")?;
    let before = match field {
        "containers" => 0,
        "initContainers" => part.spec.containers.len(),
        "ephemeralContainers" => part.spec.containers.len() + part.spec.init_containers.len(),
        _ => return None,
    };
    let place = before.checked_add(index.parse().ok()?)?;
    part.containers.get(place).filter(|container| path.starts_with(&container.path))
}

/// A reading of the field a finding stands in. The value itself never left the collector.
pub(super) fn reading_at(part: &Part<'_>, path: &str, found: impl Into<Found>) -> Reading {
    let place = container_at(part, path);
    let below = place.and_then(|container| path.strip_prefix(&container.path)?.strip_prefix('.'));
    match (place, below) {
        (Some(container), Some(below)) => container.field(below, found),
        _ if part.own => reading(path, found),
        _ => reading_of(part.item, path, found),
    }
}
