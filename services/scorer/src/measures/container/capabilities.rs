//! Measures on capabilities and on gaining privileges.

use hexproof_core::Significance;
use hexproof_core::observation::Reading;

use super::common::check;
use crate::facts::ContainerAt;
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-capabilities-added", kinds: WORKLOADS, judge: added },
    Entry { id: "container-capabilities-dangerous", kinds: WORKLOADS, judge: dangerous },
    Entry { id: "container-capabilities-drop-all", kinds: WORKLOADS, judge: drop_all },
    Entry { id: "container-privilege-escalation", kinds: WORKLOADS, judge: privilege_escalation },
];

/// The set that runtimes give by default, as the baseline level of the pod security standards lists it.
const DEFAULT: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Those that amount to control of the host.
const DANGEROUS: &[&str] = &[
    "ALL",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_BOOT",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "BPF",
    "PERFMON",
    "CHECKPOINT_RESTORE",
    "SYSLOG",
    "NET_ADMIN",
    "NET_RAW",
];

/// Those that reach no further than the network the pod is in.
const NETWORK: &[&str] = &["NET_ADMIN", "NET_RAW"];

/// The capabilities a container adds and drops, in upper case and without the prefix `CAP_`.
struct Sets {
    add: Vec<String>,
    drop: Vec<String>,
    add_reading: Reading,
    drop_reading: Reading,
}

impl Sets {
    fn of(at: &ContainerAt<'_>) -> Self {
        let capabilities = at.security().and_then(|security| security.capabilities.as_ref());
        let add: &[String] = capabilities.map_or(&[], |c| c.add.as_slice());
        let drop: &[String] = capabilities.map_or(&[], |c| c.drop.as_slice());
        Self {
            add: add.iter().map(|name| plain(name)).collect(),
            drop: drop.iter().map(|name| plain(name)).collect(),
            add_reading: at.field("securityContext.capabilities.add", Found::from(add)),
            drop_reading: at.field("securityContext.capabilities.drop", Found::from(drop)),
        }
    }

    /// Added capabilities that are wanted or not wanted, each once, joined; `None` if there are none.
    fn added(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut names: Vec<&str> = self.add.iter().map(String::as_str).filter(|name| wanted(name)).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

fn plain(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

fn added(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let sets = Sets::of(at);
        let beyond = sets.added(|name| !DEFAULT.contains(&name));
        let fault = beyond.map(|names| format!("adds {names}, beyond the default set"));
        check(case, part, sets.add_reading, fault.as_deref());
    });
}

fn dangerous(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let sets = Sets::of(at);
        let Some(names) = sets.added(|name| DANGEROUS.contains(&name)) else {
            case.read_in(part, sets.add_reading);
            return;
        };
        let network_alone = sets.added(|n| DANGEROUS.contains(&n) && !NETWORK.contains(&n)).is_none();
        if network_alone {
            case.read_in(part, part.field("hostNetwork", part.spec.host_network));
        }
        let fault = case.fault_in(part, sets.add_reading, format!("adds {names}"));
        if network_alone && part.spec.host_network != Some(true) {
            fault.counts_as(Significance::High);
        }
    });
}

fn drop_all(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let sets = Sets::of(at);
        let back = sets.added(|name| DEFAULT.contains(&name) && name != "NET_BIND_SERVICE");
        let back = back.map(|names| format!("adds {names} of the default set again"));
        let all = sets.drop.iter().any(|name| name == "ALL");
        if !all && sets.drop.iter().any(|name| name == "NET_RAW") {
            case.note(format!("container {} drops NET_RAW, but keeps the rest", at.container.name));
        }
        check(case, part, sets.drop_reading, (!all).then_some("does not drop ALL capabilities"));
        check(case, part, sets.add_reading, back.as_deref());
    });
}

fn privilege_escalation(report: &mut Report<'_, '_>) {
    report.each_container(true, |case, part, at| {
        let security = at.security();
        let value = security.and_then(|s| s.allow_privilege_escalation);
        let reading = at.field("securityContext.allowPrivilegeEscalation", value);
        match value {
            None => {
                case.fault_in(part, reading, "allowPrivilegeEscalation is absent, which means true");
                return;
            }
            Some(true) => {
                case.fault_in(part, reading, "allowPrivilegeEscalation is true");
                return;
            }
            Some(false) => {
                case.read_in(part, reading);
            }
        }
        let privileged = security.and_then(|s| s.privileged);
        let sets = Sets::of(at);
        if privileged == Some(true) {
            let reading = at.field("securityContext.privileged", privileged);
            case.fault_in(part, reading, "allowPrivilegeEscalation false has no effect beside privileged");
        }
        if let Some(names) = sets.added(|name| matches!(name, "SYS_ADMIN" | "ALL")) {
            let reason = format!("allowPrivilegeEscalation false has no effect beside an added {names}");
            case.fault_in(part, sets.add_reading, reason);
        }
    });
}
