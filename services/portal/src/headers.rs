//! What every answer tells browsers: nothing runs, nothing is framed, nothing is kept, nothing is told to others.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Everything of a page comes from here, and no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A file is shown as nothing but what it is, in a world of its own.
pub(crate) const FILE: &str = "default-src 'none'; sandbox";

/// Nothing of the device is for these pages.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), \
                           browsing-topics=(), interest-cohort=()";

const FIXED: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Adds them. A file brings a stricter policy of its own. What was not given leave to be kept is not kept; `tls` says that the service is reached by TLS alone.
pub(crate) fn add(headers: &mut HeaderMap, tls: bool) {
    let own = headers.remove(header::CONTENT_SECURITY_POLICY).filter(|policy| policy == FILE);
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(own) = own {
        headers.insert(header::CONTENT_SECURITY_POLICY, own);
    }
    if tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
