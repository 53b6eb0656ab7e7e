//! The fields of a registration, checked one by one. What passes is printed in packs, called by the service or used as
//! a path below a folder, so nothing is mended: it fits or it is refused.

use std::collections::BTreeMap;

use hexproof_api::status::invalid;
use hexproof_api::v1;
use hexproof_api::v1::cluster_source::From as Way;
use hexproof_core::Platform;
use hexproof_core::register::ClusterSource;
use hexproof_core::text;
use tonic::Status;
use url::Url;

/// Labels of a cluster at most.
const MOST_LABELS: usize = 32;
/// Characters of the name that packs print at most.
const LONGEST_NAME: usize = 120;
/// Characters of an address, a context or a path at most.
const LONGEST_PLACE: usize = 1024;

pub(super) fn display_name(name: &str) -> Result<String, Status> {
    text::line(name, LONGEST_NAME).map_err(|error| invalid("cluster.display_name", error.to_string()))?;
    Ok(name.to_owned())
}

/// Labels as Kubernetes has them: `[prefix/]name`, the value possibly empty.
pub(super) fn labels(
    field: &'static str,
    labels: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Status> {
    if labels.len() > MOST_LABELS {
        return Err(invalid(field, format!("{} labels are more than {MOST_LABELS}", labels.len())));
    }
    for (name, value) in labels {
        // Whoever reads the message shall not meet the text that was refused unescaped.
        let shown: String = name.chars().take(80).flat_map(char::escape_default).collect();
        if !is_label_name(name) {
            let rule = "is no label name: `name` or `prefix/name`, the name of at most 63 characters \
                        `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, the prefix a DNS name";
            return Err(invalid(field, format!("`{shown}` {rule}")));
        }
        if !(value.is_empty() || is_qualified(value)) {
            let rule = "is no label value: at most 63 characters `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, \
                        first and last a letter or digit";
            return Err(invalid(format!("{field}[{shown}]"), rule));
        }
    }
    Ok(labels.clone())
}

pub(super) fn platform(platform: Option<i32>) -> Result<Option<Platform>, Status> {
    match platform.map(v1::Platform::try_from) {
        None | Some(Ok(v1::Platform::Unspecified)) => Ok(None),
        Some(Ok(v1::Platform::Aks)) => Ok(Some(Platform::Aks)),
        Some(Ok(v1::Platform::OnPremise)) => Ok(Some(Platform::OnPremise)),
        Some(Err(_)) => Err(invalid("cluster.platform", "is none of the platforms of this version")),
    }
}

/// Where the state of a cluster comes from; manifests only if the server has folders of them.
pub(super) fn source(source: Option<&v1::ClusterSource>, manifests: bool) -> Result<ClusterSource, Status> {
    let way = source.and_then(|source| source.from.as_ref());
    match way.ok_or_else(|| invalid("cluster.source", "name one of agent, push, kubeconfig, manifests"))? {
        Way::Agent(v1::AgentSource { address, spiffe_id }) => {
            check_address(address)
                .map_err(|reason| invalid("cluster.source.agent.address", reason.to_owned()))?;
            if !(spiffe_id.is_empty() || is_spiffe_id(spiffe_id)) {
                let rule = "is no SPIFFE id: `spiffe://<trust domain>/<path>`";
                return Err(invalid("cluster.source.agent.spiffe_id", rule));
            }
            Ok(ClusterSource::Agent { address: address.clone(), spiffe_id: spiffe_id.clone() })
        }
        Way::Push(v1::PushSource {}) => Ok(ClusterSource::Push),
        Way::Kubeconfig(v1::KubeconfigSource { context }) => {
            if !context.is_empty() {
                text::line(context, LONGEST_PLACE)
                    .map_err(|error| invalid("cluster.source.kubeconfig.context", error.to_string()))?;
            }
            Ok(ClusterSource::Kubeconfig { context: context.clone() })
        }
        Way::Manifests(v1::ManifestSource { path }) => {
            if !manifests {
                return Err(invalid(
                    "cluster.source.manifests",
                    "this server was started without a folder of manifests",
                ));
            }
            if text::line(path, LONGEST_PLACE).is_err() || !is_inner_path(path) {
                let rule = "a relative path with slashes, without `.`, `..` and empty parts";
                return Err(invalid("cluster.source.manifests.path", rule));
            }
            Ok(ClusterSource::Manifests { path: path.clone() })
        }
    }
}

fn is_label_name(name: &str) -> bool {
    let Some((prefix, name)) = name.split_once('/') else { return is_qualified(name) };
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    prefix.len() <= 253 && prefix.split('.').all(part) && is_qualified(name)
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && ends(bytes.first())
        && ends(bytes.last())
}

fn check_address(address: &str) -> Result<(), &'static str> {
    // The parser of addresses drops blanks and line breaks; what is stored must be what was checked.
    if text::line(address, LONGEST_PLACE).is_err() || address.contains(char::is_whitespace) {
        return Err("an address such as `https://agent.example:7443`, at most 1024 characters");
    }
    let url = Url::parse(address).map_err(|_| "is no address such as `https://agent.example:7443`")?;
    if url.scheme() != "https" {
        return Err("must begin with `https://`");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must end after host and port");
    }
    Ok(())
}

fn is_spiffe_id(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("spiffe://") else { return false };
    let Some((domain, path)) = rest.split_once('/') else { return false };
    let domain_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.len() <= 2048
        && !domain.is_empty()
        && domain.bytes().all(domain_byte)
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(path_byte))
}

fn is_inner_path(path: &str) -> bool {
    !path.contains('\\') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_kubernetes() {
        for name in ["team", "a.b_c-D", "example.com/team", "x"] {
            assert!(is_label_name(name), "{name}");
        }
        let long = "a".repeat(64);
        for name in ["", "-a", "a-", "a b", "/a", "a/", "A.com/a", "a..b/c", "a/b/c", "é", long.as_str()] {
            assert!(!is_label_name(name), "{name}");
        }
    }

    #[test]
    fn an_address_names_a_host_and_nothing_else() {
        for address in ["https://agent.example:7443", "https://10.0.0.7/", "https://[::1]:7443"] {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
        for address in [
            "",
            "agent.example",
            "http://agent.example",
            "file:///etc/passwd",
            "https://",
            "https://a@b",
            "https://a/x",
            "https://a?x",
            "https://a#x",
            "https://a\n.example",
            " https://a",
            "https://a:99999",
        ] {
            assert!(check_address(address).is_err(), "{address:?}");
        }
    }

    #[test]
    fn spiffe_ids_and_paths_do_not_leave_their_place() {
        assert!(is_spiffe_id("spiffe://example.org/cluster/shop/collector"));
        for text in [
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://E/x",
            "spiffe://a/../b",
            "https://a/b",
        ] {
            assert!(!is_spiffe_id(text), "{text}");
        }
        assert!(is_inner_path("shop/prod"));
        for path in ["", "/etc", "../x", "a/../b", "a//b", "./a", "a\\b", "a/"] {
            assert!(!is_inner_path(path), "{path}");
        }
    }
}
