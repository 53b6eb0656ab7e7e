//! One typed function a measure, grouped by subject; the catalogue says what each must hold.

mod api_resources;
mod container;

use hexproof_core::Outcome;
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::observation::Subject;
use hexproof_core::record::Kind;

use crate::facts::Facts;
use crate::verdict::{Case, Report, Verdict};

/// Decides one measure on all its subjects.
pub type Judge = for<'m, 'f> fn(&mut Report<'m, 'f>);

/// A measure's function, and the kinds its subjects are of.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The measure.
    pub id: &'static str,
    /// Kinds of its subjects: one that could not be listed makes the measure unknown for the cluster.
    pub kinds: &'static [Kind],
    /// The function.
    pub judge: Judge,
}

/// The kinds that hold pod specs.
pub(crate) const WORKLOADS: &[Kind] = &[
    Kind::Pod,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::Job,
    Kind::CronJob,
    Kind::PodTemplate,
];

/// Every function, in no particular order.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    container::ENTRIES.iter().chain(api_resources::ENTRIES).copied().flatten()
}

/// Judges every measure of the catalogue, in its order.
pub fn judge(facts: &Facts<'_>, catalogue: &Catalogue) -> Vec<Vec<Verdict>> {
    catalogue.measures.iter().map(|measure| judge_one(facts, measure)).collect()
}

/// Judges one measure.
pub fn judge_one(facts: &Facts<'_>, measure: &Measure) -> Vec<Verdict> {
    let mut report = Report::new(measure, facts);
    let platform = facts.platform();
    if !measure.platforms.contains(&platform) {
        let mut case = Case::on(cluster(facts), None);
        case.not_applicable(format!("the measure does not apply on {platform}"));
        report.push(case);
        return report.finish();
    }
    match entries().find(|entry| entry.id == measure.id.as_str()) {
        None => {
            let mut case = Case::on(cluster(facts), None);
            case.unknown("this program has no function for the measure");
            report.push(case);
        }
        Some(entry) => {
            (entry.judge)(&mut report);
            let mut gaps: Vec<String> =
                entry.kinds.iter().filter_map(|kind| facts.not_listed(*kind)).collect();
            // What a file would have held nobody knows: it may be a subject of any measure.
            gaps.extend(unreadable_files(facts));
            if !gaps.is_empty() {
                let mut case = Case::on(cluster(facts), None);
                for gap in gaps {
                    case.unknown(gap);
                }
                report.push(case);
            }
        }
    }
    let mut verdicts = report.finish();
    verdicts.sort_by(|a, b| order(a).cmp(&order(b)));
    verdicts
}

fn unreadable_files(facts: &Facts<'_>) -> Option<String> {
    match facts.snapshot().population.unreadable_files.as_slice() {
        [] => None,
        [file] => Some(format!("{} could not be read", file.file)),
        files => Some(format!("{} files or documents could not be read", files.len())),
    }
}

fn order(verdict: &Verdict) -> (u8, &Subject) {
    let rank = match verdict.observation.outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 1,
        Outcome::Pass => 2,
        Outcome::NotApplicable => 3,
    };
    (rank, &verdict.observation.subject)
}

/// The cluster as a subject.
pub(crate) fn cluster(facts: &Facts<'_>) -> Subject {
    let cluster = &facts.snapshot().header.cluster;
    Subject {
        kind: "Cluster".into(),
        name: cluster.name.clone(),
        uid: cluster.id.clone(),
        ..Subject::default()
    }
}
