//! Measures on replicas and where they run.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::cluster::Node;
use hexproof_core::record::selector::Selector;
use hexproof_core::record::{Kind, workload};

use super::replicas::{Replicas, each_replicated, each_with_several};
use crate::facts::{Facts, Part, Workload};
use crate::measures::Entry;
use crate::verdict::{Case, Found, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "workload-replicas", kinds: REPLICATED, judge: enough_replicas },
    Entry { id: "workload-topology-spread", kinds: REPLICATED, judge: topology_spread },
];

/// The kinds whose pods replace each other.
const REPLICATED: &[Kind] = &[Kind::Deployment, Kind::StatefulSet];

fn enough_replicas(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let replicas = Replicas::new(facts);
    let measure = report.measure.id.as_str();
    each_replicated(report, |case, workload, controller| {
        let item = workload.item;
        if controller.spec.replicas == Some(0) {
            case.not_applicable("it is scaled to 0");
            return;
        }
        if let Some(entry) =
            facts.recorded(measure, &item.record.kind_name.name, item.namespace(), item.name())
        {
            case.cites(entry).not_applicable("recorded as a workload of one replica");
            return;
        }
        if replicas.several(case, item, controller) == Some(false) {
            case.fault(reading("spec.replicas", controller.spec.replicas), "fewer than two replicas");
        }
        if let Some((scaler, body)) = replicas.autoscaler(item)
            && controller.spec.replicas.is_some_and(|asked| asked >= 2)
            && body.spec.min_replicas.unwrap_or(1) < 2
        {
            case.note(format!("{} may leave it one replica", scaler.label()));
        }
        readiness(case, facts, controller);
        updates(case, item.kind(), controller, replicas.fewest(item, controller.spec.replicas.unwrap_or(1)));
    });
}

fn readiness(case: &mut Case, facts: &Facts<'_>, controller: &workload::Workload) {
    if facts.is_manifests() {
        return;
    }
    let Some(status) = &controller.status else {
        case.read(reading("status", Found::ABSENT)).unknown("it has no status yet");
        return;
    };
    let (ready, asked) = (status.ready_replicas, controller.spec.replicas.unwrap_or(1));
    let field = reading("status.readyReplicas", ready);
    // The API leaves a zero out.
    if ready.unwrap_or(0) < asked {
        case.fault(field, format!("{} of {asked} replicas are ready", ready.unwrap_or(0)));
    } else {
        case.read(field);
    }
}

fn updates(case: &mut Case, kind: Kind, controller: &workload::Workload, replicas: i64) {
    let (strategy, path) = match kind {
        Kind::StatefulSet => (&controller.spec.update_strategy, "spec.updateStrategy"),
        _ => (&controller.spec.strategy, "spec.strategy"),
    };
    let of_type = strategy.as_ref().and_then(|strategy| strategy.r#type.as_deref()).filter(|t| !t.is_empty());
    let field = reading(format!("{path}.type"), of_type);
    match (kind, of_type) {
        (Kind::StatefulSet, Some("OnDelete")) => {
            case.fault(field, "updates wait until somebody deletes the pods");
            return;
        }
        (Kind::Deployment, Some(other)) if other != "RollingUpdate" => {
            case.fault(field, "an update stops all replicas before it starts new ones");
            return;
        }
        _ => {
            case.read(field);
        }
    }
    if kind != Kind::Deployment {
        return;
    }
    let limit = strategy
        .as_ref()
        .and_then(|strategy| strategy.rolling_update.as_ref())
        .and_then(|rolling| rolling.max_unavailable.as_ref());
    let field = reading(format!("{path}.rollingUpdate.maxUnavailable"), limit.map(ToString::to_string));
    let all = limit.is_some_and(|limit| match (limit.percent(), limit.int()) {
        (Some(percent), _) => percent >= 100,
        (None, Some(number)) => number >= replicas.max(1),
        (None, None) => true,
    });
    if all {
        case.fault(field, "an update may stop all replicas at once");
    } else {
        case.read(field);
    }
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn topology_spread(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let replicas = Replicas::new(facts);
    let zones: BTreeMap<&str, Option<&str>> = facts
        .all::<Node>(Kind::Node)
        .map(|(item, _)| (item.name(), item.record.metadata.labels.get(ZONE).map(String::as_str)))
        .collect();
    each_with_several(report, &replicas, |case, workload| {
        let Some(part) = workload.template() else {
            case.unknown("its template was not read");
            return;
        };
        if !spread_by_template(case, part) {
            spread_in_fact(case, facts, workload, part, &zones);
        }
    });
}

/// Whether constraints or anti-affinity of the template spread its pods. Keeps what was read.
fn spread_by_template(case: &mut Case, part: &Part<'_>) -> bool {
    let own = |selector: &Option<Selector>| selector.as_ref().is_some_and(|s| s.matches(part.labels));
    let wanted = |key: &str| key == ZONE || key == HOST;
    let constraints = &part.spec.topology_spread_constraints;
    for (place, constraint) in constraints.iter().enumerate() {
        let path = format!("topologySpreadConstraints[{place}].topologyKey");
        case.read_in(part, part.field(&path, constraint.topology_key.as_str()));
        if wanted(&constraint.topology_key) && own(&constraint.label_selector) {
            return true;
        }
    }
    if constraints.is_empty() {
        case.read_in(part, part.field("topologySpreadConstraints", Found::ABSENT));
    }
    let affinity = part.spec.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let Some(affinity) = affinity else {
        case.read_in(part, part.field("affinity.podAntiAffinity", Found::ABSENT));
        return false;
    };
    let (required, preferred) = (
        &affinity.required_during_scheduling_ignored_during_execution,
        &affinity.preferred_during_scheduling_ignored_during_execution,
    );
    let terms = required
        .iter()
        .map(|term| ("required", term))
        .chain(preferred.iter().map(|weighted| ("preferred", &weighted.pod_affinity_term)));
    for (list, term) in terms {
        let path =
            format!("affinity.podAntiAffinity.{list}DuringSchedulingIgnoredDuringExecution[].topologyKey");
        case.read_in(part, part.field(&path, term.topology_key.as_str()));
        let here = term.namespaces.is_empty() || term.namespaces.iter().any(|n| n == part.item.namespace());
        if wanted(&term.topology_key) && here && own(&term.label_selector) {
            return true;
        }
    }
    false
}

/// Whether the running pods are on two nodes, and in two zones where there are two.
fn spread_in_fact(
    case: &mut Case,
    facts: &Facts<'_>,
    workload: &Workload<'_>,
    template: &Part<'_>,
    zones: &BTreeMap<&str, Option<&str>>,
) {
    let constraints = template.field("topologySpreadConstraints", Found::ABSENT);
    if facts.is_manifests() {
        case.fault_in(template, constraints, "nothing spreads its replicas over nodes or zones");
        return;
    }
    let gap = facts.not_listed(Kind::Pod).or_else(|| facts.not_listed(Kind::Node));
    if let Some(gap) = gap {
        case.unknown(gap);
        return;
    }
    let mut nodes = BTreeSet::new();
    for part in workload.parts.iter().filter(|part| part.running) {
        if let Some(node) = part.spec.node_name.as_deref() {
            case.read(reading_of(part.item, "spec.nodeName", node));
            nodes.insert(node);
        }
    }
    if nodes.len() < 2 {
        let place = nodes.first().map_or("no node".to_owned(), |node| format!("node {node} alone"));
        case.fault(constraints, format!("nothing spreads its replicas, and its pods run on {place}"));
        return;
    }
    let there: BTreeSet<&str> = zones.values().flatten().copied().collect();
    let used: BTreeSet<&str> = nodes.iter().filter_map(|node| zones.get(node).copied().flatten()).collect();
    if there.len() >= 2 && used.len() < 2 {
        let zone = used.first().map_or("no known zone".to_owned(), |zone| format!("zone {zone} alone"));
        case.fault(constraints, format!("nothing spreads its replicas, and its pods run in {zone}"));
    } else {
        case.passes(format!("its pods run on {} nodes", nodes.len()));
    }
}
