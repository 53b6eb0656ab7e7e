//! From an address to a store. Credentials come from the environment, as each cloud's own tools take them, or from files
//! that are named like its variables.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::{Host, Url};

use crate::credentials;
use crate::error::{ArchiveError, StoreFault};
use crate::object::{Archive, sync_folder};

/// One request, large uploads included; the archive's own limit by size ends it sooner.
const REQUEST: &str = "15 minutes";
const CONNECT: &str = "5 seconds";

impl Archive {
    /// Opens the store at `url`.
    ///
    /// | address | store | settings |
    /// |---|---|---|
    /// | a path, `file:///path` | a local folder, made if absent, synced at each write | - |
    /// | `s3://bucket/prefix` | S3 and what speaks like it | `AWS_*` |
    /// | `az://container/prefix` | Azure Blob Storage | `AZURE_*` |
    /// | `gs://bucket/prefix` | Google Cloud Storage | `GOOGLE_*` |
    /// | `memory://` | this process, gone with it | - |
    ///
    /// Nothing is sent yet: a bucket that does not exist shows at the first write.
    ///
    /// # Errors
    /// An address that is not of this form or holds credentials, settings that do not fit, a folder that
    /// cannot be made, an endpoint without TLS that is not on this machine.
    pub fn open(url: &str) -> Result<Archive, ArchiveError> {
        if !url.contains("://") {
            return open_path(url);
        }
        let (url, name) = parse(url)?;
        match url.scheme() {
            "file" => {
                let local = matches!(url.host_str(), None | Some("" | "localhost"));
                match url.to_file_path() {
                    Ok(path) if local => open_folder(name, &path),
                    Ok(_) | Err(()) => Err(address(&name, "needs an absolute path: `file:///path`")),
                }
            }
            "memory" => Ok(Archive::over(Arc::new(InMemory::new()), name)),
            "s3" => open_s3(&url, name),
            "az" => open_azure(&url, name),
            "gs" => open_google(&url, name),
            other => Err(address(&name, &format!("scheme `{other}` is not one of file, s3, az, gs, memory"))),
        }
    }
}

/// Parses an address and makes the name that may be printed.
fn parse(text: &str) -> Result<(Url, String), ArchiveError> {
    // An address that does not parse is cut at `@` and `?`: what stands there may be a secret.
    let shown = || {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let rest = rest.rsplit('@').next().unwrap_or(rest);
        format!("{scheme}://{}", rest.split(['?', '#']).next().unwrap_or(rest))
    };
    let url = Url::parse(text).map_err(|error| address(&shown(), &error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(address(
            &shown(),
            "credentials do not belong in an address; set them in the environment",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(address(&shown(), "`?` and `#` have no meaning here; settings go into the environment"));
    }
    let name = shown();
    Ok((url, name))
}

fn open_path(text: &str) -> Result<Archive, ArchiveError> {
    if text.is_empty() {
        return Err(address(text, "is empty"));
    }
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    if let Some(scheme @ ("file" | "s3" | "az" | "gs" | "memory")) = scheme {
        return Err(address(text, &format!("write `{scheme}://` with two slashes")));
    }
    open_folder(text.to_owned(), FilePath::new(text))
}

fn open_folder(name: String, path: &FilePath) -> Result<Archive, ArchiveError> {
    let opened = make_folder(path)
        .map_err(StoreFault::from)
        .and_then(|root| Ok((LocalFileSystem::new_with_prefix(&root)?.with_fsync(true), root)));
    match opened {
        Ok((store, root)) => Ok(Archive::local(Arc::new(store), name, root)),
        Err(source) => Err(ArchiveError::Open { store: name, source }),
    }
}

/// Makes the folder and what lies above it, durably; returns its canonical path.
fn make_folder(path: &FilePath) -> std::io::Result<PathBuf> {
    let wanted = std::path::absolute(path)?;
    let new: Vec<&FilePath> = wanted.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::create_dir_all(&wanted)?;
    // `create_dir_all` is content with what exists; a file of that name is not a folder.
    if !wanted.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    new.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)?;
    wanted.canonicalize()
}

fn open_s3(url: &Url, name: String) -> Result<Archive, ArchiveError> {
    use AmazonS3ConfigKey as K;
    let bucket = bucket(&name, url)?;
    prefix(&name, url)?;
    let builder = files(AmazonS3Builder::from_env(), "AWS_", AmazonS3Builder::with_config)?;
    let endpoint =
        builder.get_config_value(&K::S3Endpoint).or_else(|| builder.get_config_value(&K::Endpoint));
    let plain = plain_http(&name, endpoint.as_deref())?;
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let given = builder.get_config_value(&K::AccessKeyId).is_some()
        && builder.get_config_value(&K::SecretAccessKey).is_some();
    if !given && !s3_credentials(set) {
        let wanted = format!(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or HEXPROOF_STORE_CREDENTIALS_DIR, a folder of files named so), or a role by AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, \
             or {MACHINE_ROLE}=true to ask the machine's cloud for them"
        );
        return Err(ArchiveError::NoCredentials { store: name, wanted });
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_retry(retry())
        // Buckets with object lock refuse a put without a checksum.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_config(K::Client(ClientConfigKey::Timeout), REQUEST)
        .with_config(K::Client(ClientConfigKey::ConnectTimeout), CONNECT)
        .with_config(K::Client(ClientConfigKey::AllowInvalidCertificates), "false")
        .with_allow_http(plain);
    finish(url, name, || builder.build())
}

/// Allows to ask the cloud that a machine runs in for the machine's own role.
const MACHINE_ROLE: &str = "HEXPROOF_AWS_MACHINE_ROLE";

/// Whether the environment says where credentials for S3 come from. Where it says nothing the client would ask an
/// address of the network that answers on machines of one cloud only; elsewhere that is a minute of silence, or
/// whoever answers there.
fn s3_credentials(set: impl Fn(&str) -> bool) -> bool {
    (set("AWS_WEB_IDENTITY_TOKEN_FILE") && set("AWS_ROLE_ARN"))
        || set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || set("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        || std::env::var(MACHINE_ROLE).is_ok_and(|value| value == "true")
        || std::env::var("AWS_SKIP_SIGNATURE").is_ok_and(|value| value == "true")
}

fn open_azure(url: &Url, name: String) -> Result<Archive, ArchiveError> {
    use AzureConfigKey as K;
    let builder = files(MicrosoftAzureBuilder::from_env(), "AZURE_", MicrosoftAzureBuilder::with_config)?;
    let emulated = builder.get_config_value(&K::UseEmulator).is_some_and(|on| on == "true");
    let endpoint = match emulated {
        true => std::env::var("AZURITE_BLOB_STORAGE_URL").ok(),
        false => builder.get_config_value(&K::Endpoint),
    };
    let plain = plain_http(&name, endpoint.as_deref())?;
    let builder = builder
        .with_container_name(bucket(&name, url)?)
        .with_retry(retry())
        .with_config(K::Client(ClientConfigKey::Timeout), REQUEST)
        .with_config(K::Client(ClientConfigKey::ConnectTimeout), CONNECT)
        .with_config(K::Client(ClientConfigKey::AllowInvalidCertificates), "false")
        .with_allow_http(plain);
    finish(url, name, || builder.build())
}

fn open_google(url: &Url, name: String) -> Result<Archive, ArchiveError> {
    use GoogleConfigKey as K;
    let builder =
        files(GoogleCloudStorageBuilder::from_env(), "GOOGLE_", GoogleCloudStorageBuilder::with_config)?;
    let plain = plain_http(&name, builder.get_config_value(&K::BaseUrl).as_deref())?;
    let builder = builder
        .with_bucket_name(bucket(&name, url)?)
        .with_retry(retry())
        .with_config(K::Client(ClientConfigKey::Timeout), REQUEST)
        .with_config(K::Client(ClientConfigKey::ConnectTimeout), CONNECT)
        .with_config(K::Client(ClientConfigKey::AllowInvalidCertificates), "false")
        .with_config(K::Client(ClientConfigKey::AllowHttp), plain.to_string());
    finish(url, name, || builder.build())
}

/// Sets what files say over what the environment says.
fn files<B, K>(builder: B, prefix: &str, with: impl Fn(B, K, String) -> B) -> Result<B, ArchiveError>
where
    K: std::str::FromStr,
    K::Err: std::fmt::Display,
{
    let Some(folder) = credentials::folder() else { return Ok(builder) };
    let set = credentials::read(&folder, prefix)?;
    Ok(set.into_iter().fold(builder, |builder, (key, value)| with(builder, key, value)))
}

fn finish<S: ObjectStore>(
    url: &Url,
    name: String,
    build: impl FnOnce() -> object_store::Result<S>,
) -> Result<Archive, ArchiveError> {
    // Building a client panics without a process-wide provider. An error means that one is installed.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let prefix = prefix(&name, url)?;
    match build() {
        Ok(store) => Ok(Archive::over(Arc::new(PrefixStore::new(store, prefix)), name).in_key_order()),
        Err(source) => Err(ArchiveError::Open { store: name, source: source.into() }),
    }
}

fn prefix(name: &str, url: &Url) -> Result<Path, ArchiveError> {
    Path::from_url_path(url.path()).map_err(|error| address(name, &error.to_string()))
}

fn retry() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_secs(60) }
}

fn bucket<'a>(name: &str, url: &'a Url) -> Result<&'a str, ArchiveError> {
    match (url.host_str(), url.port()) {
        (Some(bucket), None) if !bucket.is_empty() => Ok(bucket),
        (_, _) => Err(address(name, &format!("names no bucket; write `{}://bucket/prefix`", url.scheme()))),
    }
}

/// Whether the endpoint is plain http, which is accepted on this machine only.
fn plain_http(store: &str, endpoint: Option<&str>) -> Result<bool, ArchiveError> {
    let Some(endpoint) = endpoint else { return Ok(false) };
    let url =
        Url::parse(endpoint).map_err(|error| address(store, &format!("endpoint `{endpoint}`: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match (url.scheme(), loopback) {
        ("http", true) => Ok(true),
        ("http", false) => {
            Err(ArchiveError::PlainHttp { store: store.to_owned(), endpoint: endpoint.to_owned() })
        }
        (_, _) => Ok(false),
    }
}

fn address(url: &str, reason: &str) -> ArchiveError {
    ArchiveError::Address { url: url.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let plain = |endpoint| plain_http("s3://bucket", Some(endpoint));
        for endpoint in ["http://127.0.0.1:9000", "http://localhost:10000/account", "http://[::1]:9000"] {
            assert!(plain(endpoint).unwrap(), "{endpoint}");
        }
        for endpoint in ["https://s3.example.org", "https://10.0.0.7:9000"] {
            assert!(!plain(endpoint).unwrap(), "{endpoint}");
        }
        for endpoint in
            ["http://10.0.0.7:9000", "http://localhost.example.org", "http://minio", "HTTP://0.0.0.0"]
        {
            let error = plain(endpoint).unwrap_err();
            assert!(matches!(&error, ArchiveError::PlainHttp { .. }), "{endpoint}: {error}");
        }
        assert!(plain("minio:9000/x y").is_err() || !plain("minio:9000/x y").unwrap());
        assert!(!plain_http("s3://bucket", None).unwrap());
    }

    #[test]
    fn credentials_for_s3_have_to_be_named() {
        let with = |names: &'static [&str]| s3_credentials(move |name| names.contains(&name));
        assert!(!with(&[]));
        assert!(!with(&["AWS_WEB_IDENTITY_TOKEN_FILE"]), "a token without a role is half");
        assert!(with(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]));
        assert!(with(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"]));
    }

    #[test]
    fn a_local_store_syncs_what_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path().to_str().unwrap()).unwrap();
        // Only a loss of power shows a missing sync; what can be seen here is that it was asked for.
        let store = format!("{:?}", archive.store);
        assert!(store.contains("fsync: true"), "{store}");
    }
}
