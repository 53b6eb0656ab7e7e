//! Image references, split as the container runtimes split them.

/// A reference such as `registry.example:5000/team/app:1.4.2@sha256:...`, with the defaults of Docker filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef<'t> {
    /// Registry with its port, in lower case; `docker.io` where none is written.
    pub host: String,
    /// Path in the registry; a single name of docker.io lies in `library/`.
    pub repository: String,
    /// The tag as written.
    pub tag: Option<&'t str>,
    /// The digest as written, `sha256:...`.
    pub digest: Option<&'t str>,
}

impl<'t> ImageRef<'t> {
    /// Splits a reference; `None` if the text is none.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A tag is what follows the last colon after the last slash: a colon before it belongs to a port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(last..)?.split_once(':') {
            Some((part, tag)) => (rest.get(..last + part.len())?, Some(tag)),
            None => (rest, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first.to_ascii_lowercase(), path),
            _ => (DOCKER_HUB.to_owned(), name),
        };
        let well_formed = path.split('/').all(is_path_part)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
        if !well_formed {
            return None;
        }
        let host = canonical_host(host);
        let official = host == DOCKER_HUB && !path.contains('/');
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        Some(Self { host, repository, tag, digest })
    }

    /// Registry and path, without tag and digest.
    pub fn place(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The last part of the path: what the image is called.
    pub fn short_name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it names its content: a SHA-256 digest.
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some_and(is_sha256)
    }

    /// Whether it lies under `host` or `host/path`, compared up to a slash.
    pub fn lies_in(&self, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches('/');
        let (host, path) = prefix.split_once('/').unwrap_or((prefix, ""));
        self.host == canonical_host(host.to_ascii_lowercase())
            && (path.is_empty()
                || self
                    .repository
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Whether a text is a SHA-256 digest: `sha256:` and 64 lower-case hex digits.
pub fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_lower_hex))
}

const DOCKER_HUB: &str = "docker.io";

/// One name for one registry: the default port says nothing, and the Docker Hub answers under other names too.
fn canonical_host(host: String) -> String {
    match host.strip_suffix(":443").unwrap_or(&host) {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB.to_owned(),
        host => host.to_owned(),
    }
}

fn is_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}

fn is_path_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    part.bytes().next().is_some_and(inner)
        && part.bytes().next_back().is_some_and(inner)
        && part.bytes().all(|b| inner(b) || b"._-".contains(&b))
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !tag.starts_with(['.', '-'])
}

/// A digest of any algorithm.
fn is_digest(digest: &str) -> bool {
    match digest.split_once(':') {
        Some(("sha256", _)) => is_sha256(digest),
        Some((algorithm, hex)) => {
            !algorithm.is_empty()
                && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b"+._-".contains(&b))
                && hex.len() >= 32
                && hex.bytes().all(is_lower_hex)
        }
        None => false,
    }
}

fn is_lower_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn references_are_split_with_the_defaults_of_docker() {
        let pinned = format!("app:1.4.2@{DIGEST}");
        let pinned_only = format!("gcr.io/a/b@{DIGEST}");
        let port_pinned = format!("[::1]:5000/app@{DIGEST}");
        for (text, host, repository, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", None, None),
            ("nginx:1.27", "docker.io", "library/nginx", Some("1.27"), None),
            ("bitnami/redis:7", "docker.io", "bitnami/redis", Some("7"), None),
            ("docker.io/nginx", "docker.io", "library/nginx", None, None),
            ("index.docker.io/team/app", "docker.io", "team/app", None, None),
            ("registry-1.docker.io/library/nginx", "docker.io", "library/nginx", None, None),
            ("docker.io:443/nginx", "docker.io", "library/nginx", None, None),
            ("localhost/app:1", "localhost", "app", Some("1"), None),
            ("localhost:5000", "docker.io", "library/localhost", Some("5000"), None),
            ("registry:5000/app", "registry:5000", "app", None, None),
            ("registry.example:5000/a/b/c:v1", "registry.example:5000", "a/b/c", Some("v1"), None),
            ("Registry.Example/app", "registry.example", "app", None, None),
            (&pinned, "docker.io", "library/app", Some("1.4.2"), Some(DIGEST)),
            (&pinned_only, "gcr.io", "a/b", None, Some(DIGEST)),
            (&port_pinned, "[::1]:5000", "app", None, Some(DIGEST)),
        ] {
            let got = ImageRef::parse(text).unwrap_or_else(|| panic!("{text} is a reference"));
            assert_eq!((got.host.as_str(), got.repository.as_str()), (host, repository), "{text}");
            assert_eq!((got.tag, got.digest), (tag, digest), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_references_are_refused() {
        let upper = DIGEST.to_uppercase();
        for text in [
            "",
            " ",
            "app:",
            "app@",
            "/app",
            "app/",
            "a//b",
            "App",
            "app :1",
            "app:1:2",
            "app@sha256:abc",
            "app@sha256",
            "-app",
            "app:.x",
            "registry example/app",
            "ap\u{0440}",
            &format!("app@{upper}"),
            &format!("app@{DIGEST}0"),
            &format!("app@{DIGEST}@{DIGEST}"),
        ] {
            assert_eq!(ImageRef::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_are_compared_up_to_a_slash() {
        for (image, prefix, inside) in [
            ("nginx", "docker.io", true),
            ("nginx", "index.docker.io/library/", true),
            ("nginx", "docker.io/lib", false),
            ("gcr.io/google_containers/pause", "gcr.io/google_containers", true),
            ("gcr.io/google_containers2/pause", "gcr.io/google_containers", false),
            ("gcr.io.example/app", "gcr.io", false),
            ("registry.example:5000/app", "registry.example", false),
            ("registry.example:443/app", "registry.example", true),
            ("registry.example/team/app", "registry.example/team/app", true),
            ("registry.example/team/app", "registry.example/team/app/x", false),
        ] {
            let parsed = ImageRef::parse(image).unwrap();
            assert_eq!(parsed.lies_in(prefix), inside, "{image} in {prefix}");
        }
    }

    #[test]
    fn only_a_sha256_digest_pins() {
        let sha512 = format!("app@sha512:{}", "a".repeat(128));
        let other = ImageRef::parse(&sha512).unwrap();
        assert!(other.digest.is_some() && !other.is_pinned());
        assert!(ImageRef::parse(&format!("app@{DIGEST}")).unwrap().is_pinned());
    }
}
