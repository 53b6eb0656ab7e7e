//! Roles and bindings (rbac.authorization.k8s.io/v1), ServiceAccounts, certificate requests.

use jiff::Timestamp;

use super::allow_list;
use super::pod::{Condition, LocalReference};
use super::selector::Selector;

allow_list! {
    /// Role, ClusterRole.
    struct Role { rules: Vec<Rule>, aggregation_rule: Option<AggregationRule> }
    struct Rule {
        api_groups: Vec<String>,
        resources: Vec<String>,
        verbs: Vec<String>,
        resource_names: Vec<String>,
        #[serde(rename = "nonResourceURLs")]
        non_resource_urls: Vec<String>,
    }
    struct AggregationRule { cluster_role_selectors: Vec<Selector> }

    /// RoleBinding, ClusterRoleBinding.
    struct RoleBinding { role_ref: RoleRef, subjects: Vec<BindingSubject> }
    struct RoleRef { api_group: String, kind: String, name: String }
    struct BindingSubject { kind: String, api_group: Option<String>, name: String, namespace: Option<String> }

    struct ServiceAccount {
        automount_service_account_token: Option<bool>,
        secrets: Vec<LocalReference>,
        image_pull_secrets: Vec<LocalReference>,
    }

    /// certificates.k8s.io/v1 CertificateSigningRequest; the request itself is dropped, see `Derived`.
    struct CertificateSigningRequest { spec: CsrSpec, status: Option<CsrStatus> }
    struct CsrSpec {
        signer_name: String,
        username: Option<String>,
        groups: Vec<String>,
        usages: Vec<String>,
        expiration_seconds: Option<i64>,
    }
    struct CsrStatus { conditions: Vec<CsrCondition> }
    struct CsrCondition { r#type: String, status: Option<String>, reason: Option<String>, last_update_time: Option<Timestamp> }
}

impl CsrCondition {
    /// As a general condition.
    pub fn to_condition(&self) -> Condition {
        Condition {
            r#type: self.r#type.clone(),
            status: self.status.clone().unwrap_or_default(),
            reason: self.reason.clone(),
            last_transition_time: self.last_update_time,
        }
    }
}
