//! The Services that Ingresses and routes lead to.

use hexproof_core::record::Kind;
use hexproof_core::record::network::{Ingress, IngressBackend, ObjectReference, Route, RouteRule};

use crate::facts::{Facts, Item};

/// The kinds of routes of the Gateway API.
pub(super) const ROUTES: &[Kind] =
    &[Kind::HttpRoute, Kind::GrpcRoute, Kind::TlsRoute, Kind::TcpRoute, Kind::UdpRoute];

/// Every backend of an Ingress, with its path.
pub(super) fn of_ingress(ingress: &Ingress) -> impl Iterator<Item = (String, &IngressBackend)> {
    let default = ingress.spec.default_backend.iter().map(|b| ("spec.defaultBackend".to_owned(), b));
    let rules = ingress.spec.rules.iter().enumerate().flat_map(|(r, rule)| {
        let paths = rule.http.iter().flat_map(|http| &http.paths).enumerate();
        paths.map(move |(p, path)| (format!("spec.rules[{r}].http.paths[{p}].backend"), &path.backend))
    });
    default.chain(rules)
}

/// A reference of a route.
pub(super) struct RouteBackend<'f> {
    /// Its path in the route.
    pub path: String,
    /// The rule it stands in.
    pub rule: &'f RouteRule,
    /// The reference.
    pub reference: &'f ObjectReference,
    /// The namespace it leads to.
    pub namespace: &'f str,
}

impl RouteBackend<'_> {
    /// Whether it names a Service, as it does by default.
    pub(super) fn is_service(&self) -> bool {
        is_kind(self.reference, "Service")
    }
}

/// Whether a reference names a kind of the core group; `kind` is also what it names by default.
pub(super) fn is_kind(reference: &ObjectReference, kind: &str) -> bool {
    reference.group.as_deref().unwrap_or_default().is_empty()
        && reference.kind.as_deref().is_none_or(|named| named == kind)
}

/// Every backend of a route.
pub(super) fn of_route<'f>(item: Item<'f>, route: &'f Route) -> impl Iterator<Item = RouteBackend<'f>> {
    route.spec.rules.iter().enumerate().flat_map(move |(r, rule)| {
        rule.backend_refs.iter().enumerate().map(move |(b, reference)| RouteBackend {
            path: format!("spec.rules[{r}].backendRefs[{b}]"),
            rule,
            reference,
            namespace: reference.namespace.as_deref().unwrap_or(item.namespace()),
        })
    })
}

/// Every route.
pub(super) fn routes<'s, 'f>(
    facts: &'s Facts<'f>,
) -> impl Iterator<Item = (Item<'f>, &'f Route)> + use<'s, 'f> {
    ROUTES.iter().flat_map(move |kind| facts.all::<Route>(*kind))
}
