//! Measures on privileged and HostProcess containers.

use super::common::{check, levels};
use crate::facts::Part;
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::Report;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-privileged", kinds: WORKLOADS, judge: privileged },
    Entry { id: "container-host-process", kinds: WORKLOADS, judge: host_process },
];

fn privileged(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, container| {
        let value = container.security().and_then(|security| security.privileged);
        let reading = container.field("securityContext.privileged", value);
        check(case, part, reading, (value == Some(true)).then_some("the container is privileged"));
    });
}

fn host_process(report: &mut Report<'_, '_>) {
    let no_windows_options = |part: &Part<'_>| {
        let options = levels(part, |s| s.windows_options.as_ref(), |s| s.windows_options.as_ref())
            .any(|level| level.value.is_some());
        (!part.spec.is_windows() && !options).then_some("no Windows pod, and no windowsOptions")
    };
    report.each_part_unless(no_windows_options, |case, part| {
        for level in levels(part, |s| s.windows_options.as_ref(), |s| s.windows_options.as_ref()) {
            let value = level.value.and_then(|options| options.host_process);
            let reading = level.field("windowsOptions.hostProcess", value);
            let fault = (value == Some(true)).then_some("hostProcess runs it as a process of the host");
            check(case, part, reading, fault);
        }
    });
}

/// Whether a pod asks to run as processes of a Windows host, at either level.
pub(super) fn is_host_process(part: &Part<'_>) -> bool {
    levels(part, |s| s.windows_options.as_ref(), |s| s.windows_options.as_ref())
        .any(|level| level.value.is_some_and(|options| options.host_process == Some(true)))
}
