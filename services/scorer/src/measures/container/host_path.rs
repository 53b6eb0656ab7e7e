//! Paths on the host, compared as the kubelet resolves them.

/// A path on the host, cleaned: `//`, `.`, `..` and a last `/` are gone, `/var/run` is `/run`.
///
/// A Windows path loses its drive, and upper case with it: a drive is a root like `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPath {
    parts: Vec<String>,
    pipe: Option<String>,
}

impl HostPath {
    /// Cleans a path as it is written. A relative one is taken from the root.
    pub(super) fn new(written: &str) -> Self {
        let slashed = written.replace('\\', "/").to_ascii_lowercase();
        let device = slashed.strip_prefix("//./").or_else(|| slashed.strip_prefix("//?/"));
        if let Some(pipe) = device.and_then(|rest| rest.strip_prefix("pipe/")) {
            return Self { parts: Vec::new(), pipe: Some(pipe.trim_matches('/').to_owned()) };
        }
        match drive(device.unwrap_or(&slashed)) {
            Some(rest) => Self { parts: clean(rest), pipe: None },
            None => Self { parts: clean(written), pipe: None },
        }
    }

    /// Whether it is `/` or the root of a Windows drive.
    pub(super) fn is_root(&self) -> bool {
        self.pipe.is_none() && self.parts.is_empty()
    }

    /// Whether it is `pattern` or a directory above it. `*` at the start of a part of the pattern matches any text.
    pub(super) fn is_or_holds(&self, pattern: &str) -> bool {
        self.pipe.is_none() && self.parts.len() <= parts(pattern).count() && self.agrees(pattern)
    }

    /// Whether it is `pattern`, a directory above it, or lies under it.
    pub(super) fn overlaps(&self, pattern: &str) -> bool {
        self.pipe.is_none() && self.agrees(pattern)
    }

    /// The last part of the path.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.parts.last().map(String::as_str)
    }

    /// Name of the Windows pipe, in lower case, if it is one.
    pub(super) fn pipe(&self) -> Option<&str> {
        self.pipe.as_deref()
    }

    fn agrees(&self, pattern: &str) -> bool {
        self.parts.iter().zip(parts(pattern)).all(|(part, wanted)| match wanted.strip_prefix('*') {
            Some(end) => part.ends_with(end),
            None => part == wanted,
        })
    }
}

/// What follows the letter of a Windows drive.
fn drive(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(|c: char| c.is_ascii_alphabetic())?.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

fn clean(path: &str) -> Vec<String> {
    let mut clean: Vec<&str> = Vec::new();
    for part in parts(path) {
        match part {
            "." => {}
            ".." => {
                clean.pop();
            }
            name => clean.push(name),
        }
    }
    if clean.starts_with(&["var", "run"]) {
        clean.remove(0);
    }
    clean.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one_path() {
        for (written, cleaned) in [
            ("/", ""),
            ("", ""),
            ("//", ""),
            ("/etc/..", ""),
            ("/../..", ""),
            ("/etc/", "etc"),
            ("//etc//./kubernetes/", "etc/kubernetes"),
            ("etc", "etc"),
            ("/var/run/docker.sock", "run/docker.sock"),
            ("/var/./run", "run"),
            ("/var/running", "var/running"),
            ("/srv/var/run", "srv/var/run"),
            ("/Etc", "Etc"),
            (r"C:\", ""),
            ("c:", ""),
            (r"\\?\C:\", ""),
            (r"C:\Var\Lib\Kubelet", "var/lib/kubelet"),
            ("/c:x", "c:x"),
        ] {
            assert_eq!(HostPath::new(written).parts.join("/"), cleaned, "{written}");
        }
    }

    #[test]
    fn pipes_have_neither_case_nor_a_kind_of_slash_and_are_no_root() {
        for written in [r"\\.\pipe\docker_engine", "//./pipe/Docker_Engine", r"\\?\pipe\docker_engine"] {
            let path = HostPath::new(written);
            assert_eq!(path.pipe(), Some("docker_engine"), "{written}");
            assert!(!path.is_root() && !path.overlaps("/etc"));
        }
    }

    #[test]
    fn a_path_is_above_or_under_another_by_whole_parts() {
        let holds = |path: &str, pattern: &str| HostPath::new(path).is_or_holds(pattern);
        assert!(holds("/", "/run/docker.sock") && holds("/var/run", "/run/docker.sock"));
        assert!(
            !holds("/run/docker", "/run/docker.sock") && !holds("/run/docker.sock/x", "/run/docker.sock")
        );
        let overlaps = |path: &str, pattern: &str| HostPath::new(path).overlaps(pattern);
        assert!(overlaps("/etc/kubernetes/admin.conf", "/etc/kubernetes/*.conf"));
        assert!(overlaps("/etc", "/etc/kubernetes/*.conf"));
        assert!(!overlaps("/etc/kubernetes/manifests", "/etc/kubernetes/*.conf"));
        assert!(overlaps("/home/alice/.kube/config", "/home/*/.kube"));
        assert!(overlaps("/home/alice", "/home/*/.kube"));
        assert!(!overlaps("/home/alice/data", "/home/*/.kube"));
    }
}
