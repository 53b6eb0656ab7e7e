//! Namespaces, nodes, quotas, priorities, budgets, autoscalers, admission, extension of the API.

use jiff::Timestamp;

use super::allow_list;
use super::pod::{Condition, ResourceList};
use super::scalar::IntOrString;
use super::selector::Selector;

allow_list! {
    /// core/v1 Namespace; its labels decide the rest.
    struct Namespace { status: Option<NamespaceStatus> }
    struct NamespaceStatus { phase: Option<String> }

    /// core/v1 Node.
    struct Node { spec: NodeSpec, status: Option<NodeStatus> }
    struct NodeSpec {
        taints: Vec<Taint>,
        unschedulable: Option<bool>,
        #[serde(rename = "providerID")]
        provider_id: Option<String>,
        #[serde(rename = "podCIDRs")]
        pod_cidrs: Vec<String>,
    }
    struct Taint { key: String, value: Option<String>, effect: Option<String>, time_added: Option<Timestamp> }
    struct NodeStatus {
        addresses: Vec<NodeAddress>,
        capacity: ResourceList,
        allocatable: ResourceList,
        conditions: Vec<Condition>,
        node_info: Option<NodeInfo>,
    }
    struct NodeAddress { r#type: String, address: String }
    struct NodeInfo {
        kubelet_version: Option<String>,
        kube_proxy_version: Option<String>,
        container_runtime_version: Option<String>,
        kernel_version: Option<String>,
        os_image: Option<String>,
        operating_system: Option<String>,
        architecture: Option<String>,
    }

    /// core/v1 ResourceQuota.
    struct ResourceQuota { spec: QuotaSpec, status: Option<QuotaStatus> }
    struct QuotaSpec { hard: ResourceList, scopes: Vec<String>, scope_selector: Option<ScopeSelector> }
    struct ScopeSelector { match_expressions: Vec<ScopeRequirement> }
    struct ScopeRequirement { scope_name: String, operator: String, values: Vec<String> }
    struct QuotaStatus { hard: ResourceList, used: ResourceList }

    /// core/v1 LimitRange.
    struct LimitRange { spec: LimitRangeSpec }
    struct LimitRangeSpec { limits: Vec<LimitRangeItem> }
    struct LimitRangeItem {
        r#type: String,
        default: ResourceList,
        default_request: ResourceList,
        max: ResourceList,
        min: ResourceList,
    }

    /// scheduling.k8s.io/v1 PriorityClass.
    struct PriorityClass { value: Option<i64>, global_default: Option<bool> }
    /// node.k8s.io/v1 RuntimeClass.
    struct RuntimeClass { handler: Option<String> }

    /// policy/v1 PodDisruptionBudget.
    struct DisruptionBudget { spec: BudgetSpec, status: Option<BudgetStatus> }
    struct BudgetSpec { selector: Option<Selector>, min_available: Option<IntOrString>, max_unavailable: Option<IntOrString>, unhealthy_pod_eviction_policy: Option<String> }
    struct BudgetStatus { disruptions_allowed: Option<i64>, current_healthy: Option<i64>, expected_pods: Option<i64>, desired_healthy: Option<i64> }

    /// autoscaling HorizontalPodAutoscaler.
    struct Autoscaler { spec: AutoscalerSpec, status: Option<AutoscalerStatus> }
    struct AutoscalerSpec { scale_target_ref: ScaleTarget, min_replicas: Option<i64>, max_replicas: Option<i64>, metrics: Vec<Metric> }
    struct ScaleTarget { api_version: Option<String>, kind: Option<String>, name: String }
    struct Metric { r#type: String, resource: Option<ResourceMetric> }
    struct ResourceMetric { name: String }
    struct AutoscalerStatus { current_replicas: Option<i64>, desired_replicas: Option<i64>, conditions: Vec<Condition> }

    /// keda.sh/v1alpha1 ScaledObject.
    struct ScaledObject { spec: ScaledObjectSpec, status: Option<ScaledObjectStatus> }
    struct ScaledObjectSpec { scale_target_ref: ScaleTarget, min_replica_count: Option<i64>, max_replica_count: Option<i64> }
    struct ScaledObjectStatus { conditions: Vec<Condition> }

    /// apiextensions.k8s.io/v1 CustomResourceDefinition.
    struct CustomResourceDefinition { spec: CrdSpec, status: Option<CrdStatus> }
    struct CrdSpec { group: String, names: CrdNames, scope: String, versions: Vec<CrdVersion> }
    struct CrdNames { kind: String, plural: String }
    struct CrdVersion { name: String, served: Option<bool>, storage: Option<bool> }
    struct CrdStatus { stored_versions: Vec<String>, conditions: Vec<Condition> }

    /// apiregistration.k8s.io/v1 APIService.
    struct ApiService { spec: ApiServiceSpec, status: Option<ApiServiceStatus> }
    struct ApiServiceSpec { group: Option<String>, version: Option<String>, service: Option<ServiceReference>, #[serde(rename = "insecureSkipTLSVerify")]
        insecure_skip_tls_verify: Option<bool> }
    struct ServiceReference { namespace: Option<String>, name: Option<String>, port: Option<i64> }
    struct ApiServiceStatus { conditions: Vec<Condition> }
}
