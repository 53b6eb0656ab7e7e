//! What an operator states in files: settings, waivers, measures.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hexproof_core::Layer;
use hexproof_core::digest::Digest;
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::settings::Settings;
use hexproof_core::waiver::Waiver;
use hexproof_scorer::catalogue;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// No file of settings, waivers or one measure comes near this.
const LARGEST: u64 = 4 << 20;

/// Reads the settings, or gives the defaults.
pub(crate) fn settings(file: Option<&Path>) -> anyhow::Result<Settings> {
    file.map_or_else(|| Ok(Settings::default()), |file| yaml(file, "settings"))
}

/// Reads settings that are given as text; an error is one sentence that names the line.
pub(crate) fn settings_text(text: &str) -> Result<Settings, String> {
    from_yaml(text)
}

/// Reads waivers: a list, or a list under `waivers`.
pub(crate) fn waivers(file: Option<&Path>) -> anyhow::Result<Vec<Waiver>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Under {
        waivers: Vec<Waiver>,
    }
    let Some(file) = file else { return Ok(Vec::new()) };
    let text = text(file, "waivers")?;
    let is_list = text.lines().any(|line| line.starts_with('-') && !line.starts_with("---"));
    let mut waivers = if is_list {
        parse::<Vec<Waiver>>(file, "waivers", &text)?
    } else {
        parse::<Under>(file, "waivers", &text)?.waivers
    };
    for (number, waiver) in (1..).zip(&mut waivers) {
        if waiver.id.is_empty() {
            waiver.id = format!("waiver-{number}");
        }
    }
    let mut ids: Vec<&str> = waivers.iter().map(|waiver| waiver.id.as_str()).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("waivers file `{}`: two waivers have the id `{}`", file.display(), twice[0]);
    }
    Ok(waivers)
}

/// The built-in catalogue, or that of a folder.
pub(crate) fn catalogue(folder: Option<&Path>) -> anyhow::Result<Catalogue> {
    let Some(folder) = folder else { return Ok(hexproof_scorer::builtin()?) };
    let mut entries = Vec::new();
    for (name, path) in measure_files(folder)? {
        let text = text(&path, "measure")?;
        entries.push((name.clone(), Digest::of(text.as_bytes()), catalogue::parse(&name, &text)?));
    }
    Ok(Catalogue::new(entries))
}

/// The measures of a folder, with their examples.
pub(crate) fn measures(folder: &Path) -> anyhow::Result<Vec<Measure>> {
    measure_files(folder)?
        .into_iter()
        .map(|(name, path)| Ok(catalogue::parse(&name, &text(&path, "measure")?)?))
        .collect()
}

fn measure_files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for layer in Layer::ALL {
        let path = folder.join(layer.word());
        if !path.is_dir() {
            continue;
        }
        for entry in
            fs::read_dir(&path).with_context(|| format!("cannot read folder `{}`", path.display()))?
        {
            let path = entry.with_context(|| format!("cannot read folder `{}`", path.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files.push((format!("{}/{name}", layer.word()), path.clone()));
            }
        }
    }
    if files.is_empty() {
        bail!("no measure file in `{}`: expected <layer>/<measure id>.yaml", folder.display());
    }
    files.sort();
    Ok(files)
}

/// Reads a YAML file; `what` names it in errors.
pub(crate) fn yaml<T: DeserializeOwned>(file: &Path, what: &str) -> anyhow::Result<T> {
    parse(file, what, &text(file, what)?)
}

fn parse<T: DeserializeOwned>(file: &Path, what: &str, text: &str) -> anyhow::Result<T> {
    from_yaml(text).map_err(|line| anyhow::anyhow!("{what} file `{}`: {line}", file.display()))
}

fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // An empty text or one of comments alone states nothing.
    let empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let text = if empty { "{}" } else { text };
    serde_saphyr::from_str(text).map_err(|error| {
        // The library goes on with an excerpt of the text and advice to programmers.
        let error = error.to_string();
        error.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

fn text(file: &Path, what: &str) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {what} file `{}`", file.display());
    let length = fs::metadata(file).with_context(cannot)?.len();
    if length > LARGEST {
        bail!("{what} file `{}` has {length} bytes; {LARGEST} is the most", file.display());
    }
    fs::read_to_string(file).with_context(cannot)
}
