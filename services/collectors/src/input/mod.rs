//! Manifests: files, folders and standard input, in YAML and JSON.
//!
//! `walk` finds the files, `file` reads one, [`Manifests`] reads all of them on all cores.
//! Below: `text` decodes, `yaml` and `scalar` read YAML as kubectl does, `split` and `json` stream
//! JSON, `document` tells cluster state from other things.

mod document;
mod file;
pub(crate) mod json;
mod scalar;
pub(crate) mod split;
mod text;
mod walk;
pub(crate) mod yaml;

use std::{
    fs,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

pub use file::{read_manifest, read_manifest_bytes};
pub use walk::{ManifestFile, find_manifests};

use crate::{
    error::CollectError,
    limits::Limits,
    raw::{Failure, Origin, Reading},
};

/// Files above this size are read one at a time, so that memory does not grow with the cores.
const LARGE: u64 = 4 << 20;

/// A set of manifest files to read.
#[derive(Debug)]
pub struct Manifests {
    files: Vec<ManifestFile>,
    limits: Limits,
}

impl Manifests {
    /// Finds the files that `inputs` name.
    ///
    /// # Errors
    /// As [`find_manifests`]; [`CollectError::NothingFound`] where folders hold no manifest at all.
    pub fn find(inputs: &[PathBuf], limits: Limits) -> Result<Self, CollectError> {
        let files = find_manifests(inputs, &limits)?;
        if files.iter().all(|file| file.excluded.is_some()) {
            let inputs = inputs.iter().map(|input| input.display().to_string()).collect();
            return Err(CollectError::NothingFound { inputs });
        }
        Ok(Self { files, limits })
    }

    /// The files found, those left out included, in the order of their reading.
    #[must_use]
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// Reads all files on `workers` threads. Each thread keeps a state of its own made by `start`;
    /// `each` gets it, the index of the file and what was read there. When `each` breaks, no file
    /// of a higher index is begun, but all of lower ones are finished: the first fault in the
    /// order of files is always seen.
    pub fn read<S: Send>(
        &self,
        workers: usize,
        start: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, usize, Reading) -> ControlFlow<()> + Sync,
    ) -> Vec<S> {
        let next = AtomicUsize::new(0);
        let stop = AtomicUsize::new(usize::MAX);
        let large = Mutex::new(());
        let work = || {
            let mut state = start();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = self.files.get(index) else { return state };
                if index > stop.load(Ordering::Relaxed) {
                    return state;
                }
                // A poisoned lock guards nothing: it only keeps large files apart.
                let _alone =
                    (file.bytes > LARGE).then(|| large.lock().unwrap_or_else(|poison| poison.into_inner()));
                let flow = read_file(file, &self.limits, &mut |reading| each(&mut state, index, reading));
                if flow.is_break() {
                    stop.fetch_min(index, Ordering::Relaxed);
                }
            }
        };
        let workers = workers.min(self.files.len()).max(1);
        if workers == 1 {
            return vec![work()];
        }
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }
}

/// What is said of a file that no program should hold in memory.
pub(super) fn too_large(limits: &Limits) -> String {
    format!(
        "larger than {} MiB: read the cluster itself, give a file, or give its namespaces one by one",
        limits.json_bytes >> 20
    )
}

fn read_file(
    file: &ManifestFile,
    limits: &Limits,
    sink: &mut dyn FnMut(Reading) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if let Some(reason) = file.excluded {
        let origin = Origin::Document { file: file.label.clone(), document: 1, line: 1 };
        return sink(Reading::Excluded { origin, reason });
    }
    let Some(path) = &file.path else {
        let limits = Limits { json_bytes: limits.json_bytes.min(limits.stream_bytes), ..*limits };
        return read_manifest(std::io::stdin().lock(), &file.label, &limits, sink);
    };
    if file.bytes > limits.json_bytes {
        let failure =
            Failure { file: file.label.clone(), line: None, reason: too_large(limits), broken: true };
        return sink(Reading::Failed(failure));
    }
    match fs::File::open(path) {
        Ok(source) => read_manifest(source, &file.label, limits, sink),
        Err(error) => {
            let reason = format!("cannot be opened: {error}");
            sink(Reading::Failed(Failure { file: file.label.clone(), line: None, reason, broken: true }))
        }
    }
}
