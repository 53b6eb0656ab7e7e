//! One run, from its claim to its result.

use std::collections::BTreeMap;

use bytes::Bytes;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;

use crate::error::ArchiveError;
use crate::evidence::Extracts;
use crate::layout::{self, Key, Part};
use crate::object::{Archive, Created, LARGEST_OBJECT};
use crate::record::{self, Claim, Ended, LARGEST_RECORD, Outcome, RunResult, Stored};

/// Where a claim leads.
#[derive(Debug)]
pub enum Claimed {
    /// The run is the caller's. Of any number of claimants exactly one gets this.
    New(Run),
    /// The run was claimed before and is unfinished. Whoever the caller knows to be gone, or to be itself
    /// (its own claim whose answer was lost has the same content), may be taken over from.
    Unfinished {
        /// The run, to be carried on.
        run: Run,
        /// The claim that stands.
        standing: Claim,
    },
    /// The run is finished; there is nothing to do.
    Finished(RunResult),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The result that stands.
    pub result: RunResult,
    /// Whether it is the one that was offered. Otherwise another writer finished the same run first, and
    /// its pack is the one that counts.
    pub ours: bool,
}

/// A claimed run. What it stored is visible at once, but nothing counts before [`Run::finish`].
#[derive(Debug)]
pub struct Run {
    archive: Archive,
    claim: Claim,
    /// The claim that stands in the store.
    standing: Claim,
    parts: BTreeMap<Part, Stored>,
    pack: Option<Stored>,
}

impl Archive {
    /// Claims a run: writes `claim.json` unless it is there.
    ///
    /// # Errors
    /// The store's failures, [`ArchiveError::NotCreateOnly`] for a store that overwrites, and
    /// [`ArchiveError::Ended`] for a run that ended without a pack.
    pub async fn claim(&self, claim: &Claim) -> Result<Claimed, ArchiveError> {
        let key = layout::part(&claim.cluster, claim.run, Part::Claim);
        let bytes = self.encode(&key, claim)?;
        let written = match self.create(&key, bytes.clone()).await {
            Ok(written) => written,
            Err(ArchiveError::Conflict { .. }) => Created::AlreadyThere,
            Err(error) => return Err(error),
        };
        let run = |standing: &Claim| Run {
            archive: self.clone(),
            claim: claim.clone(),
            standing: standing.clone(),
            parts: BTreeMap::new(),
            pack: None,
        };
        match written {
            // A hard link, which is how a folder creates, fails where the name exists: nothing to find out.
            Created::Written if self.is_local() => Ok(Claimed::New(run(claim))),
            Created::Written => {
                // Some stores accept a create and ignore its condition. The same bytes once more do no
                // harm and show it, before anything depends on it.
                match self.create(&key, bytes).await? {
                    Created::AlreadyThere => Ok(Claimed::New(run(claim))),
                    Created::Written => {
                        let (store, key) = self.at(&key);
                        Err(ArchiveError::NotCreateOnly { store, key })
                    }
                }
            }
            Created::AlreadyThere => match self.ended(&claim.key()).await? {
                Some(Ended::Pack(result)) => Ok(Claimed::Finished(*result)),
                Some(ended @ Ended::Without(_)) => Err(self.has_ended(&claim.key(), &ended)),
                None => {
                    let standing =
                        self.standing_claim(&claim.key()).await?.ok_or_else(|| self.missing(&key))?;
                    Ok(Claimed::Unfinished { run: run(&standing), standing })
                }
            },
        }
    }

    /// The claim of a run, if there is one.
    pub(crate) async fn standing_claim(&self, audit: &AuditKey) -> Result<Option<Claim>, ArchiveError> {
        let key = layout::part(&audit.cluster, audit.run, Part::Claim);
        let Some(claim) = self.record::<Claim>(&key).await? else { return Ok(None) };
        match claim.key() == *audit {
            true => Ok(Some(claim)),
            false => Err(self.damaged(&key, "it claims another run".to_owned())),
        }
    }

    fn has_ended(&self, audit: &AuditKey, ended: &Ended) -> ArchiveError {
        let (store, key) = self.at(&layout::part(&audit.cluster, audit.run, Part::Result));
        ArchiveError::Ended { store, key, reason: ended.why_without().unwrap_or_default() }
    }

    pub(crate) fn encode<T: serde::Serialize>(&self, key: &Key, record: &T) -> Result<Bytes, ArchiveError> {
        let (store, key) = self.at(key);
        match record::to_bytes(record) {
            // What could not be read back must not be written.
            Ok(bytes) if bytes.len() as u64 > LARGEST_RECORD => {
                Err(ArchiveError::TooLarge { store, key, length: bytes.len() as u64, limit: LARGEST_RECORD })
            }
            Ok(bytes) => Ok(bytes),
            Err(source) => Err(ArchiveError::Malformed { store, key, source }),
        }
    }
}

impl Archive {
    /// Ends a run, unless it has ended; returns the end that stands. The one place where `result.json` is written: the
    /// store takes one object under that key, so a run has one end, however many offer theirs.
    pub(crate) async fn end(&self, audit: &AuditKey, ended: Ended) -> Result<Ended, ArchiveError> {
        let key = layout::part(&audit.cluster, audit.run, Part::Result);
        match self.create(&key, self.encode(&key, &ended)?).await {
            Ok(Created::Written | Created::AlreadyThere) => Ok(ended),
            Err(ArchiveError::Conflict { .. }) => self.ended(audit).await?.ok_or_else(|| self.missing(&key)),
            Err(error) => Err(error),
        }
    }
}

impl Run {
    /// The claim this run is carried on under.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Stores the snapshot, the population or the assessment.
    ///
    /// # Errors
    /// [`ArchiveError::Conflict`] if an earlier attempt stored other bytes: the run has one snapshot, and
    /// [`Run::stored`] returns it for the attempt to carry on with.
    pub async fn put(&mut self, part: Part, bytes: Bytes) -> Result<Stored, ArchiveError> {
        match part {
            Part::Snapshot | Part::Population | Part::Assessment => {}
            Part::Claim | Part::Cancel | Part::Result => return Err(ArchiveError::NotAnInput { part }),
        }
        let stored = Stored::of(&bytes);
        let key = layout::part(&self.claim.cluster, self.claim.run, part);
        self.archive.create(&key, bytes).await?;
        self.parts.insert(part, stored);
        Ok(stored)
    }

    /// Stores the pack under its digest. Offering another one later replaces it as the pack that counts:
    /// signatures differ each time, so an attempt that is repeated makes another pack.
    ///
    /// # Errors
    /// [`ArchiveError::Conflict`] if the object of that digest has other bytes, that is, was tampered with.
    pub async fn put_pack(&mut self, bytes: Bytes) -> Result<Stored, ArchiveError> {
        let stored = Stored::of(&bytes);
        self.archive.create(&layout::pack(&stored.digest), bytes).await?;
        self.pack = Some(stored);
        Ok(stored)
    }

    /// What an earlier attempt stored of this run, if it did; it then counts as stored by this one too.
    pub async fn stored(&mut self, part: Part) -> Result<Option<Bytes>, ArchiveError> {
        let key = layout::part(&self.claim.cluster, self.claim.run, part);
        let Some(bytes) = self.archive.read(&key, LARGEST_OBJECT).await? else { return Ok(None) };
        self.parts.insert(part, Stored::of(&bytes));
        Ok(Some(bytes))
    }

    /// Finishes the run: writes `result.json`, which names what was stored, and puts the run into the lists.
    ///
    /// Once the result is stored the run is finished, whatever becomes of the lists: they are made again from the
    /// runs by whoever finds them lacking.
    ///
    /// # Errors
    /// [`ArchiveError::Incomplete`] unless snapshot, population, assessment and pack are stored;
    /// [`ArchiveError::Ended`] if the run was ended without a pack meanwhile.
    pub async fn finish(self, outcome: Outcome) -> Result<Finished, ArchiveError> {
        let part = |part| self.parts.get(&part).copied();
        let found = (part(Part::Snapshot), part(Part::Population), part(Part::Assessment), self.pack);
        let (Some(snapshot), Some(population), Some(assessment), Some(pack)) = found else {
            let found =
                [(found.0, "snapshot"), (found.1, "population"), (found.2, "assessment"), (found.3, "pack")];
            let missing =
                found.into_iter().filter(|(stored, _)| stored.is_none()).map(|(_, name)| name).collect();
            return Err(ArchiveError::Incomplete { missing });
        };
        let result = RunResult::new(&self.claim, outcome, [snapshot, population, assessment], pack);
        let standing = self.archive.end(&self.claim.key(), Ended::Pack(Box::new(result))).await?;
        self.archive.settled(&self.standing, &standing).await;
        match standing {
            Ended::Pack(result) => Ok(Finished { ours: result.pack == pack, result: *result }),
            Ended::Without(_) => Err(self.archive.has_ended(&self.claim.key(), &standing)),
        }
    }

    /// Stores what readers of the assessment are given instead of it. Nothing counts on it: what is not there is made
    /// again when it is asked for.
    pub async fn attach(&self, extracts: &Extracts) {
        self.archive.store_extracts(&self.claim.cluster, self.claim.run, extracts).await;
    }

    /// The digest of the assessment as it is stored.
    pub fn assessment(&self) -> Option<Digest> {
        self.parts.get(&Part::Assessment).map(|stored| stored.digest)
    }

    /// The digest of the pack that [`Run::finish`] would name.
    pub fn pack(&self) -> Option<Digest> {
        self.pack.map(|pack| pack.digest)
    }
}
