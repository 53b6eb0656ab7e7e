//! Runs in a folder that processes share: create-only files, whole or not there at all.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_core::access::Clusters;
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending, Trigger};
use hexproof_core::port::{Cursor, Ordered, Page, Runs, StorageError};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

pub(crate) struct FolderRuns(PathBuf);

impl FolderRuns {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn path(&self, key: &AuditKey, what: &str) -> PathBuf {
        self.0.join(format!("{}_{}.{what}", key.cluster, key.run))
    }

    /// Whether this writer was first.
    fn create(&self, path: &Path, content: &impl serde::Serialize) -> bool {
        let mut file = tempfile::NamedTempFile::new_in(&self.0).unwrap();
        file.write_all(&serde_json::to_vec(content).unwrap()).unwrap();
        match file.persist_noclobber(path) {
            Ok(_) => true,
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        Some(serde_json::from_slice(&std::fs::read(path).ok()?).unwrap())
    }

    fn record(&self, key: &AuditKey) -> Option<AuditRecord> {
        let (trigger, created): (Trigger, Timestamp) = self.read(&self.path(key, "claim"))?;
        Some(AuditRecord {
            order: AuditOrder { key: key.clone(), trigger, created },
            ended: self.read(&self.path(key, "end")),
            cancel_requested: self.read(&self.path(key, "cancel")),
        })
    }

    pub(crate) fn all(&self) -> Vec<AuditRecord> {
        let names = std::fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name());
        let keys = names.filter_map(|name| {
            let (cluster, run) = name.to_str()?.strip_suffix(".claim")?.split_once('_')?;
            Some(AuditKey { cluster: cluster.parse().unwrap(), run: run.parse().unwrap() })
        });
        let mut all: Vec<_> = keys.filter_map(|key| self.record(&key)).collect();
        all.sort_by(|a, b| a.order.key.cmp(&b.order.key));
        all
    }
}

#[async_trait]
impl Runs for FolderRuns {
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError> {
        match self.create(&self.path(&order.key, "claim"), &(&order.trigger, order.created)) {
            true => Ok(Ordered::New),
            false => Ok(Ordered::Earlier(Box::new(self.record(&order.key).unwrap()))),
        }
    }

    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError> {
        Ok(self.record(key))
    }

    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError> {
        Ok(self.all().into_iter().filter(|record| record.ended.is_none()).collect())
    }

    async fn list(
        &self,
        _: &Clusters,
        _: Option<&Cursor>,
        _: usize,
    ) -> Result<Page<AuditRecord>, StorageError> {
        Ok(Page { items: self.all(), next: None })
    }

    async fn end(&self, key: &AuditKey, ending: &Ending, at: Timestamp) -> Result<Ending, StorageError> {
        self.create(&self.path(key, "end"), &(ending, at));
        Ok(self.record(key).and_then(|record| record.ended).unwrap().0)
    }

    async fn request_cancel(&self, key: &AuditKey, subject: &str, _: Timestamp) -> Result<(), StorageError> {
        self.create(&self.path(key, "cancel"), &subject);
        Ok(())
    }

    async fn put_snapshot(&self, key: &AuditKey, snapshot: Bytes) -> Result<(), StorageError> {
        self.create(&self.path(key, "snapshot"), &snapshot.to_vec());
        Ok(())
    }

    async fn snapshot(&self, key: &AuditKey) -> Result<Option<Bytes>, StorageError> {
        Ok(self.read::<Vec<u8>>(&self.path(key, "snapshot")).map(Bytes::from))
    }
}
