//! What the policies that select one pod let through in one direction.

use std::net::IpAddr;

use super::rules::{Action, Rule};
use super::{Direction, Policies, Policy, Selects};
use crate::facts::{Facts, Part};

/// A pod and the policies that concern it in one direction.
#[derive(Debug)]
pub struct Standing<'s, 'f> {
    /// Policies after which everything that no rule allows is denied.
    pub isolating: Vec<&'s Policy<'f>>,
    /// Rules with their policies, in the order in which they decide.
    pub rules: Vec<(&'s Policy<'f>, &'s Rule<'f>)>,
    /// Why it is not wholly known what is let through: policies that could not be read or listed.
    pub unclear: Vec<String>,
    /// Policies of kinds that are not modelled, which may isolate the pod.
    pub other: Vec<String>,
}

/// Why an address is within reach.
#[derive(Debug)]
pub enum Reach<'s, 'f> {
    /// A rule allows it.
    Allowed(&'s Policy<'f>, &'s Rule<'f>),
    /// No policy isolates the pod, and none denies it.
    NotIsolated,
}

impl<'s, 'f> Standing<'s, 'f> {
    pub(super) fn new(
        facts: &Facts<'f>,
        policies: &'s Policies<'f>,
        part: &Part<'f>,
        direction: Direction,
    ) -> Self {
        let mut standing =
            Self { isolating: Vec::new(), rules: Vec::new(), unclear: Vec::new(), other: Vec::new() };
        for policy in policies.candidates(part) {
            let side = match direction {
                Direction::Ingress => &policy.ingress,
                Direction::Egress => &policy.egress,
            };
            if !side.isolates && side.rules.is_empty() {
                continue;
            }
            match (policy.selects(facts, part), &policy.unclear) {
                (Some(false), _) => {}
                (None, _) => standing.unclear.push(match &policy.selects {
                    Selects::Unread(reason) => reason.clone(),
                    Selects::Kubernetes(_) | Selects::Cilium(_) | Selects::Calico(_) => format!(
                        "whether {} selects the pod depends on labels that were not seen",
                        policy.item.label()
                    ),
                }),
                (Some(true), Some(reason)) => standing.unclear.push(reason.clone()),
                (Some(true), None) => {
                    if side.isolates {
                        standing.isolating.push(policy);
                    }
                    standing.rules.extend(side.rules.iter().map(|rule| (policy, rule)));
                }
            }
        }
        standing.rules.sort_by(|(a, one), (b, other)| {
            one.rank.total_cmp(&other.rank).then_with(|| a.item.name().cmp(b.item.name()))
        });
        for (policy, rule) in &standing.rules {
            if let Some(reason) = rule.unclear {
                standing.unclear.push(format!("{} of {} {reason}", rule.path, policy.item.label()));
            }
            if rule.peers.are_unread() {
                let label = policy.item.label();
                standing.unclear.push(format!("{} of {label} names a network that is not read", rule.path));
            }
        }
        standing.unclear.extend(policies.not_listed.iter().cloned());
        standing.other = (policies.other.iter())
            .filter(|item| item.namespace().is_empty() || item.namespace() == part.item.namespace())
            .map(|item| item.label())
            .collect();
        standing
    }

    /// Whether some policy isolates the pod.
    pub fn is_isolated(&self) -> bool {
        !self.isolating.is_empty()
    }

    /// The rule that opens the pod to everybody (egress: to everything), on all ports.
    pub fn open(&self) -> Option<(&'s Policy<'f>, &'s Rule<'f>)> {
        let (mut closed_v4, mut closed_v6) = (false, false);
        for (policy, rule) in &self.rules {
            if !rule.ports.cover_everything() {
                continue;
            }
            let (v4, v6) = rule.peers.whole_families();
            match (rule.action, rule.unclear) {
                // It may close what a later rule opens: that cannot be told.
                (Action::Deny, Some(_)) => return None,
                (Action::Allow, Some(_)) => {}
                (Action::Deny, None) => {
                    closed_v4 |= v4;
                    closed_v6 |= v6;
                }
                (Action::Allow, None) if (v4 && !closed_v4) || (v6 && !closed_v6) => {
                    return Some((policy, rule));
                }
                (Action::Allow, None) => {}
            }
        }
        None
    }

    /// How an address outside the cluster can be reached on a TCP port; `None` if it is denied or cannot be told.
    pub fn reach(&self, address: IpAddr, port: u16) -> Option<Reach<'s, 'f>> {
        for (policy, rule) in &self.rules {
            if !rule.ports.cover_tcp(port) || !rule.peers.contain(address) {
                continue;
            }
            match (rule.action, rule.unclear) {
                (Action::Deny, _) => return None,
                (Action::Allow, Some(_)) => {}
                (Action::Allow, None) => return Some(Reach::Allowed(policy, rule)),
            }
        }
        (!self.is_isolated()).then_some(Reach::NotIsolated)
    }
}
