//! Texts that are credentials by their form, and values that are none.

/// The detector that finds a credential in `text`, by name; the first one where there are several.
pub(super) fn credential(text: &str) -> Option<&'static str> {
    type Detector = (&'static str, fn(&str) -> bool);
    const DETECTORS: [Detector; 7] = [
        ("private-key", has_private_key),
        ("jwt", has_jwt),
        ("aws-access-key", has_aws_key),
        ("github-token", has_github_token),
        ("slack-token", has_slack_token),
        ("azure-account-key", has_account_key),
        ("url-with-password", has_url_password),
    ];
    DETECTORS.iter().find(|(_, detect)| detect(text)).map(|(name, _)| *name)
}

/// Whether a value is there but is no literal: `true`, `false`, or nothing but references.
pub(super) fn is_reference_or_flag(value: &str) -> bool {
    let value = value.trim();
    value == "true" || value == "false" || is_reference(value, &[("$(", ")")])
}

/// The same in a ConfigMap, where templates of many sorts are filled in later.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    value == "true"
        || value == "false"
        || is_reference(value, &[("$(", ")"), ("${", "}"), ("{{", "}}"), ("<", ">")])
}

fn is_reference(value: &str, forms: &[(&str, &str)]) -> bool {
    forms.iter().any(|(open, close)| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(|name| {
            // `$(A)x$(B)` holds literal text between its references.
            !name.contains(open) && !name.contains(close)
        })
    })
}

/// Whether `word` stands in `text` by itself; letters, digits and `_` make a word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn has_private_key(text: &str) -> bool {
    occurrences(text, "-----BEGIN ").any(|rest| {
        let line = rest.lines().next().unwrap_or_default();
        // In one-line texts more than the header follows.
        line.find("-----").and_then(|end| line.get(..end)).is_some_and(|label| label.ends_with("PRIVATE KEY"))
    })
}

/// Three base64url parts, the first of which begins like a JSON object.
fn has_jwt(text: &str) -> bool {
    occurrences(text, "eyJ").any(|rest| {
        let token = run(rest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let mut parts = token.split('.');
        let long = |part: Option<&str>, least| part.is_some_and(|part| part.len() >= least);
        long(parts.next(), 8) && long(parts.next(), 8) && parts.next().is_some()
    })
}

fn has_aws_key(text: &str) -> bool {
    occurrences(text, "AKIA")
        .any(|rest| run(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).len() >= 16)
}

fn has_github_token(text: &str) -> bool {
    occurrences(text, "ghp_").any(|rest| !run(rest, |byte| byte.is_ascii_alphanumeric()).is_empty())
}

fn has_slack_token(text: &str) -> bool {
    occurrences(text, "xox").any(|rest| {
        let mut bytes = rest.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
            && bytes.next() == Some(b'-')
            && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
    })
}

fn has_account_key(text: &str) -> bool {
    occurrences(text, "AccountKey=").any(|rest| {
        rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

/// `scheme://user:password@`, unless the password is a reference.
fn has_url_password(text: &str) -> bool {
    occurrences(text, "://").any(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | ','));
        let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        // A password may hold `/`; then the user information ends at a later `@`, and only one on
        // the same word counts.
        let Some((user_info, _)) = authority.rsplit_once('@') else { return false };
        user_info
            .split_once(':')
            .is_some_and(|(_, password)| !password.is_empty() && !is_placeholder(password))
    })
}

/// What follows each occurrence of `needle`.
fn occurrences<'t>(text: &'t str, needle: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(needle).filter_map(move |(at, found)| text.get(at + found.len()..))
}

fn run(text: &str, part: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|byte| !part(byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_by_their_form() {
        for (text, detector) in [
            ("-----BEGIN RSA PRIVATE KEY-----\nMII", "private-key"),
            ("x -----BEGIN PRIVATE KEY-----MII", "private-key"),
            ("Bearer eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "jwt"),
            ("id=AKIAIOSFODNN7EXAMPLE", "aws-access-key"),
            ("ghp_abcdef0123456789", "github-token"),
            ("xoxb-123-abc", "slack-token"),
            ("Account=a;AccountKey=abc==;", "azure-account-key"),
            ("postgres://app:hunter2@db/x", "url-with-password"),
        ] {
            assert_eq!(credential(text), Some(detector), "{text}");
        }
        for text in [
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "eyJ is not a token",
            "AKIA too short",
            "ghp_",
            "xox-",
            "AccountKey=$(KEY)",
            "https://host:8443/a@b",
            "https://user@host",
            "postgres://app:$(PASSWORD)@db",
            "postgres://app:${PASSWORD}@db",
            "mail a@b:c",
        ] {
            assert_eq!(credential(text), None, "{text}");
        }
    }

    #[test]
    fn references_and_flags_are_no_literals() {
        assert!(is_reference_or_flag("$(PASSWORD)") && is_reference_or_flag("true"));
        assert!(
            !is_reference_or_flag("$(A)-$(B)") && !is_reference_or_flag("${A}") && !is_reference_or_flag("x")
        );
        for text in ["$(A)", "${A}", "{{ .A }}", "<password>"] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("a ${B}"));
    }

    #[test]
    fn words_stand_alone() {
        assert!(
            has_word("/usr/sbin/sshd -D", "sshd") && has_word("sudo", "sudo") && has_word("a;sudo b", "sudo")
        );
        assert!(
            !has_word("sshd_config", "sshd") && !has_word("pseudo", "sudo") && !has_word("sudoers", "sudo")
        );
    }
}
