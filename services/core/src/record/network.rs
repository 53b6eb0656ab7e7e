//! Services, Ingresses, the Gateway API, network policies of Kubernetes, Cilium and Calico.

use jiff::Timestamp;

use super::allow_list;
use super::pod::{Condition, Present};
use super::scalar::IntOrString;
use super::selector::{Labels, Selector};

allow_list! {
    /// core/v1 Service.
    struct Service { spec: ServiceSpec, status: Option<ServiceStatus> }
    struct ServiceSpec {
        r#type: Option<String>,
        selector: Labels,
        ports: Vec<ServicePort>,
        #[serde(rename = "clusterIP")]
        cluster_ip: Option<String>,
        #[serde(rename = "clusterIPs")]
        cluster_ips: Vec<String>,
        #[serde(rename = "externalIPs")]
        external_ips: Vec<String>,
        external_name: Option<String>,
        load_balancer_source_ranges: Vec<String>,
        load_balancer_class: Option<String>,
        #[serde(rename = "loadBalancerIP")]
        load_balancer_ip: Option<String>,
        allocate_load_balancer_node_ports: Option<bool>,
        health_check_node_port: Option<i64>,
        external_traffic_policy: Option<String>,
        internal_traffic_policy: Option<String>,
        publish_not_ready_addresses: Option<bool>,
    }
    struct ServicePort {
        name: Option<String>,
        port: Option<i64>,
        target_port: Option<IntOrString>,
        node_port: Option<i64>,
        protocol: Option<String>,
        app_protocol: Option<String>,
    }
    struct ServiceStatus { load_balancer: LoadBalancerStatus }
    struct LoadBalancerStatus { ingress: Vec<LoadBalancerIngress> }
    struct LoadBalancerIngress { ip: Option<String>, hostname: Option<String> }

    /// networking.k8s.io/v1 Ingress.
    struct Ingress { spec: IngressSpec, status: Option<ServiceStatus> }
    struct IngressSpec {
        ingress_class_name: Option<String>,
        default_backend: Option<IngressBackend>,
        tls: Vec<IngressTls>,
        rules: Vec<IngressRule>,
    }
    struct IngressTls { hosts: Vec<String>, secret_name: Option<String> }
    struct IngressRule { host: Option<String>, http: Option<HttpRule> }
    struct HttpRule { paths: Vec<HttpPath> }
    struct HttpPath { path: Option<String>, path_type: Option<String>, backend: IngressBackend }
    struct IngressBackend { service: Option<IngressService>, resource: Option<TypedReference> }
    struct IngressService { name: String, port: Option<BackendPort> }
    struct BackendPort { name: Option<String>, number: Option<i64> }
    struct TypedReference { api_group: Option<String>, kind: String, name: String }

    /// networking.k8s.io/v1 IngressClass.
    struct IngressClass { spec: IngressClassSpec }
    struct IngressClassSpec { controller: Option<String> }

    /// gateway.networking.k8s.io GatewayClass.
    struct GatewayClass { spec: GatewayClassSpec }
    struct GatewayClassSpec { controller_name: Option<String> }

    /// gateway.networking.k8s.io Gateway.
    struct Gateway { spec: GatewaySpec, status: Option<GatewayStatus> }
    struct GatewaySpec { gateway_class_name: Option<String>, listeners: Vec<Listener> }
    struct Listener {
        name: String,
        hostname: Option<String>,
        port: Option<i64>,
        protocol: String,
        tls: Option<ListenerTls>,
        allowed_routes: Option<AllowedRoutes>,
    }
    struct ListenerTls { mode: Option<String>, certificate_refs: Vec<ObjectReference> }
    struct ObjectReference { group: Option<String>, kind: Option<String>, name: String, namespace: Option<String>, port: Option<i64>, weight: Option<i64> }
    struct AllowedRoutes { namespaces: Option<RouteNamespaces> }
    struct RouteNamespaces { from: Option<String> }
    struct GatewayStatus { addresses: Vec<GatewayAddress>, conditions: Vec<Condition> }
    struct GatewayAddress { r#type: Option<String>, value: Option<String> }

    /// HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute.
    struct Route { spec: RouteSpec }
    struct RouteSpec { parent_refs: Vec<ParentReference>, hostnames: Vec<String>, rules: Vec<RouteRule> }
    struct ParentReference { group: Option<String>, kind: Option<String>, name: String, namespace: Option<String>, section_name: Option<String>, port: Option<i64> }
    struct RouteRule { filters: Vec<RouteFilter>, backend_refs: Vec<ObjectReference> }
    struct RouteFilter { r#type: String, request_redirect: Option<RequestRedirect>, extension_ref: Option<TypedReference> }
    struct RequestRedirect { scheme: Option<String>, port: Option<i64> }

    /// gateway.networking.k8s.io ReferenceGrant.
    struct ReferenceGrant { spec: ReferenceGrantSpec }
    struct ReferenceGrantSpec { from: Vec<GrantFrom>, to: Vec<GrantTo> }
    struct GrantFrom { group: String, kind: String, namespace: String }
    struct GrantTo { group: String, kind: String, name: Option<String> }

    /// networking.k8s.io/v1 NetworkPolicy.
    struct NetworkPolicy { spec: NetworkPolicySpec }
    struct NetworkPolicySpec {
        pod_selector: Option<Selector>,
        policy_types: Vec<String>,
        ingress: Vec<IngressPolicyRule>,
        egress: Vec<EgressPolicyRule>,
    }
    struct IngressPolicyRule { from: Vec<Peer>, ports: Vec<PolicyPort> }
    struct EgressPolicyRule { to: Vec<Peer>, ports: Vec<PolicyPort> }
    struct Peer { pod_selector: Option<Selector>, namespace_selector: Option<Selector>, ip_block: Option<IpBlock> }
    struct IpBlock { cidr: String, except: Vec<String> }
    struct PolicyPort { protocol: Option<String>, port: Option<IntOrString>, end_port: Option<i64> }

    /// cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy: `spec` and `specs`.
    struct CiliumPolicy { spec: Option<CiliumRule>, specs: Vec<CiliumRule> }
    struct CiliumRule {
        endpoint_selector: Option<Selector>,
        node_selector: Option<Selector>,
        enable_default_deny: Option<CiliumDefaultDeny>,
        ingress: Option<Vec<CiliumIngress>>,
        ingress_deny: Option<Vec<CiliumIngress>>,
        egress: Option<Vec<CiliumEgress>>,
        egress_deny: Option<Vec<CiliumEgress>>,
    }
    struct CiliumDefaultDeny { ingress: Option<bool>, egress: Option<bool> }
    struct CiliumIngress {
        from_endpoints: Option<Vec<Selector>>,
        from_entities: Vec<String>,
        #[serde(rename = "fromCIDR")]
        from_cidr: Vec<String>,
        #[serde(rename = "fromCIDRSet")]
        from_cidr_set: Vec<CiliumCidr>,
        from_requires: Option<Vec<Present>>,
        from_groups: Vec<Present>,
        from_nodes: Vec<Present>,
        to_ports: Vec<CiliumPorts>,
        icmps: Vec<Present>,
    }
    struct CiliumEgress {
        to_endpoints: Option<Vec<Selector>>,
        to_entities: Vec<String>,
        #[serde(rename = "toCIDR")]
        to_cidr: Vec<String>,
        #[serde(rename = "toCIDRSet")]
        to_cidr_set: Vec<CiliumCidr>,
        #[serde(rename = "toFQDNs")]
        to_fqdns: Vec<Present>,
        to_services: Vec<Present>,
        to_requires: Option<Vec<Present>>,
        to_groups: Vec<Present>,
        to_nodes: Vec<Present>,
        to_ports: Vec<CiliumPorts>,
        icmps: Vec<Present>,
    }
    struct CiliumCidr {
        cidr: String,
        except: Vec<String>,
        cidr_group_ref: Option<String>,
        cidr_group_selector: Option<Present>,
    }
    struct CiliumPorts { ports: Vec<CiliumPort> }
    struct CiliumPort { port: Option<IntOrString>, end_port: Option<i64>, protocol: Option<String> }

    /// projectcalico.org NetworkPolicy and GlobalNetworkPolicy; selectors are kept as expressions.
    struct CalicoPolicy { spec: CalicoPolicySpec }
    struct CalicoPolicySpec {
        selector: Option<String>,
        namespace_selector: Option<String>,
        service_account_selector: Option<String>,
        order: Option<f64>,
        tier: Option<String>,
        do_not_track: Option<bool>,
        #[serde(rename = "preDNAT")]
        pre_dnat: Option<bool>,
        types: Vec<String>,
        ingress: Vec<CalicoRule>,
        egress: Vec<CalicoRule>,
    }
    struct CalicoRule {
        action: String,
        ip_version: Option<i64>,
        protocol: Option<IntOrString>,
        not_protocol: Option<IntOrString>,
        icmp: Option<Present>,
        #[serde(rename = "notICMP")]
        not_icmp: Option<Present>,
        http: Option<Present>,
        source: Option<CalicoEntity>,
        destination: Option<CalicoEntity>,
    }
    struct CalicoEntity {
        nets: Vec<String>,
        not_nets: Vec<String>,
        selector: Option<String>,
        not_selector: Option<String>,
        namespace_selector: Option<String>,
        service_accounts: Option<Present>,
        services: Option<Present>,
        domains: Vec<String>,
        ports: Vec<IntOrString>,
        not_ports: Vec<IntOrString>,
    }

    /// discovery.k8s.io/v1 EndpointSlice.
    struct EndpointSlice { address_type: Option<String>, endpoints: Vec<Endpoint>, ports: Vec<ServicePort> }
    struct Endpoint { addresses: Vec<String>, conditions: Option<EndpointConditions>, node_name: Option<String> }
    struct EndpointConditions { ready: Option<bool> }

    /// cert-manager.io/v1 Certificate.
    struct CertManagerCertificate { spec: CertificateSpec, status: Option<CertificateStatus> }
    struct CertificateSpec { secret_name: String, dns_names: Vec<String> }
    struct CertificateStatus { conditions: Vec<Condition>, not_after: Option<Timestamp> }
}
