//! Puts a store through everything the archive relies on.
//!
//! One list of claims for every store: memory, a local folder, S3 and Azure pass the same. It writes real
//! objects, under a cluster id of its own, and leaves them there, since evidence is never deleted. `service` checks what
//! the services rely on.

mod service;

use bytes::Bytes;
use futures::future::join_all;
use hexproof_core::digest::Digest;

use crate::error::ArchiveError;
use crate::layout::{ClusterId, InvalidId, Part, RunId};
use crate::object::Archive;
use crate::read::RunState;
use crate::record::{Claim, Outcome};
use crate::run::{Claimed, Run};

/// How many claim one run at once.
const CLAIMANTS: usize = 16;

/// Why a store does not conform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The name given for this check cannot be part of a cluster id.
    #[error("the name of the check does not fit a key")]
    Name(#[from] InvalidId),
    /// An operation failed that must succeed.
    #[error("while {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// How it failed.
        source: Box<ArchiveError>,
    },
    /// An operation of the services failed that must succeed.
    #[error("while {doing}")]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// How it failed.
        source: hexproof_core::port::StorageError,
    },
    /// The store answered, but not as promised.
    #[error("{claim}, but {found}")]
    Broken {
        /// What must hold.
        claim: &'static str,
        /// What was found.
        found: String,
    },
}

/// Checks the store. `name` is of the form of a cluster id and must be new to the store; it makes the
/// objects of this check differ from those of any other.
///
/// # Errors
/// The first claim that does not hold.
pub async fn check(archive: &Archive, name: &str) -> Result<(), Violation> {
    let cluster: ClusterId = format!("conformance-{name}").parse()?;
    let check = Check { archive, cluster };
    check.an_unknown_cluster_is_empty().await?;
    let run = check.one_of_many_claims_wins().await?;
    check.a_run_counts_once_finished(run).await?;
    check.an_abandoned_run_is_taken_up().await?;
    check.the_first_result_stands().await?;
    check.large_and_empty_objects_come_back().await?;
    check.the_services_can_rely_on_it().await
}

struct Check<'a> {
    archive: &'a Archive,
    cluster: ClusterId,
}

impl Check<'_> {
    async fn an_unknown_cluster_is_empty(&self) -> Result<(), Violation> {
        let listing = doing("listing an unknown cluster", self.archive.list_runs(&self.cluster).await)?;
        let found = format!("{listing:?}");
        holds(listing.runs.is_empty(), "an unknown cluster has no runs", found)?;
        let result =
            doing("reading an unknown run", self.archive.result(&self.cluster, self.run("none")).await)?;
        holds(result.is_none(), "an unknown run has no result", format!("{result:?}"))?;
        let absent = Digest::of(format!("{} none", self.cluster).as_bytes());
        match self.archive.pack(&absent).await {
            Err(ArchiveError::Missing { .. }) => Ok(()),
            other => broken("an unknown pack is missing", format!("{:?}", other.map(|bytes| bytes.len()))),
        }
    }

    async fn one_of_many_claims_wins(&self) -> Result<Run, Violation> {
        let claims: Vec<Claim> =
            (0..CLAIMANTS).map(|n| self.claim("raced", &format!("claimant-{n}"))).collect();
        let mut winners = Vec::new();
        let mut standing = Vec::new();
        for claimed in join_all(claims.iter().map(|claim| self.archive.claim(claim))).await {
            match doing("claiming a run together with others", claimed)? {
                Claimed::New(run) => winners.push(run),
                Claimed::Unfinished { standing: claim, .. } => standing.push(claim),
                Claimed::Finished(result) => return broken("the run is unfinished", format!("{result:?}")),
            }
        }
        let found = winners.len();
        let (Some(run), 1) = (winners.pop(), found) else {
            return broken("exactly one claim wins", format!("{found} did"));
        };
        let agreed = standing.iter().all(|claim| claim == run.claim());
        holds(agreed, "the losers see the winner's claim", format!("{standing:?}"))?;
        Ok(run)
    }

    async fn a_run_counts_once_finished(&self, mut run: Run) -> Result<(), Violation> {
        let id = run.claim().run;
        let other = Bytes::from_static(b"other bytes");
        for part in [Part::Snapshot, Part::Population, Part::Assessment] {
            let bytes = self.bytes(part.file_name());
            doing("storing a part", run.put(part, bytes.clone()).await)?;
            doing("storing a part again", run.put(part, bytes.clone()).await)?;
            match run.put(part, other.clone()).await {
                Err(ArchiveError::Conflict { .. }) => {}
                other => return broken("other bytes under a key are refused", format!("{other:?}")),
            }
            let stored = doing("reading a part", run.stored(part).await)?;
            holds(stored.as_ref() == Some(&bytes), "refused bytes leave no trace", format!("{stored:?}"))?;
        }
        let pack = doing("storing a pack", run.put_pack(self.bytes("pack")).await)?;
        doing("storing a pack again", run.put_pack(self.bytes("pack")).await)?;
        self.expect(id, RunState::Unfinished).await?;

        let finished = doing("finishing a run", run.finish(outcome()).await)?;
        holds(finished.ours, "an uncontested result is one's own", format!("{finished:?}"))?;
        self.expect(id, RunState::Finished).await?;
        let result = doing("reading a result", self.archive.result(&self.cluster, id).await)?;
        let Some(result) = result else {
            return broken("a finished run has a result", "there is none".into());
        };
        holds(result == finished.result, "a result is read as it was written", format!("{result:?}"))?;
        holds(result.pack == pack, "a result names the pack", format!("{result:?}"))?;
        let read = doing("reading the pack", self.archive.pack(&result.pack.digest).await)?;
        holds(
            read == self.bytes("pack"),
            "a pack comes back as it was stored",
            format!("{} bytes", read.len()),
        )?;
        let has = doing("looking for the pack", self.archive.has_pack(&result.pack.digest).await)?;
        holds(has, "a stored pack is there", "it is not".into())?;
        doing("reading the snapshot", self.archive.snapshot(&result).await)?;
        doing("reading the population", self.archive.population(&result).await)?;
        doing("reading the assessment", self.archive.assessment(&result).await)?;

        match doing("claiming a finished run", self.archive.claim(&self.claim("raced", "late")).await)? {
            Claimed::Finished(standing) if standing == result => {}
            other => return broken("a finished run cannot be claimed", format!("{other:?}")),
        }
        let clusters = doing("listing clusters", self.archive.list_clusters().await)?;
        holds(clusters.contains(&self.cluster), "a cluster with runs is listed", format!("{clusters:?}"))
    }

    async fn an_abandoned_run_is_taken_up(&self) -> Result<(), Violation> {
        let claim = self.claim("abandoned", "first");
        let Claimed::New(mut first) = doing("claiming", self.archive.claim(&claim).await)? else {
            return broken("a new run can be claimed", "it cannot".into());
        };
        doing("storing a part", first.put(Part::Snapshot, self.bytes("snapshot")).await)?;
        drop(first);
        match doing(
            "claiming an abandoned run",
            self.archive.claim(&self.claim("abandoned", "second")).await,
        )? {
            Claimed::Unfinished { mut run, standing } => {
                holds(standing == claim, "the first claim stands", format!("{standing:?}"))?;
                let snapshot = doing("reading a part", run.stored(Part::Snapshot).await)?;
                holds(snapshot.is_some(), "what was stored is there", "it is not".into())?;
                let finished = self.complete(run, "second").await?;
                holds(finished, "a run that was taken up can be finished", "it cannot".into())
            }
            other => broken("an abandoned run can be taken up", format!("{other:?}")),
        }
    }

    async fn the_first_result_stands(&self) -> Result<(), Violation> {
        let claimed = doing("claiming", self.archive.claim(&self.claim("contested", "one")).await)?;
        let Claimed::New(one) = claimed else {
            return broken("a new run can be claimed", format!("{claimed:?}"));
        };
        let claimed = doing("claiming", self.archive.claim(&self.claim("contested", "two")).await)?;
        let Claimed::Unfinished { run: two, .. } = claimed else {
            return broken("an unfinished run can be taken up", format!("{claimed:?}"));
        };
        let finished = [self.complete(one, "one").await?, self.complete(two, "two").await?];
        holds(finished == [true, false], "the first result stands", format!("{finished:?}"))
    }

    async fn large_and_empty_objects_come_back(&self) -> Result<(), Violation> {
        let claimed = doing("claiming", self.archive.claim(&self.claim("large", "one")).await)?;
        let Claimed::New(mut run) = claimed else {
            return broken("a new run can be claimed", format!("{claimed:?}"));
        };
        // Above the size at which stores begin to split uploads, and not a multiple of anything.
        let large: Vec<u8> =
            (0..9_000_011_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (part, bytes) in [(Part::Snapshot, large.into()), (Part::Population, Bytes::new())] {
            let length = bytes.len();
            doing("storing a large or empty object", run.put(part, bytes.clone()).await)?;
            let read = doing("reading it", run.stored(part).await)?;
            let same = read.as_ref() == Some(&bytes);
            let found = format!("{:?} of {length} bytes came back", read.map(|bytes| bytes.len()));
            holds(same, "objects of any size come back whole", found)?;
        }
        Ok(())
    }

    /// Carries a run to its end; whether its own result is the one that stands.
    async fn complete(&self, mut run: Run, signature: &str) -> Result<bool, Violation> {
        for part in [Part::Snapshot, Part::Population, Part::Assessment] {
            doing("storing a part", run.put(part, self.bytes("snapshot")).await)?;
        }
        doing("storing a pack", run.put_pack(self.bytes(signature)).await)?;
        Ok(doing("finishing a run", run.finish(outcome()).await)?.ours)
    }

    async fn expect(&self, run: RunId, wanted: RunState) -> Result<(), Violation> {
        let listing = doing("listing runs", self.archive.list_runs(&self.cluster).await)?;
        let found = format!("{listing:?}");
        let fits = listing.runs.get(&run) == Some(&wanted) && listing.strangers.is_empty();
        holds(fits, "the list shows a run as it stands, at once", found)
    }

    fn run(&self, name: &str) -> RunId {
        RunId::derive(&self.cluster, &[name])
    }

    fn claim(&self, run: &str, claimant: &str) -> Claim {
        Claim::new(self.cluster.clone(), self.run(run), claimant, "1970-01-01T00:00:00Z")
    }

    fn bytes(&self, content: &str) -> Bytes {
        format!("{} {content}", self.cluster).into()
    }
}

fn outcome() -> Outcome {
    Outcome {
        finished_at: "1970-01-01T00:00:01Z".into(),
        rating: "RATING_UNSPECIFIED".into(),
        complete: true,
        overall: None,
    }
}

fn doing<T>(doing: &'static str, outcome: Result<T, ArchiveError>) -> Result<T, Violation> {
    outcome.map_err(|source| Violation::Failed { doing, source: Box::new(source) })
}

fn holds(holds: bool, claim: &'static str, found: String) -> Result<(), Violation> {
    if holds { Ok(()) } else { broken(claim, found) }
}

fn broken<T>(claim: &'static str, found: String) -> Result<T, Violation> {
    Err(Violation::Broken { claim, found })
}
