//! Paths of fields as findings show them.

use std::fmt::Write as _;

/// `path.key`, or `path['key']` where the key is more than a name.
pub(super) fn member(path: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let mut out = String::with_capacity(path.len() + key.len() + 5);
    out.push_str(path);
    if plain {
        if !path.is_empty() {
            out.push('.');
        }
        out.push_str(key);
    } else {
        let _ = write!(out, "['{}']", crate::input::yaml::printable(key));
    }
    out
}

/// `path[index]`.
pub(super) fn index(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
