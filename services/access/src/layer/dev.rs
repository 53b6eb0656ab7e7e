//! `--dev`: no identity is asked for, so all that protects the service is that nobody else reaches it.

use std::net::IpAddr;

use hexproof_core::access::{Authentication, Role, Scope};
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderMap, Uri};

use super::Refusal;
use crate::csrf::{authority, is_foreign};
use crate::grants::{Grant, Identity};

/// The header that names another person than `dev`: a waiver needs two.
pub const DEV_SUBJECT: &str = "x-hexproof-dev-subject";

/// Refuses requests that a foreign page sends through the browser of this machine: names that were made to lead here
/// (DNS rebinding) and foreign origins.
pub(super) fn guard(parts: &Parts) -> Result<(), Refusal> {
    let foreign =
        || Refusal::Foreign("`--dev` serves this machine alone: call it as `localhost` or `127.0.0.1`");
    let host = authority(parts).ok_or_else(foreign)?;
    if !is_loopback(host) {
        return Err(foreign());
    }
    for origin in parts.headers.get_all(ORIGIN) {
        // What a page of this service sends that names no referrer; the browser says that it is one.
        if origin.as_bytes() == b"null" && !is_foreign(parts, None) {
            continue;
        }
        let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
        let near = origin.is_some_and(|origin| {
            origin.authority().is_some_and(|authority| is_loopback(authority.as_str()))
        });
        if !near {
            return Err(foreign());
        }
    }
    Ok(())
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    // A user before the host would be no part of a request that a browser or client sends.
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whoever calls, with all roles of people.
pub(super) fn identity(headers: &HeaderMap) -> Result<Identity, Refusal> {
    let subject = match headers.get(DEV_SUBJECT) {
        None => "dev",
        Some(name) => name
            .to_str()
            .ok()
            .filter(|name| (1..=64).contains(&name.len()) && !name.contains(char::is_whitespace))
            .ok_or(Refusal::Subject)?,
    };
    let grant = Grant { roles: [Role::Operator, Role::Auditor, Role::Admin].into(), scope: Scope::ALL };
    let (authentication, server) = (Authentication::Dev, false);
    Ok(Identity { subject: subject.to_owned(), authentication, server, grants: vec![grant] })
}
