//! NetworkPolicy and GlobalNetworkPolicy of Calico (projectcalico.org/v3, also as custom resources).
//!
//! Rules are taken in the order of the policies, and the first that covers the traffic decides; policies of
//! Kubernetes stand among them at order 1000. Tiers other than the default one are not modelled: their order and
//! default action are not among the records.

use hexproof_core::record::network::{CalicoEntity, CalicoPolicy, CalicoRule};
use hexproof_core::record::scalar::IntOrString;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::expression::Expression;
use super::rules::{Action, Peer, Peers, Ports, Protocol, Range, Rule, Written, parse_net, range};
use super::{CalicoSelector, Direction, Policy, Selects, Side};
use crate::facts::Item;

pub(super) fn policy<'f>(item: Item<'f>, policy: &'f CalicoPolicy) -> Option<Policy<'f>> {
    let spec = &policy.spec;
    // These two concern the interfaces of nodes, not pods.
    if spec.do_not_track == Some(true) || spec.pre_dnat == Some(true) {
        return None;
    }
    let rank = spec.order.unwrap_or(f64::INFINITY);
    let side = |direction: Direction, field: &str, rules: &'f [CalicoRule], isolates: bool| Side {
        isolates,
        rules: (rules.iter().enumerate())
            .filter_map(|(i, r)| one(direction, format!("spec.{field}[{i}]"), r, rank))
            .collect(),
    };
    let named = |kind: &str| spec.types.iter().any(|listed| listed.eq_ignore_ascii_case(kind));
    let (inbound, outbound) = if spec.types.is_empty() {
        (!spec.ingress.is_empty() || spec.egress.is_empty(), !spec.egress.is_empty())
    } else {
        (named("Ingress"), named("Egress"))
    };
    let read = |field: &str, text: Option<&str>| {
        Expression::parse(text.unwrap_or_default())
            .ok_or_else(|| format!("the expression in spec.{field} of {} is not understood", item.label()))
    };
    let selects = read("selector", spec.selector.as_deref()).and_then(|pods| {
        Ok(CalicoSelector {
            pods,
            namespaces: read("namespaceSelector", spec.namespace_selector.as_deref())?,
            accounts: read("serviceAccountSelector", spec.service_account_selector.as_deref())?,
        })
    });
    let tier = spec.tier.as_deref().filter(|tier| !matches!(*tier, "" | "default"));
    Some(Policy {
        item,
        selects: match selects {
            Ok(selector) => Selects::Calico(selector),
            Err(reason) => Selects::Unread(reason),
        },
        ingress: side(Direction::Ingress, "ingress", &spec.ingress, inbound).only_if_isolating(),
        egress: side(Direction::Egress, "egress", &spec.egress, outbound).only_if_isolating(),
        unclear: tier.map(|tier| {
            format!("{} stands in tier {tier}, whose order and default action were not seen", item.label())
        }),
    })
}

fn one<'f>(direction: Direction, path: String, rule: &'f CalicoRule, rank: f64) -> Option<Rule<'f>> {
    let action = match rule.action.to_ascii_lowercase().as_str() {
        // Passing on from the default tier leads to the profile of the namespace, which allows.
        "allow" | "pass" => Action::Allow,
        "deny" => Action::Deny,
        _ => return None,
    };
    let none = CalicoEntity::default();
    let source = rule.source.as_ref().unwrap_or(&none);
    let destination = rule.destination.as_ref().unwrap_or(&none);
    let (far, near) = match direction {
        Direction::Ingress => (source, destination),
        Direction::Egress => (destination, source),
    };
    let restricted_near = selective(near)
        || near.not_selector.is_some()
        || !near.nets.is_empty()
        || !near.not_nets.is_empty()
        || !source.ports.is_empty()
        || !source.not_ports.is_empty();
    let unclear = if restricted_near {
        Some("restricts its own side as well")
    } else if far.not_selector.is_some() {
        Some("leaves out by selector")
    } else if rule.http.is_some() || rule.not_icmp.is_some() {
        Some("has conditions beside networks and ports")
    } else {
        None
    };
    let (peers, ports) = (peers(far, rule.ip_version), ports(rule, destination));
    Some(Rule { path, action, peers, ports, rank, unclear, written: Written::Calico(rule) })
}

/// Whether pods, accounts, services or domains are named: no network is meant then.
fn selective(entity: &CalicoEntity) -> bool {
    entity.selector.is_some()
        || entity.namespace_selector.is_some()
        || entity.service_accounts.is_some()
        || entity.services.is_some()
        || !entity.domains.is_empty()
}

fn peers(entity: &CalicoEntity, ip_version: Option<i64>) -> Peers {
    if selective(entity) {
        return Peers::Listed(vec![Peer::Selected]);
    }
    if entity.nets.is_empty() && entity.not_nets.is_empty() && ip_version.is_none() {
        return Peers::Any;
    }
    let wanted = |net: &IpNet| match ip_version {
        Some(4) => net.addr().is_ipv4(),
        Some(6) => net.addr().is_ipv6(),
        _ => true,
    };
    let not_nets = |v4: bool| {
        let of_family = move |text: &&String| parse_net(text).is_none_or(|net| net.addr().is_ipv4() == v4);
        entity.not_nets.iter().filter(of_family).cloned().collect::<Vec<String>>()
    };
    let nets: Vec<String> = if entity.nets.is_empty() {
        vec![IpNet::V4(Ipv4Net::default()).to_string(), IpNet::V6(Ipv6Net::default()).to_string()]
    } else {
        entity.nets.clone()
    };
    Peers::Listed(
        nets.iter()
            .filter(|text| parse_net(text).is_none_or(|net| wanted(&net)))
            .map(|text| {
                let v4 = parse_net(text).is_some_and(|net| net.addr().is_ipv4());
                Peer::block(text, &not_nets(v4), true)
            })
            .collect(),
    )
}

fn ports(rule: &CalicoRule, destination: &CalicoEntity) -> Ports {
    let text = |value: &Option<IntOrString>| value.as_ref().map(ToString::to_string);
    if let Some(excluded) = text(&rule.not_protocol) {
        let tcp = Protocol::of(Some(&excluded)) == Protocol::Tcp;
        return if tcp { Ports::none() } else { all_of(Protocol::Tcp) };
    }
    let Some(protocol) = text(&rule.protocol) else {
        return if rule.icmp.is_some() { Ports::none() } else { Ports::default() };
    };
    let protocol = Protocol::of(Some(&protocol));
    let ranges = |list: &[IntOrString]| list.iter().filter_map(|port| one_port(protocol, port)).collect();
    let listed =
        if destination.ports.is_empty() { all_of(protocol).ranges } else { Some(ranges(&destination.ports)) };
    Ports { ranges: listed, except: ranges(&destination.not_ports) }
}

/// A number, `first:last`, or a name, which is in no range.
fn one_port(protocol: Protocol, port: &IntOrString) -> Option<Range> {
    if let IntOrString::String(text) = port
        && let Some((first, last)) = text.split_once(':')
    {
        let first = IntOrString::Int(first.trim().parse().ok()?);
        return range(protocol, Some(&first), last.trim().parse().ok());
    }
    range(protocol, Some(port), None)
}

fn all_of(protocol: Protocol) -> Ports {
    Ports { ranges: range(protocol, None, None).map(|all| vec![all]), except: Vec::new() }
}
