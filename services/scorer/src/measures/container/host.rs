//! Measures on namespaces, ports and addresses of the host.

use crate::measures::{Entry, WORKLOADS};
use crate::verdict::Report;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry { id: "container-host-pid", kinds: WORKLOADS, judge: host_pid }];

fn host_pid(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        let reading = part.field("hostPID", part.spec.host_pid);
        if part.spec.host_pid == Some(true) {
            case.fault_in(part, reading, "the pod shares the process namespace of the host");
        } else {
            case.read_in(part, reading);
        }
    });
}
