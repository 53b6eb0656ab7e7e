//! What several measures on pod specs share: fields of both levels, and which of them counts.

use hexproof_core::observation::Reading;
use hexproof_core::record::pod::{PodSecurityContext, SecurityContext};
use serde_json::Value;

use crate::facts::{ContainerAt, Part};
use crate::verdict::{Case, Found};

/// Keeps a field of a pod spec: as a fault where there is a reason, else as read.
pub(super) fn check(case: &mut Case, part: &Part<'_>, reading: Reading, fault: Option<&str>) {
    match fault {
        Some(reason) => {
            case.fault_in(part, reading, reason);
        }
        None => {
            case.read_in(part, reading);
        }
    }
}

/// Keeps a flag of a pod spec that must not be true.
pub(super) fn refuse(case: &mut Case, part: &Part<'_>, field: &str, value: Option<bool>, reason: &str) {
    check(case, part, part.field(field, value), (value == Some(true)).then_some(reason));
}

/// One of the two levels at which a part of the security context may stand.
pub(super) struct Level<'p, 'f, T: 'f> {
    part: &'p Part<'f>,
    container: Option<&'p ContainerAt<'f>>,
    /// What stands there.
    pub(super) value: Option<&'f T>,
}

impl<T> Level<'_, '_, T> {
    /// A reading of a field below `securityContext` at this level.
    pub(super) fn field(&self, path: &str, found: impl Into<Found>) -> Reading {
        let path = format!("securityContext.{path}");
        match self.container {
            Some(container) => container.field(&path, found),
            None => self.part.field(&path, found),
        }
    }
}

/// A part of the security context of the pod, then of every container, init and ephemeral container.
pub(super) fn levels<'p, 'f, T: 'f>(
    part: &'p Part<'f>,
    of_pod: impl Fn(&'f PodSecurityContext) -> Option<&'f T>,
    of_container: impl Fn(&'f SecurityContext) -> Option<&'f T>,
) -> impl Iterator<Item = Level<'p, 'f, T>> {
    let pod = part.spec.security_context.as_ref().and_then(of_pod);
    let containers = part.containers.iter().map(move |container| Level {
        part,
        container: Some(container),
        value: container.security().and_then(&of_container),
    });
    std::iter::once(Level { part, container: None, value: pod }).chain(containers)
}

/// The value that counts for a container: its own, else the pod's; with the field that gives it.
pub(super) struct Effective<T> {
    /// The value; `None` if it stands at neither level.
    pub(super) value: Option<T>,
    /// The field it stands in; the container's if at neither level.
    pub(super) reading: Reading,
}

/// Picks the value that counts for a container. Where it stands at neither level, the absence in the pod is kept.
pub(super) fn effective<'f, T: Copy + Into<Value>>(
    case: &mut Case,
    part: &Part<'f>,
    container: &ContainerAt<'f>,
    field: &str,
    of_container: impl Fn(&'f SecurityContext) -> Option<T>,
    of_pod: impl Fn(&'f PodSecurityContext) -> Option<T>,
) -> Effective<T> {
    let path = format!("securityContext.{field}");
    if let Some(own) = container.security().and_then(of_container) {
        return Effective { value: Some(own), reading: container.field(&path, own.into()) };
    }
    let inherited = part.spec.security_context.as_ref().and_then(of_pod);
    let reading = part.field(&path, inherited);
    if inherited.is_some() {
        return Effective { value: inherited, reading };
    }
    case.read_in(part, reading);
    Effective { value: None, reading: container.field(&path, Found::ABSENT) }
}
