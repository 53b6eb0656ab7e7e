//! Whether the store answers, for whoever asks every few seconds.

use std::time::Duration;

use bytes::Bytes;
use hexproof_core::port::StorageError;
use object_store::GetOptions;

use crate::error::{ArchiveError, Meaning, StoreFault};
use crate::layout;
use crate::object::{Archive, answered};

/// A probe is answered within this time or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

impl Archive {
    /// Asks the store for one small object, and writes it where it is asked for the first time: whoever can do both
    /// can work with the store. Takes 3 seconds at most.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with the reason.
    pub async fn probe(&self) -> Result<(), StorageError> {
        match tokio::time::timeout(PATIENCE, self.ask()).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                let (store, key) = self.at(&layout::probe());
                let source = StoreFault::elapsed(PATIENCE);
                Err(ArchiveError::Read { store, key, source }.into())
            }
        }
    }

    async fn ask(&self) -> Result<(), ArchiveError> {
        let key = layout::probe();
        let head = GetOptions { head: true, ..GetOptions::default() };
        let Err(fault) = answered(PATIENCE, self.store.get_opts(&key.path(), head)).await else {
            self.note_answer();
            return Ok(());
        };
        match fault.meaning() {
            // What was there cannot go: a folder that is empty now is another one, such as the place where the
            // right one was mounted.
            Meaning::Absent if self.has_answered() => {
                let (store, key) = self.at(&key);
                return Err(ArchiveError::Read { store, key, source: fault });
            }
            Meaning::Absent => {}
            Meaning::Exists | Meaning::Denied | Meaning::Full | Meaning::Unsupported | Meaning::Unclear => {
                return self.read_error(&key, fault);
            }
        }
        self.create(&key, Bytes::from_static(b"{}\n")).await?;
        self.note_answer();
        Ok(())
    }
}
