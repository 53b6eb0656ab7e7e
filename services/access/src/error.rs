//! Why access could not be set up.

use std::path::PathBuf;

/// Why access could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// A setting cannot be meant.
    #[error("`{field}` {reason}")]
    Config {
        /// The setting.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of keys or certificates cannot be read.
    #[error("cannot read `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{path}` {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up with these keys and certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The client of the OpenID provider cannot be made.
    #[error("the client of the OpenID provider cannot be made")]
    Http(#[from] reqwest::Error),
    /// There is no API server to ask about service accounts.
    #[error("there is no API server to review service account tokens with")]
    Kubernetes(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// `--dev` on an address that others reach.
    #[error(
        "`{0}` is no loopback address: `--dev` asks nobody for an identity and serves this machine alone"
    )]
    NotLoopback(std::net::SocketAddr),
}

impl AccessError {
    pub(crate) fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { field: field.into(), reason: reason.into() }
    }
}

/// Reads a small file; keys and certificates are never larger.
pub(crate) fn read_file(path: &std::path::Path) -> Result<Vec<u8>, AccessError> {
    use std::io::Read as _;
    const LARGEST: u64 = 1 << 20;
    let file = |source| AccessError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(file)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(file)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(AccessError::Content { path: path.to_owned(), reason: "is larger than 1 MiB".into() }),
        false => Ok(bytes),
    }
}
