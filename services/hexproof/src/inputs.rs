//! From the arguments to a snapshot: which source it is, and what the cluster is called.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hexproof_collectors::live::{self, LiveOptions, Recording, Target};
use hexproof_collectors::redact::Redactor;
use hexproof_collectors::{Collection, ManifestOptions, Stated, collect_manifests};
use hexproof_core::Platform;
use hexproof_core::digest::Digest;
use hexproof_core::port::Clock;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use jiff::Timestamp;

use crate::cli::{InputArgs, PlatformArg};
use crate::snapshot_file;

/// Program and version, as snapshots and servers are told.
pub(crate) const AGENT: &str = concat!("hexproof/", env!("CARGO_PKG_VERSION"));
/// Program and version, for people.
pub(crate) const PROGRAM: &str = concat!("hexproof ", env!("CARGO_PKG_VERSION"));

/// Collects, or reads the snapshot that the input is.
pub(crate) fn snapshot(
    args: &InputArgs,
    settings: &Settings,
    clock: &dyn Clock,
) -> anyhow::Result<(Snapshot, Digest)> {
    if let Some(snapshot) = given(args)? {
        return Ok(snapshot);
    }
    let mut period = (clock.now(), None);
    let redactor = Redactor::new(settings.credentials.allow.clone());
    let (collection, name) = match args.inputs.as_slice() {
        [] => cluster(args, &redactor)?,
        [folder] if Recording::is_one(folder) => {
            let recording = Recording::open_folder(folder)?;
            if let Some((first, last)) = recording.period() {
                period = (first, Some(last));
            }
            (recorded(recording, &redactor, args)?, name_of(folder))
        }
        inputs => {
            if inputs.iter().any(|input| Recording::is_one(input)) {
                bail!("an API recording stands for a whole cluster: give it as the only INPUT");
            }
            let options = ManifestOptions { keep_going: args.keep_going, ..ManifestOptions::default() };
            (collect_manifests(inputs, &redactor, &options)?, name_of_all(inputs))
        }
    };
    let name = args.cluster.clone().unwrap_or(name);
    let (from, until) = period;
    let snapshot = seal(collection, name, args.platform, from, until.unwrap_or_else(|| clock.now()));
    let digest = snapshot.digest();
    Ok((snapshot, digest))
}

/// The snapshot file that the only input is, if it is one.
fn given(args: &InputArgs) -> anyhow::Result<Option<(Snapshot, Digest)>> {
    let snapshots =
        args.inputs.iter().filter(|input| input.is_file() && snapshot_file::is_one(input)).count();
    match (args.inputs.as_slice(), snapshots) {
        (_, 0) => Ok(None),
        ([file], _) => {
            if args.cluster.is_some() || args.platform != PlatformArg::Auto {
                bail!(
                    "a snapshot states its cluster and platform itself: --cluster and --platform cannot change them"
                );
            }
            snapshot_file::read(file).map(Some)
        }
        _ => bail!("a snapshot stands for a whole cluster: give it as the only INPUT"),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

fn live_options(args: &InputArgs) -> LiveOptions {
    LiveOptions { secrets: args.secrets.into(), ..LiveOptions::default() }
}

fn cluster(args: &InputArgs, redactor: &Redactor) -> anyhow::Result<(Collection, String)> {
    let target = Target { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    let options = live_options(args);
    runtime()?.block_on(async {
        let connected = live::connect(&target, AGENT, options.request_timeout).await?;
        let collection = live::collect_cluster(&connected.api, redactor, options).await?;
        let name = if connected.name.is_empty() { "in-cluster".to_owned() } else { connected.name };
        Ok((collection, name))
    })
}

fn recorded(recording: Recording, redactor: &Redactor, args: &InputArgs) -> anyhow::Result<Collection> {
    let api = live::Api::Recorded(std::sync::Arc::new(recording));
    Ok(runtime()?.block_on(live::collect_cluster(&api, redactor, live_options(args)))?)
}

fn seal(
    collection: Collection,
    name: String,
    platform: PlatformArg,
    from: Timestamp,
    at: Timestamp,
) -> Snapshot {
    let platform = match platform {
        PlatformArg::Aks => Some(Platform::Aks),
        PlatformArg::OnPremise => Some(Platform::OnPremise),
        PlatformArg::Auto => None,
    };
    let id = if collection.cluster.id.is_empty() { id_from(&name) } else { collection.cluster.id.clone() };
    collection.seal(Stated { name, id, platform, from, at, collector: PROGRAM.to_owned() })
}

/// Manifests have no namespace kube-system to take an id from: the same name gives the same id.
fn id_from(name: &str) -> String {
    let hex = Digest::of(format!("hexproof cluster {name}").as_bytes()).hex();
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn name_of_all(inputs: &[PathBuf]) -> String {
    match inputs {
        [one] => name_of(one),
        _ => inputs.iter().map(|input| name_of(input)).collect::<Vec<_>>().join("+"),
    }
}

/// The last part of a path, without the ending of a manifest.
fn name_of(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "stdin".to_owned();
    }
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let stem = [".yaml", ".yml", ".json"].iter().find_map(|ending| name.strip_suffix(ending));
    stem.map_or_else(|| name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_id_and_it_has_the_form_of_a_uuid() {
        let id = id_from("weak-shop");
        assert_eq!(id, id_from("weak-shop"));
        assert_ne!(id, id_from("weak-shop-2"));
        assert_eq!(id.len(), 36);
    }
}
