//! Measures of the API resources layer, by subject.

mod annotations;
mod autoscaling;
mod availability;
mod backends;
mod backup;
mod budgets;
mod certificate_strength;
mod certificates;
mod common;
mod hosts;
mod ingress;
mod jobs;
mod namespaces;
mod network_policies;
mod network_reach;
mod rbac_accounts;
mod rbac_bindings;
mod rbac_grants;
mod rbac_groups;
mod rbac_powers;
mod rbac_roles;
mod reclaim;
mod references;
mod replicas;
mod routes;
mod secrets;
mod sensitive;
mod services;
mod storage;
mod workload_powers;
mod workloads;

use super::Entry;

/// The functions of this layer.
pub(super) const ENTRIES: &[&[Entry]] = &[
    rbac_roles::ENTRIES,
    rbac_powers::ENTRIES,
    rbac_bindings::ENTRIES,
    rbac_groups::ENTRIES,
    rbac_accounts::ENTRIES,
    workload_powers::ENTRIES,
    namespaces::ENTRIES,
    network_policies::ENTRIES,
    network_reach::ENTRIES,
    services::ENTRIES,
    sensitive::ENTRIES,
    routes::ENTRIES,
    ingress::ENTRIES,
    hosts::ENTRIES,
    annotations::ENTRIES,
    certificates::ENTRIES,
    secrets::ENTRIES,
    availability::ENTRIES,
    budgets::ENTRIES,
    workloads::ENTRIES,
    jobs::ENTRIES,
    references::ENTRIES,
    autoscaling::ENTRIES,
    storage::ENTRIES,
    reclaim::ENTRIES,
    backup::ENTRIES,
];
