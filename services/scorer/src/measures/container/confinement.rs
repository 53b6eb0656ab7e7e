//! Measures on how the kernel confines containers.

use hexproof_core::record::pod::{Profile, SeLinuxOptions};

use super::common::{check, effective, levels};
use crate::facts::{ContainerRole, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-seccomp-not-unconfined", kinds: WORKLOADS, judge: seccomp_not_unconfined },
    Entry { id: "container-seccomp-profile", kinds: WORKLOADS, judge: seccomp_profile },
    Entry { id: "container-apparmor-profile", kinds: WORKLOADS, judge: apparmor_profile },
    Entry { id: "container-selinux-options", kinds: WORKLOADS, judge: selinux_options },
    Entry { id: "container-proc-mount", kinds: WORKLOADS, judge: proc_mount },
    Entry { id: "container-sysctls", kinds: WORKLOADS, judge: sysctls },
    Entry { id: "container-read-only-root-filesystem", kinds: WORKLOADS, judge: read_only_root_filesystem },
];

/// Annotations of seccomp before it had a field.
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Annotations of AppArmor, one a container; a server of 1.30 and later still heeds them.
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// SELinux types of containers (pod security standards, baseline).
const SELINUX_TYPES: &[&str] =
    &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// Sysctls that are namespaced and safe (pod security standards, baseline of 1.32 and later).
const SAFE_SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// The type of a profile, if it is there.
fn kind_of(profile: Option<&Profile>) -> Option<&str> {
    profile?.r#type.as_deref()
}

/// What is wrong with the type of a profile that may be absent.
fn refused_type(what: &str, kind: Option<&str>) -> Option<String> {
    let kind = kind.filter(|kind| !matches!(*kind, "RuntimeDefault" | "Localhost"))?;
    Some(format!("{what} is {kind}"))
}

fn seccomp_not_unconfined(report: &mut Report<'_, '_>) {
    report.each_part_unless(Part::not_linux, |case, part| {
        for level in levels(part, |s| s.seccomp_profile.as_ref(), |s| s.seccomp_profile.as_ref()) {
            let kind = kind_of(level.value);
            let fault = refused_type("seccomp", kind);
            check(case, part, level.field("seccompProfile.type", kind), fault.as_deref());
        }
        let old = |name: &&String| *name == SECCOMP_POD || name.starts_with(SECCOMP_CONTAINER);
        for name in part.annotations.keys().filter(old) {
            case.note(format!("annotation {name} has no effect since Kubernetes 1.27"));
        }
    });
}

fn seccomp_profile(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let own = at.security().and_then(|s| s.seccomp_profile.as_ref()).filter(|p| p.r#type.is_some());
        let of_pod = part.spec.security_context.as_ref().and_then(|s| s.seccomp_profile.as_ref());
        let kind = effective(
            case,
            part,
            at,
            "seccompProfile.type",
            |s| kind_of(s.seccomp_profile.as_ref()),
            |s| kind_of(s.seccomp_profile.as_ref()),
        );
        match kind.value {
            Some("RuntimeDefault") => {
                case.read_in(part, kind.reading);
            }
            Some("Localhost") => {
                let file = own.or(of_pod).and_then(|profile| profile.localhost_profile.as_deref());
                let path = "securityContext.seccompProfile.localhostProfile";
                let reading = if own.is_some() { at.field(path, file) } else { part.field(path, file) };
                case.read_in(part, kind.reading);
                if file.is_none_or(str::is_empty) {
                    case.fault_in(
                        part,
                        reading,
                        "seccomp is Localhost, but localhostProfile names no profile",
                    )
                    .not_intercepted_by("node-kubelet-seccomp-default");
                } else {
                    case.read_in(part, reading);
                }
            }
            Some(other) => {
                // The kubelet's default is for what says nothing.
                case.fault_in(part, kind.reading, format!("seccomp is {other}"))
                    .not_intercepted_by("node-kubelet-seccomp-default");
            }
            None => {
                case.fault_in(part, kind.reading, "no seccomp profile is named");
            }
        }
    });
}

fn apparmor_profile(report: &mut Report<'_, '_>) {
    report.each_part_unless(Part::not_linux, |case, part| {
        for level in levels(part, |s| s.app_armor_profile.as_ref(), |s| s.app_armor_profile.as_ref()) {
            let kind = kind_of(level.value);
            let fault = refused_type("AppArmor", kind);
            check(case, part, level.field("appArmorProfile.type", kind), fault.as_deref());
        }
        for (name, value) in part.annotations.range(APP_ARMOR.to_owned()..) {
            let Some(container) = name.strip_prefix(APP_ARMOR) else { break };
            let Some(value) = value.as_deref() else {
                case.unknown(format!("the value of annotation {name} was not kept"));
                continue;
            };
            let confined = matches!(value, "" | "runtime/default") || value.starts_with("localhost/");
            let reason = format!("an annotation sets AppArmor of container {container} to {value}");
            let reading = part.meta(&format!("annotations[{name}]"), value);
            check(case, part, reading, (!confined).then_some(reason.as_str()));
        }
    });
}

fn selinux_options(report: &mut Report<'_, '_>) {
    report.each_part_unless(Part::not_linux, |case, part| {
        for level in levels(part, |s| s.se_linux_options.as_ref(), |s| s.se_linux_options.as_ref()) {
            let of =
                |field: fn(&SeLinuxOptions) -> &Option<String>| level.value.and_then(|o| field(o).as_deref());
            let kind = of(|options| &options.r#type);
            let other = kind.filter(|kind| !SELINUX_TYPES.contains(kind));
            let fault = other.map(|kind| format!("the SELinux type is {kind}"));
            check(case, part, level.field("seLinuxOptions.type", kind), fault.as_deref());
            for (field, value) in
                [("user", of(|options| &options.user)), ("role", of(|options| &options.role))]
            {
                let set = value.filter(|value| !value.is_empty());
                let fault = set.map(|value| format!("the SELinux {field} is {value}"));
                if level.value.is_some() {
                    check(
                        case,
                        part,
                        level.field(&format!("seLinuxOptions.{field}"), value),
                        fault.as_deref(),
                    );
                }
            }
        }
    });
}

fn proc_mount(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let value = at.security().and_then(|s| s.proc_mount.as_deref());
        let reading = at.field("securityContext.procMount", value);
        let other = value.filter(|value| *value != "Default");
        let fault = other.map(|value| format!("/proc is mounted {value}"));
        check(case, part, reading, fault.as_deref());
    });
}

fn sysctls(report: &mut Report<'_, '_>) {
    report.each_part_unless(Part::not_linux, |case, part| {
        let list = part.spec.security_context.as_ref().map_or(&[][..], |s| s.sysctls.as_slice());
        if list.is_empty() {
            case.read_in(part, part.field("securityContext.sysctls", Found::ABSENT));
        }
        for (index, sysctl) in list.iter().enumerate() {
            let reading = part.field(&format!("securityContext.sysctls[{index}].name"), sysctl.name.as_str());
            let reason = format!("sets {}, which is not on the list of safe sysctls", sysctl.name);
            let safe = SAFE_SYSCTLS.contains(&sysctl.name.as_str());
            check(case, part, reading, (!safe).then_some(reason.as_str()));
        }
    });
}

fn read_only_root_filesystem(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        if at.role == ContainerRole::Ephemeral {
            return;
        }
        let value = at.security().and_then(|s| s.read_only_root_filesystem);
        let reading = at.field("securityContext.readOnlyRootFilesystem", value);
        let fault = match value {
            Some(true) => None,
            Some(false) => Some("the root file system is writable"),
            None => Some("the root file system is writable: readOnlyRootFilesystem is absent"),
        };
        check(case, part, reading, fault);
    });
}
