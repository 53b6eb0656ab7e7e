//! Interception: a measure of an outer layer that passes lowers the effect of a failure further in.
//!
//! It counts on the same scope: the namespace of the subject, the node of its pod, else the cluster. All results of
//! the outer measure in that scope must pass (not applicable ones aside); `unknown` never intercepts.

use std::collections::BTreeMap;

use hexproof_core::{Layer, Outcome};

use super::Judged;
use crate::verdict::Verdict;

/// Results of one outer measure: outcome by kind, namespace and name of the subject.
struct Results {
    layer: Layer,
    outcomes: Vec<(String, String, Outcome)>,
}

pub(super) fn apply(judged: &mut [Judged<'_>]) {
    let results: BTreeMap<String, Results> = judged
        .iter()
        .filter(|j| j.measure.layer != Layer::ApiResources)
        .map(|j| {
            let outcomes = j
                .verdicts
                .iter()
                .map(|v| {
                    let subject = &v.observation.subject;
                    (subject.kind.clone(), subject.name.clone(), v.observation.outcome)
                })
                .collect();
            (j.measure.id.to_string(), Results { layer: j.measure.layer, outcomes })
        })
        .collect();
    for j in judged {
        let mitigating: Vec<(&str, &Results)> = j
            .measure
            .mitigated_by
            .iter()
            .filter_map(|id| results.get_key_value(id.as_str()))
            .filter(|(_, outer)| outer.layer < j.measure.layer)
            .map(|(id, outer)| (id.as_str(), outer))
            .collect();
        for verdict in j.verdicts.iter_mut().filter(|v| v.observation.outcome == Outcome::Fail) {
            let by = mitigating
                .iter()
                .find(|(id, outer)| intercepts(id, outer, verdict))
                .map(|(id, _)| (*id).to_owned());
            if let Some(by) = by {
                verdict.observation.intercepted = true;
                verdict.observation.intercepted_by = by;
            }
        }
    }
}

fn intercepts(id: &str, outer: &Results, verdict: &Verdict) -> bool {
    if verdict.never_intercepted || verdict.not_by.contains(&id) {
        return false;
    }
    // A pod that runs in violation got past admission: nothing stopped it.
    if verdict.running_violation && is_admission(id) {
        return false;
    }
    let subject = &verdict.observation.subject;
    let of_kind = |kind: &str| outer.outcomes.iter().filter(move |(k, _, _)| k == kind).collect::<Vec<_>>();
    let (namespaces, nodes) = (of_kind("Namespace"), of_kind("Node"));
    let scope: Vec<Outcome> = if !namespaces.is_empty() {
        let namespace = if subject.kind == "Namespace" { &subject.name } else { &subject.namespace };
        namespaces.into_iter().filter(|(_, name, _)| name == namespace).map(|(_, _, o)| *o).collect()
    } else if !nodes.is_empty() {
        // The nodes of its pods; a template may land on any of them.
        let on = |name: &String| verdict.nodes.is_empty() || verdict.nodes.contains(name);
        nodes.into_iter().filter(|(_, name, _)| on(name)).map(|(_, _, o)| *o).collect()
    } else {
        outer.outcomes.iter().map(|(_, _, outcome)| *outcome).collect()
    };
    let mut counted = scope.into_iter().filter(|outcome| *outcome != Outcome::NotApplicable).peekable();
    counted.peek().is_some() && counted.all(|outcome| outcome == Outcome::Pass)
}

/// Measures that act when a pod is admitted, not while it runs.
fn is_admission(id: &str) -> bool {
    ["cluster-pod-security-", "cluster-admission-", "cluster-image-", "cluster-policy-"]
        .iter()
        .any(|p| id.starts_with(p))
}

#[cfg(test)]
mod tests {
    use hexproof_core::Significance;

    use super::super::testing::{measure, verdict};
    use super::*;

    const OUTER: &str = "cluster-pod-security-admission-baseline";

    /// Applies one outer measure with results per namespace to one failure in namespace `shop`.
    fn intercepted(results: &[(&str, Outcome)], change: impl Fn(&mut Verdict)) -> bool {
        let outer = measure(OUTER, Layer::Cluster, Significance::High, &[]);
        let inner = measure("container-privileged", Layer::Container, Significance::Critical, &[OUTER]);
        let mut failure = verdict(&inner, Outcome::Fail, "Deployment", "shop", "web");
        change(&mut failure);
        let outer_verdicts =
            results.iter().map(|(namespace, o)| verdict(&outer, *o, "Namespace", "", namespace)).collect();
        let mut judged = [
            Judged { measure: &outer, verdicts: outer_verdicts },
            Judged { measure: &inner, verdicts: vec![failure] },
        ];
        apply(&mut judged);
        judged[1].verdicts[0].observation.intercepted
    }

    #[test]
    fn only_a_pass_in_the_scope_of_the_subject_intercepts() {
        assert!(intercepted(&[("shop", Outcome::Pass), ("other", Outcome::Fail)], |_| {}));
        assert!(!intercepted(&[("shop", Outcome::Fail), ("other", Outcome::Pass)], |_| {}));
        assert!(!intercepted(&[("shop", Outcome::Unknown)], |_| {}));
        assert!(!intercepted(&[("shop", Outcome::NotApplicable)], |_| {}));
        assert!(!intercepted(&[("other", Outcome::Pass)], |_| {}));
    }

    #[test]
    fn a_pod_that_runs_in_violation_was_not_stopped_by_admission() {
        assert!(!intercepted(&[("shop", Outcome::Pass)], |v| v.running_violation = true));
    }

    #[test]
    fn a_fault_can_be_beyond_the_reach_of_a_measure() {
        assert!(!intercepted(&[("shop", Outcome::Pass)], |v| v.never_intercepted = true));
        assert!(!intercepted(&[("shop", Outcome::Pass)], |v| v.not_by.push(OUTER)));
    }

    #[test]
    fn an_inner_layer_never_intercepts_an_outer_one() {
        let inner = measure("container-a", Layer::Container, Significance::High, &[]);
        let outer = measure("cluster-b", Layer::Cluster, Significance::High, &["container-a"]);
        let mut judged = [
            Judged { measure: &outer, verdicts: vec![verdict(&outer, Outcome::Fail, "Cluster", "", "c")] },
            Judged { measure: &inner, verdicts: vec![verdict(&inner, Outcome::Pass, "Cluster", "", "c")] },
        ];
        apply(&mut judged);
        assert!(!judged[0].verdicts[0].observation.intercepted);
    }

    #[test]
    fn the_node_of_the_pod_is_the_scope_of_node_measures() {
        let outer = measure("node-kubelet-seccomp-default", Layer::Node, Significance::High, &[]);
        let inner = measure(
            "container-seccomp-profile",
            Layer::Container,
            Significance::High,
            &["node-kubelet-seccomp-default"],
        );
        for (nodes, expected) in [(&["a"][..], true), (&["b"], false), (&["a", "b"], false), (&[], false)] {
            let mut failure = verdict(&inner, Outcome::Fail, "Pod", "shop", "web");
            failure.nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
            let outer_verdicts = vec![
                verdict(&outer, Outcome::Pass, "Node", "", "a"),
                verdict(&outer, Outcome::Fail, "Node", "", "b"),
            ];
            let mut judged = [
                Judged { measure: &outer, verdicts: outer_verdicts },
                Judged { measure: &inner, verdicts: vec![failure] },
            ];
            apply(&mut judged);
            assert_eq!(judged[1].verdicts[0].observation.intercepted, expected, "{nodes:?}");
        }
    }
}
