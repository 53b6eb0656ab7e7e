//! Measures on the users and groups of containers.

use hexproof_core::record::pod::WindowsOptions;

use super::common::{check, effective};
use crate::facts::{ContainerAt, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-run-as-non-root", kinds: WORKLOADS, judge: run_as_non_root },
    Entry { id: "container-user-id-range", kinds: WORKLOADS, judge: user_id_range },
];

/// Ids below belong to the system and to people.
const LOWEST_ID: i64 = 10_000;

fn run_as_non_root(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        if in_user_namespace(case, part) {
            case.note("hostUsers false: root in the pod is no root on the node");
            return;
        }
        if part.spec.containers.is_empty() {
            case.read_in(part, part.field("containers", Found::ABSENT));
        }
        let windows = part.spec.is_windows();
        for at in &part.containers {
            if windows { windows_user(case, part, at) } else { linux_user(case, part, at) }
        }
        if !windows {
            note_overridden(case, part);
        }
    });
}

/// Whether the pod has a Linux user namespace of its own, which is read.
fn in_user_namespace(case: &mut Case, part: &Part<'_>) -> bool {
    case.read_in(part, part.field("hostUsers", part.spec.host_users));
    part.spec.host_users == Some(false)
}

fn linux_user(case: &mut Case, part: &Part<'_>, at: &ContainerAt<'_>) {
    let user = effective(case, part, at, "runAsUser", |s| s.run_as_user, |s| s.run_as_user);
    let flag = effective(case, part, at, "runAsNonRoot", |s| s.run_as_non_root, |s| s.run_as_non_root);
    if user.value == Some(0) {
        case.fault_in(part, user.reading, "runs as user 0");
        case.read_in(part, flag.reading);
        return;
    }
    let fault = match (flag.value, user.value) {
        (Some(true), _) => None,
        (Some(false), _) => Some("runAsNonRoot false permits root"),
        (None, Some(uid)) if uid > 0 => {
            case.note(format!(
                "container {} has runAsUser but no runAsNonRoot: not enough for the restricted level",
                at.container.name
            ));
            None
        }
        (None, Some(_)) => Some("runAsUser is no valid id, and runAsNonRoot is absent"),
        (None, None) => Some("neither runAsNonRoot nor runAsUser is set: the image decides"),
    };
    case.read_in(part, user.reading);
    check(case, part, flag.reading, fault);
}

/// Notes root at the level of the pod that no container inherits.
fn note_overridden(case: &mut Case, part: &Part<'_>) {
    let Some(pod) = &part.spec.security_context else { return };
    let all = |overrides: fn(&ContainerAt<'_>) -> bool| {
        !part.containers.is_empty() && part.containers.iter().all(overrides)
    };
    if pod.run_as_user == Some(0) && all(|at| at.security().is_some_and(|s| s.run_as_user.is_some())) {
        case.note("runAsUser 0 of the pod is overridden by every container");
    }
    if pod.run_as_non_root == Some(false)
        && all(|at| at.security().is_some_and(|s| s.run_as_non_root.is_some()))
    {
        case.note("runAsNonRoot false of the pod is overridden by every container");
    }
}

fn windows_user(case: &mut Case, part: &Part<'_>, at: &ContainerAt<'_>) {
    let name = effective(
        case,
        part,
        at,
        "windowsOptions.runAsUserName",
        |s| user_name(s.windows_options.as_ref()),
        |s| user_name(s.windows_options.as_ref()),
    );
    let flag = effective(case, part, at, "runAsNonRoot", |s| s.run_as_non_root, |s| s.run_as_non_root);
    case.read_in(part, flag.reading);
    let fault = match name.value {
        Some(user) if is_windows_root(user) => Some(format!("runs as {user}")),
        Some(_) => None,
        None if flag.value == Some(true) => None,
        None => Some("neither runAsUserName nor runAsNonRoot true is set".to_owned()),
    };
    check(case, part, name.reading, fault.as_deref());
}

fn user_name(options: Option<&WindowsOptions>) -> Option<&str> {
    options?.run_as_user_name.as_deref().filter(|name| !name.is_empty())
}

/// Whether a Windows account has the rights of an administrator. Names of accounts have no case.
fn is_windows_root(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match name.rsplit_once('\\') {
        Some((domain, account)) => domain == "nt authority" || account == "containeradministrator",
        None => name == "containeradministrator",
    }
}

fn user_id_range(report: &mut Report<'_, '_>) {
    report.each_part_unless(Part::not_linux, |case, part| {
        if in_user_namespace(case, part) {
            return;
        }
        let pod = part.spec.security_context.as_ref();
        let fs_group = pod.and_then(|s| s.fs_group);
        let reading = part.field("securityContext.fsGroup", fs_group);
        check(case, part, reading, (fs_group == Some(0)).then_some("fsGroup is the root group"));
        let groups = pod.map_or(&[][..], |s| s.supplemental_groups.as_slice());
        let found = (!groups.is_empty()).then(|| groups.to_vec());
        let reading = part.field("securityContext.supplementalGroups", found);
        check(case, part, reading, groups.contains(&0).then_some("supplementalGroups hold the root group"));
        for at in &part.containers {
            let ids = [
                ("runAsUser", effective(case, part, at, "runAsUser", |s| s.run_as_user, |s| s.run_as_user)),
                (
                    "runAsGroup",
                    effective(case, part, at, "runAsGroup", |s| s.run_as_group, |s| s.run_as_group),
                ),
            ];
            for (field, id) in ids {
                let fault = match id.value {
                    None => Some(format!("{field} is not set")),
                    Some(value) if value < LOWEST_ID => Some(format!("{field} is below {LOWEST_ID}")),
                    Some(_) => None,
                };
                check(case, part, id.reading, fault.as_deref());
            }
        }
    });
}
