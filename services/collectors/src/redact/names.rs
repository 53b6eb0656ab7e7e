//! Names that announce a credential.

/// Words that make a name sensitive wherever they stand.
const SENSITIVE: [&str; 7] = ["password", "passwd", "pwd", "secret", "token", "credential", "credentials"];
/// Words that make the word `key` after them sensitive.
const BEFORE_KEY: [&str; 10] =
    ["api", "access", "private", "account", "shared", "batch", "storage", "master", "signing", "encryption"];
/// Last words of names that speak about a credential without being one.
const HARMLESS_END: [&str; 17] = [
    "file",
    "path",
    "dir",
    "name",
    "ref",
    "url",
    "uri",
    "endpoint",
    "issuer",
    "audience",
    "type",
    "ttl",
    "expiry",
    "expiration",
    "timeout",
    "length",
    "enabled",
];
/// Longer names are no names.
const LONGEST: usize = 256;

/// Which names are credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    allowed: Vec<String>,
}

impl Names {
    pub(super) fn new(allowed: Vec<String>) -> Self {
        Self { allowed }
    }

    /// Whether `name` is that of a credential.
    pub(super) fn is_sensitive(&self, name: &str) -> bool {
        self.sensitive(name, false)
    }

    /// The same in a ConfigMap, where `bearer` announces one too.
    pub(super) fn is_sensitive_in_config(&self, name: &str) -> bool {
        self.sensitive(name, true)
    }

    fn sensitive(&self, name: &str, bearer: bool) -> bool {
        if name.len() > LONGEST || self.allowed.iter().any(|allowed| allowed == name) {
            return false;
        }
        let words = words(name);
        let Some(last) = words.last() else { return false };
        if HARMLESS_END.contains(&last.as_str()) {
            return false;
        }
        let key_follows = |at: usize| words.get(at + 1).is_some_and(|next| next == "key");
        words.iter().enumerate().any(|(at, word)| {
            SENSITIVE.contains(&word.as_str())
                || (bearer && word == "bearer")
                || (BEFORE_KEY.contains(&word.as_str()) && key_follows(at))
                || (word == "key" && words.get(at + 1).is_some_and(|next| next == "content"))
        })
    }
}

/// Lower-case words of a name, split at punctuation and where the case changes. Digits end a word
/// too and are none: `PASSWORD2` is a password.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        let starts_word = c.is_uppercase()
            && (before.is_lowercase()
                // The last capital of `DBPassword` begins the next word.
                || (before.is_uppercase() && characters.peek().is_some_and(|next| next.is_lowercase())));
        if (!c.is_alphabetic() || starts_word) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_punctuation_and_case() {
        for (name, expected) in [
            ("DB_PASSWORD", vec!["db", "password"]),
            ("dbPassword", vec!["db", "password"]),
            ("DBPassword", vec!["db", "password"]),
            ("db.pass-word", vec!["db", "pass", "word"]),
            ("PASSWORD2", vec!["password"]),
            ("", vec![]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn sensitive_names_are_told_from_names_about_them() {
        let names = Names::new(vec!["LEGACY_TOKEN".to_owned()]);
        for name in [
            "DB_PASSWORD",
            "apiKey",
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "keyContent",
            "PGPASSWD",
            "pwd",
        ] {
            let expected = name != "PGPASSWD";
            assert_eq!(names.is_sensitive(name), expected, "{name}");
        }
        for name in [
            "DB_PASSWORD_FILE",
            "TOKEN_URL",
            "secretName",
            "KEY",
            "PUBLIC_KEY",
            "TOKENIZER",
            "LEGACY_TOKEN",
            "BEARER",
            "SECRET_TTL",
        ] {
            assert!(!names.is_sensitive(name), "{name}");
        }
        assert!(names.is_sensitive_in_config("bearer"));
    }
}
