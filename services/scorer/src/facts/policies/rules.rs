//! One rule of a policy: what it does, with whom, on which ports.

use std::net::IpAddr;

use hexproof_core::record::network;
use hexproof_core::record::scalar::IntOrString;
use ipnet::IpNet;
use serde_json::Value;

/// What a rule does with the traffic it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Lets it through.
    Allow,
    /// Stops it.
    Deny,
}

/// A rule in one direction.
#[derive(Debug, Clone)]
pub struct Rule<'f> {
    /// Path of the rule in its policy, for example `spec.egress[0]`.
    pub path: String,
    /// What it does.
    pub action: Action,
    /// The other side.
    pub peers: Peers,
    /// The ports.
    pub ports: Ports,
    /// Rules of a lower rank decide first.
    pub rank: f64,
    /// Why the traffic it covers is not wholly known.
    pub unclear: Option<&'static str>,
    /// The rule as written.
    pub written: Written<'f>,
}

/// A rule as written in its policy.
#[derive(Debug, Clone, Copy)]
pub enum Written<'f> {
    /// Of a NetworkPolicy, inbound.
    Ingress(&'f network::IngressPolicyRule),
    /// Of a NetworkPolicy, outbound.
    Egress(&'f network::EgressPolicyRule),
    /// Of a Cilium policy, inbound.
    CiliumIngress(&'f network::CiliumIngress),
    /// Of a Cilium policy, outbound.
    CiliumEgress(&'f network::CiliumEgress),
    /// Of a Calico policy.
    Calico(&'f network::CalicoRule),
}

impl Written<'_> {
    /// The fields of the rule.
    pub fn value(self) -> Value {
        match self {
            Self::Ingress(rule) => serde_json::to_value(rule),
            Self::Egress(rule) => serde_json::to_value(rule),
            Self::CiliumIngress(rule) => serde_json::to_value(rule),
            Self::CiliumEgress(rule) => serde_json::to_value(rule),
            Self::Calico(rule) => serde_json::to_value(rule),
        }
        .unwrap_or_default()
    }
}

/// The other side of a rule.
#[derive(Debug, Clone)]
pub enum Peers {
    /// Everybody.
    Any,
    /// These, which may be nobody.
    Listed(Vec<Peer>),
}

/// One kind of other side.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A network without some parts of it. `nodes`: it covers the nodes too (Cilium's does not).
    Block { net: IpNet, except: Vec<IpNet>, nodes: bool },
    /// A network that could not be read, or whose members are not in the policy.
    Unread,
    /// Everything outside the cluster, of these IP families (Cilium).
    World { v4: bool, v6: bool },
    /// The nodes (Cilium).
    Nodes,
    /// Pods or other objects by selector or name.
    Selected,
}

impl Peer {
    /// A network as written, with the parts taken out of it.
    pub fn block(cidr: &str, except: &[String], nodes: bool) -> Self {
        let parse = |text: &str| parse_net(text);
        match (parse(cidr), except.iter().map(|text| parse(text)).collect::<Option<Vec<_>>>()) {
            (Some(net), Some(except)) => Self::Block { net, except, nodes },
            _ => Self::Unread,
        }
    }
}

/// A network; an address alone is a network of one.
pub fn parse_net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Which IP families the networks cover wholly, together: halves of the address space count as well.
pub fn whole_families<'a>(nets: impl Iterator<Item = &'a IpNet>) -> (bool, bool) {
    let nets: Vec<IpNet> = nets.copied().collect();
    let whole = IpNet::aggregate(&nets);
    let any = |v4: bool| whole.iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4() == v4);
    (any(true), any(false))
}

impl Peers {
    /// Which IP families are covered wholly.
    pub fn whole_families(&self) -> (bool, bool) {
        let Self::Listed(list) = self else { return (true, true) };
        let (mut v4, mut v6) = whole_families(list.iter().filter_map(|peer| match peer {
            Peer::Block { net, except, .. } if except.is_empty() => Some(net),
            Peer::Block { .. } | Peer::Unread | Peer::World { .. } | Peer::Nodes | Peer::Selected => None,
        }));
        for peer in list {
            if let Peer::World { v4: four, v6: six } = peer {
                v4 |= four;
                v6 |= six;
            }
        }
        (v4, v6)
    }

    /// Whether an address outside the cluster is among them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let Self::Listed(list) = self else { return true };
        list.iter().any(|peer| match peer {
            Peer::Block { net, except, .. } => holds(net, except, address),
            Peer::World { v4, v6 } => {
                if address.is_ipv4() {
                    *v4
                } else {
                    *v6
                }
            }
            Peer::Unread | Peer::Nodes | Peer::Selected => false,
        })
    }

    /// Whether a node is among them, of the nodes with these addresses.
    pub fn reach_nodes(&self, nodes: &[IpAddr]) -> bool {
        let Self::Listed(list) = self else { return true };
        list.iter().any(|peer| match peer {
            Peer::Nodes => true,
            Peer::Block { net, except, nodes: true } => {
                nodes.iter().any(|address| holds(net, except, *address))
            }
            Peer::Block { .. } | Peer::World { .. } | Peer::Unread | Peer::Selected => false,
        })
    }

    /// Whether networks are among them that could not be read.
    pub fn are_unread(&self) -> bool {
        matches!(self, Self::Listed(list) if list.iter().any(|peer| matches!(peer, Peer::Unread)))
    }

    /// Whether networks are among them.
    pub fn hold_networks(&self) -> bool {
        matches!(self, Self::Listed(list) if list.iter().any(|peer| matches!(peer, Peer::Block { .. })))
    }
}

fn holds(net: &IpNet, except: &[IpNet], address: IpAddr) -> bool {
    net.contains(&address) && !except.iter().any(|part| part.contains(&address))
}

/// The transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// Any that has ports.
    Any,
    /// UDP, SCTP and others.
    Other,
}

impl Protocol {
    /// By name or number; TCP where absent.
    pub fn of(name: Option<&str>) -> Self {
        match name.map(str::to_ascii_uppercase).as_deref() {
            None | Some("" | "TCP" | "6") => Self::Tcp,
            Some("ANY") => Self::Any,
            Some(_) => Self::Other,
        }
    }

    fn has_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Any)
    }
}

/// Ports of one protocol, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
    /// The policy names ports; `false` for every port of a protocol.
    pub named: bool,
}

/// The ports of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// The ranges; `None` covers everything, also what has no ports. A port by name is in no range: it belongs to a
    /// pod, not to an address.
    pub ranges: Option<Vec<Range>>,
    /// Ports that are taken out.
    pub except: Vec<Range>,
}

impl Ports {
    /// No port at all.
    pub fn none() -> Self {
        Self { ranges: Some(Vec::new()), except: Vec::new() }
    }

    /// Whether the rule asks for no ports, or for all of TCP.
    pub fn cover_everything(&self) -> bool {
        if !self.except.is_empty() {
            return false;
        }
        let Some(ranges) = &self.ranges else { return true };
        let mut tcp: Vec<(u16, u16)> =
            ranges.iter().filter(|r| r.protocol.has_tcp()).map(|r| (r.first, r.last)).collect();
        tcp.sort_unstable();
        let mut next = 1u32;
        for (first, last) in tcp {
            if u32::from(first) <= next {
                next = next.max(u32::from(last) + 1);
            }
        }
        next > u32::from(u16::MAX)
    }

    /// Whether a TCP port is covered.
    pub fn cover_tcp(&self, port: u16) -> bool {
        let holds = |r: &Range| r.protocol.has_tcp() && (r.first..=r.last).contains(&port);
        self.ranges.as_ref().is_none_or(|ranges| ranges.iter().any(holds)) && !self.except.iter().any(holds)
    }

    /// Whether a range that names ports holds a TCP port.
    pub fn name_tcp(&self, port: u16) -> bool {
        let named = |r: &Range| r.named && r.protocol.has_tcp() && (r.first..=r.last).contains(&port);
        self.ranges.iter().flatten().any(named)
    }
}

/// The range of a port and an end port; every port where none is given, `None` for a port by name.
pub(super) fn range(protocol: Protocol, port: Option<&IntOrString>, end: Option<i64>) -> Option<Range> {
    let number = |n: i64| u16::try_from(n).ok();
    let Some(port) = port else {
        return Some(Range { protocol, first: 0, last: u16::MAX, named: false });
    };
    let first = number(port.int()?)?;
    let last = end.and_then(number).unwrap_or(first).max(first);
    Some(Range { protocol, first, last, named: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> (bool, bool) {
        let nets: Vec<IpNet> = texts.iter().map(|text| parse_net(text).unwrap()).collect();
        whole_families(nets.iter())
    }

    #[test]
    fn halves_of_the_address_space_are_the_whole() {
        assert_eq!(nets(&["0.0.0.0/0"]), (true, false));
        assert_eq!(nets(&["203.0.113.7/0", "::/0"]), (true, true));
        assert_eq!(nets(&["0.0.0.0/1", "128.0.0.0/1"]), (true, false));
        assert_eq!(nets(&["0.0.0.0/1", "128.0.0.0/2"]), (false, false));
    }

    #[test]
    fn ranges_that_meet_cover_all_of_tcp() {
        let tcp = |first, last| Range { protocol: Protocol::Tcp, first, last, named: true };
        let ports = |ranges: &[Range]| Ports { ranges: Some(ranges.to_vec()), except: Vec::new() };
        assert!(ports(&[tcp(1000, u16::MAX), tcp(1, 999)]).cover_everything());
        assert!(!ports(&[tcp(1000, u16::MAX), tcp(1, 998)]).cover_everything());
        assert!(!Ports::none().cover_everything());
        assert!(Ports::default().cover_tcp(80));
        assert!(!Ports { ranges: None, except: vec![tcp(80, 80)] }.cover_tcp(80));
    }
}
