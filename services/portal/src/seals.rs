//! What is known of the seals of packs: each is checked when it is first shown, and again when that was long ago.
//!
//! A pack that fails is shown as broken before anything else is said of it, so every view asks here; a check reads the
//! whole file, so its result is kept by digest, and few are made at once. A file that is changed in the store keeps its
//! name: that is why a result grows old, and why `Verify again` never trusts it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::TryStreamExt as _;
use hexproof_core::access::Artifact;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{Evidence, PackEntry};
use hexproof_core::port::{CheckPack, CheckState, Clock, PackCheck, StorageError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use crate::slots::Slots;

/// A result that is older is checked again.
const OLD: SignedDuration = SignedDuration::from_mins(60);
/// The same when somebody asks for a new check: two people who ask at once share one.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(2);
/// Results that are kept.
const KEPT: u64 = 4096;
/// Mebibytes of packs that are held for checks at once, and of the largest pack that is checked here.
const ROOM: u32 = 256;
/// A page waits no longer for a check.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name of the first step, which the portal adds: the file is the one that the audit archived.
pub(crate) const STORE: &str = "store";

const ANOTHER: &str = "the stored file is not the one that the audit archived";

/// What a check found, and when.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// When it was made.
    pub(crate) at: Timestamp,
    /// What it found.
    pub(crate) check: Arc<PackCheck>,
}

impl Checked {
    /// The first step that is to blame for the state, as a clause.
    pub(crate) fn cause(&self) -> Option<&str> {
        let of = |state| self.check.steps.iter().find(move |(_, found, _)| *found == state);
        match self.check.state {
            CheckState::Valid | CheckState::NotApplicable => None,
            state => of(state).map(|(_, _, sentence)| sentence.as_str()),
        }
    }
}

/// Checks packs and remembers. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub(crate) struct Seals {
    evidence: Arc<dyn Evidence>,
    check: Arc<dyn CheckPack>,
    clock: Arc<dyn Clock>,
    kept: Slots<Digest, Checked>,
    room: Arc<Semaphore>,
}

impl Seals {
    pub(crate) fn new(evidence: Arc<dyn Evidence>, check: Arc<dyn CheckPack>, clock: Arc<dyn Clock>) -> Self {
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Self { evidence, check, clock, kept: Slots::new(KEPT), room }
    }

    /// What is known of a pack without looking; for lists.
    pub(crate) fn known(&self, digest: &Digest) -> Option<Checked> {
        self.kept.known(digest)
    }

    /// The state of a pack, checked now if it was not lately. `None` if that takes longer than a page waits.
    pub(crate) async fn of(&self, pack: &PackEntry) -> Option<Checked> {
        tokio::time::timeout(PATIENCE, self.checked(pack, OLD)).await.ok()
    }

    /// The state of a pack, checked now.
    pub(crate) async fn again(&self, pack: &PackEntry) -> Checked {
        self.checked(pack, JUST_NOW).await
    }

    async fn checked(&self, pack: &PackEntry, old: SignedDuration) -> Checked {
        let slot = self.kept.slot(&pack.digest);
        let mut found = slot.lock().await;
        let now = self.clock.now();
        if let Some(found) = found.as_ref().filter(|found| now.duration_since(found.at) < old) {
            return found.clone();
        }
        let (check, keep) = match self.bytes(pack).await {
            Ok(Ok(bytes)) => {
                let (port, wanted) = (self.check.clone(), pack.digest);
                match tokio::task::spawn_blocking(move || judge(port.as_ref(), &bytes, &wanted)).await {
                    Ok(check) => (check, true),
                    Err(error) => {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "a check of a pack ended early"
                        );
                        (only(CheckState::Unknown, "the check could not be made".to_owned()), false)
                    }
                }
            }
            Ok(Err((state, refused))) => (only(state, refused), true),
            Err(StorageError::Damaged(error)) => {
                tracing::error!(error = error.as_ref(), "the file of a pack is damaged");
                (only(CheckState::Invalid, format!("{ANOTHER}: its length or its digest differs")), true)
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a pack could not be read to be checked"
                );
                (only(CheckState::Unknown, "the store could not be reached".to_owned()), false)
            }
        };
        let checked = Checked { at: now, check: Arc::new(check) };
        if keep {
            *found = Some(checked.clone());
        }
        checked
    }

    /// The bytes of a pack, in room that is counted; or why they are not read.
    async fn bytes(&self, pack: &PackEntry) -> Result<Result<Room, (CheckState, String)>, StorageError> {
        let mebibytes = u32::try_from(pack.size >> 20).unwrap_or(u32::MAX).saturating_add(1);
        if mebibytes > ROOM {
            let large = format!("packs of more than {ROOM} MiB are checked by the command alone");
            return Ok(Err((CheckState::Unknown, large)));
        }
        let permit = self.room.clone().acquire_many_owned(mebibytes).await.ok();
        let file = self.evidence.file(pack, Artifact::Pack).await?;
        if file.size != pack.size {
            let differs = format!("{ANOTHER}: it has {} bytes, not {}", file.size, pack.size);
            return Ok(Err((CheckState::Invalid, differs)));
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(pack.size).unwrap_or_default());
        let mut pieces = (file.read)(0..pack.size);
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(Ok(Room { bytes, _permit: permit }))
    }
}

/// Bytes, and the permit to hold them.
struct Room {
    bytes: BytesMut,
    _permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

fn judge(port: &dyn CheckPack, room: &Room, wanted: &Digest) -> PackCheck {
    let PackCheck { state, mut steps } = port.check(&room.bytes);
    let found = Digest::of(&room.bytes);
    let (own, sentence) = match found == *wanted {
        true => (CheckState::Valid, "the stored file is the one that the audit archived".to_owned()),
        false => (CheckState::Invalid, format!("{ANOTHER}: its digest is {found}, not {wanted}")),
    };
    steps.insert(0, (STORE.to_owned(), own, sentence));
    PackCheck { state: if own == CheckState::Invalid { own } else { state }, steps }
}

fn only(state: CheckState, sentence: String) -> PackCheck {
    PackCheck { state, steps: vec![(STORE.to_owned(), state, sentence)] }
}
