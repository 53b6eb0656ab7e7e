//! From the signer's certificate to a trusted authority (RFC 5280 §6.1).

use jiff::Timestamp;

use super::{SKEW_SECONDS, TrustStore, Verdict};
use crate::certificate::Certificate;
use crate::container::Container;
use crate::purpose;

/// Authorities between the signer and the trusted one.
const MAX_INTERMEDIATES: usize = 5;

/// Checks the certificates of a container: purpose, signatures up to a trusted authority, validity at
/// the claimed time and at `at`. Every certificate must be of use in the chain: a stray one would be
/// bytes that nothing vouches for.
pub(super) fn check(
    container: &Container,
    signed_at: Option<Timestamp>,
    trust: &TrustStore,
    at: Timestamp,
) -> (Verdict, String) {
    match path(container, trust) {
        Err((verdict, reason)) => (verdict, reason),
        Ok(path) => match times(&path, signed_at, at) {
            Err((verdict, reason)) => (verdict, reason),
            Ok(()) => {
                let root = path.last().map(|root| root.subject()).unwrap_or_default();
                let leaf = &container.leaf;
                let until = day(leaf.not_after());
                let sentence = format!(
                    "`{}` leads to the trusted authority `{root}`; valid until {until}; revocation is not checked",
                    leaf.subject()
                );
                (Verdict::Valid, sentence)
            }
        },
    }
}

type Found<'a> = Result<Vec<&'a Certificate>, (Verdict, String)>;

/// Leaf, intermediates, trusted authority.
fn path<'a>(container: &'a Container, trust: &'a TrustStore) -> Found<'a> {
    let invalid = |certificate: &Certificate, reason: String| {
        (Verdict::Invalid, format!("the certificate of `{}`: {reason}", certificate.subject()))
    };
    let leaf = &container.leaf;
    purpose::check_leaf(leaf).map_err(|reason| invalid(leaf, reason))?;
    let mut path = vec![leaf];
    let mut unused: Vec<&Certificate> = container.others.iter().collect();
    let root = loop {
        let last = path[path.len() - 1];
        let issued = |candidate: &&Certificate| {
            last.parsed.tbs_certificate.issuer == candidate.parsed.tbs_certificate.subject
        };
        // Several authorities may have the same name, such as one that was renewed: the key decides.
        let mut anchors = trust.anchors().iter().filter(|anchor| issued(anchor)).peekable();
        if anchors.peek().is_some() {
            match anchors.find(|anchor| purpose::check_issued(last, anchor).is_ok()) {
                Some(anchor) => break anchor,
                None => {
                    let reason = "it was not signed by the trusted authority it names".to_owned();
                    return Err(invalid(last, reason));
                }
            }
        }
        let next = unused.iter().position(issued).map(|at| unused.remove(at));
        let Some(issuer) = next.filter(|_| !last.is_self_issued() && path.len() <= MAX_INTERMEDIATES) else {
            let sentence = format!("`{}` is not a trusted authority", last.issuer());
            return Err((Verdict::Unknown, sentence));
        };
        purpose::check_issued(last, issuer).map_err(|reason| invalid(last, reason))?;
        path.push(issuer);
    };
    path.push(root);
    for (below, authority) in path[1..].iter().enumerate() {
        purpose::check_authority(authority, below).map_err(|reason| invalid(authority, reason))?;
    }
    match unused.iter().find(|certificate| **certificate != root) {
        Some(stray) => Err(invalid(stray, "it is no part of the chain".to_owned())),
        None => Ok(path),
    }
}

fn times(
    path: &[&Certificate],
    signed_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), (Verdict, String)> {
    let Some(signed_at) = signed_at else {
        return Err((Verdict::Invalid, "the seal does not state when it was made".to_owned()));
    };
    for certificate in path {
        let name = certificate.subject();
        if signed_at < certificate.not_before() || signed_at > certificate.not_after() {
            let (from, to) = (day(certificate.not_before()), day(certificate.not_after()));
            let sentence = format!(
                "the certificate of `{name}` was not valid when the seal was made: {signed_at} is not within {from} to {to}"
            );
            return Err((Verdict::Invalid, sentence));
        }
    }
    if signed_at.as_second() > at.as_second().saturating_add(SKEW_SECONDS) {
        return Err((Verdict::Unknown, format!("the seal claims a time in the future, {signed_at}")));
    }
    match path.iter().find(|certificate| at > certificate.not_after()) {
        Some(ended) => {
            let sentence = format!(
                "the certificate of `{}` ended on {}, and nothing in the seal proves that it was made before",
                ended.subject(),
                day(ended.not_after())
            );
            Err((Verdict::Unknown, sentence))
        }
        None => Ok(()),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
