//! Bounds on hostile input: every reader charges what it builds against a [`Budget`].

/// Upper bounds of what one source may make the collector hold in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Deepest nesting of mappings and sequences in one document.
    pub depth: usize,
    /// Largest YAML file in bytes; YAML has to be held whole, JSON lists are streamed instead.
    pub yaml_bytes: u64,
    /// Largest JSON file in bytes. Lists are streamed, but the records that measures need stay in memory: more comes
    /// from a live cluster, or as several snapshots.
    pub json_bytes: u64,
    /// Most bytes of a JSON stream whose size is not known beforehand, so that memory stays bounded when it is refused.
    pub stream_bytes: u64,
    /// Largest single JSON object in bytes (etcd stores at most 1.5 MiB by default).
    pub object_bytes: usize,
    /// Largest tree of one object in memory, in approximate bytes.
    pub tree_bytes: usize,
    /// What aliases may add to a document in approximate bytes, whatever its size.
    pub alias_bytes: usize,
    /// What aliases may add beyond that, per byte of the file.
    pub alias_ratio: usize,
    /// Most files read from one folder.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 128,
            yaml_bytes: 64 << 20,
            json_bytes: 512 << 20,
            stream_bytes: 48 << 20,
            object_bytes: 16 << 20,
            tree_bytes: 48 << 20,
            alias_bytes: 2 << 20,
            alias_ratio: 8,
            files: 200_000,
        }
    }
}

/// Approximate heap cost of a container, a key and a scalar beside their text.
pub(crate) const CONTAINER: usize = 96;
pub(crate) const KEY: usize = 80;
pub(crate) const SCALAR: usize = 64;

/// Memory one object may still take.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Takes `bytes`, or says that they are not there.
    #[must_use]
    pub(crate) fn charge(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// Approximate size in memory of a tree already built; iterative, so depth does not matter.
pub(crate) fn weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    let mut total = 0usize;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        total += match value {
            Value::String(text) => SCALAR + text.len(),
            Value::Array(items) => {
                pending.extend(items);
                CONTAINER
            }
            Value::Object(map) => {
                pending.extend(map.values());
                CONTAINER + map.keys().map(|key| KEY + key.len()).sum::<usize>()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => SCALAR,
        };
    }
    total
}
