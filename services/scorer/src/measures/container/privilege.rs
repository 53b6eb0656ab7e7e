//! Measures on privileged and HostProcess containers.

use crate::measures::{Entry, WORKLOADS};
use crate::verdict::Report;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "container-privileged", kinds: WORKLOADS, judge: privileged }];

fn privileged(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, container| {
        let value = container.security().and_then(|security| security.privileged);
        let reading = container.field("securityContext.privileged", value);
        if value == Some(true) {
            case.fault_in(part, reading, "the container is privileged");
        } else {
            case.read_in(part, reading);
        }
    });
}
