//! Who a binding names.

use std::fmt;

use hexproof_core::observation::Subject;
use hexproof_core::record::rbac::BindingSubject;

/// A User, a Group or a ServiceAccount, as the authorizer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity<'f> {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: &'f str,
    /// Namespace of a ServiceAccount; empty for the others.
    pub namespace: &'f str,
    /// Name.
    pub name: &'f str,
}

impl<'f> Identity<'f> {
    /// A ServiceAccount.
    pub const fn account(namespace: &'f str, name: &'f str) -> Self {
        Self { kind: "ServiceAccount", namespace, name }
    }

    /// A Group.
    pub const fn group(name: &'f str) -> Self {
        Self { kind: "Group", namespace: "", name }
    }

    /// The identity that a subject of a binding stands for.
    ///
    /// A ServiceAccount without namespace has the one of its RoleBinding; the User
    /// `system:serviceaccount:<namespace>:<name>` is that ServiceAccount.
    pub fn of(subject: &'f BindingSubject, binding_namespace: &'f str) -> Self {
        let (kind, name) = (subject.kind.as_str(), subject.name.as_str());
        match kind {
            "ServiceAccount" => {
                let written = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
                Self::account(written.unwrap_or(binding_namespace), name)
            }
            "User" => match name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
            {
                Some((namespace, account))
                    if !namespace.is_empty() && !account.is_empty() && !account.contains(':') =>
                {
                    Self::account(namespace, account)
                }
                _ => Self { kind, namespace: "", name },
            },
            _ => Self { kind, namespace: "", name },
        }
    }

    /// Whether it is a ServiceAccount.
    pub fn is_account(&self) -> bool {
        self.kind == "ServiceAccount"
    }

    /// Whether it is a ServiceAccount or one of the groups that hold nothing else.
    pub fn holds_accounts(&self) -> bool {
        self.is_account()
            || (self.kind == "Group"
                && (self.name == "system:serviceaccounts"
                    || self.name.starts_with("system:serviceaccounts:")))
    }

    /// The identity as a subject of verdicts.
    pub fn subject(&self) -> Subject {
        Subject {
            kind: self.kind.to_owned(),
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            ..Subject::default()
        }
    }
}

impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_known_under_each_of_their_names() {
        let subject = |kind: &str, name: &str, namespace: Option<&str>| BindingSubject {
            kind: kind.into(),
            name: name.into(),
            namespace: namespace.map(Into::into),
            api_group: None,
        };
        let web = Identity::account("shop", "web");
        assert_eq!(Identity::of(&subject("ServiceAccount", "web", None), "shop"), web);
        assert_eq!(Identity::of(&subject("ServiceAccount", "web", Some("shop")), "other"), web);
        assert_eq!(Identity::of(&subject("User", "system:serviceaccount:shop:web", None), ""), web);
        for name in
            ["system:serviceaccount:shop", "system:serviceaccount:a:b:c", "system:serviceaccount::web"]
        {
            assert_eq!(Identity::of(&subject("User", name, None), "").kind, "User", "{name}");
        }
    }
}
