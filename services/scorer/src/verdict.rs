//! What a measure says of a subject.
//!
//! A [`Case`] gathers faults, gaps and readings for one subject and decides in the order of the catalogue: not
//! applicable; a fault that was seen fails; evidence that is missing makes it unknown; else pass.

use std::collections::BTreeSet;

use hexproof_core::measure::Measure;
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::record::Kind;
use hexproof_core::settings::Recorded;
use hexproof_core::{Outcome, Significance};
use serde_json::Value;

use crate::facts::{ContainerAt, Facts, Item, Part, Workload};
use crate::readings::{Readings, Sentences};

/// The value found in a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Found(Option<Value>);

impl<T: Into<Value>> From<Option<T>> for Found {
    fn from(value: Option<T>) -> Self {
        Self(value.map(Into::into))
    }
}

macro_rules! found {
    ($($ty:ty),*) => { $(impl From<$ty> for Found { fn from(value: $ty) -> Self { Self(Some(value.into())) } })* };
}
found!(bool, i64, usize, &str, String, Value, Vec<String>);

impl From<&[String]> for Found {
    /// A list; an empty one is absent.
    fn from(list: &[String]) -> Self {
        Self((!list.is_empty()).then(|| Value::from(list.to_vec())))
    }
}

impl Found {
    /// The field was not there.
    pub const ABSENT: Self = Self(None);
}

/// A reading of a field of the subject itself.
pub fn reading(path: impl Into<String>, found: impl Into<Found>) -> Reading {
    let Found(value) = found.into();
    Reading { path: path.into(), absent: value.is_none(), value, ..Reading::default() }
}

/// A reading of a field of another object.
pub fn reading_of(item: Item<'_>, path: impl Into<String>, found: impl Into<Found>) -> Reading {
    Reading { object: item.label(), ..reading(path, found) }
}

/// A fault that was seen.
#[derive(Debug, Clone)]
pub struct Fault {
    reason: String,
    significance: Option<Significance>,
    not_by: Vec<&'static str>,
    never_intercepted: bool,
}

impl Fault {
    /// Gives the finding its own significance; the worst fault of a subject decides.
    pub fn counts_as(&mut self, significance: Significance) -> &mut Self {
        self.significance = Some(significance);
        self
    }

    /// Names a mitigating measure that does not intercept this fault.
    pub fn not_intercepted_by(&mut self, measure: &'static str) -> &mut Self {
        self.not_by.push(measure);
        self
    }

    /// No outer measure intercepts this fault.
    pub fn never_intercepted(&mut self) -> &mut Self {
        self.never_intercepted = true;
        self
    }
}

/// The evidence on one subject, before it is decided.
#[derive(Debug)]
pub struct Case {
    subject: Subject,
    evidence: Option<u32>,
    touched: BTreeSet<u32>,
    readings: Readings,
    faults: Vec<Fault>,
    gaps: Sentences,
    notes: Sentences,
    not_applicable: Option<String>,
    passes_because: Option<String>,
    running_violation: bool,
    nodes: BTreeSet<String>,
}

impl Case {
    /// A case on one object.
    pub fn of(item: Item<'_>) -> Self {
        Self::on(item.subject(), Some(item.index))
    }

    /// A case on something that is no object (a user, a namespace that is only named, the cluster).
    pub fn on(subject: Subject, evidence: Option<u32>) -> Self {
        Self {
            subject,
            evidence,
            touched: evidence.into_iter().collect(),
            readings: Readings::default(),
            faults: Vec::new(),
            gaps: Sentences::default(),
            notes: Sentences::default(),
            not_applicable: None,
            passes_because: None,
            running_violation: false,
            nodes: BTreeSet::new(),
        }
    }

    /// A case on a workload, with its running pods.
    pub fn of_workload(workload: &Workload<'_>) -> Self {
        let mut case = Self::of(workload.item);
        case.touched.extend(workload.parts.iter().map(|part| part.item.index));
        case.nodes = workload.parts.iter().filter_map(|part| part.spec.node_name.clone()).collect();
        case
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Counts an object as evaluated by this verdict.
    pub fn uses(&mut self, item: Item<'_>) -> &mut Self {
        self.touched.insert(item.index);
        self
    }

    /// Keeps a field that was read and is no fault.
    pub fn read(&mut self, reading: Reading) -> &mut Self {
        self.readings.keep(reading, 0);
        self
    }

    /// Keeps a field of a pod spec that was read and is no fault.
    pub fn read_in(&mut self, part: &Part<'_>, reading: Reading) -> &mut Self {
        self.readings.keep(reading, part.prefix.len());
        self
    }

    /// Records a fault: the field that shows it, and what is wrong, as a sentence without a final stop.
    pub fn fault(&mut self, reading: Reading, reason: impl Into<String>) -> &mut Fault {
        self.readings.keep(Reading { fault: true, ..reading }, 0);
        self.push_fault(reason.into())
    }

    /// Records a fault in a pod spec.
    pub fn fault_in(&mut self, part: &Part<'_>, reading: Reading, reason: impl Into<String>) -> &mut Fault {
        self.running_violation |= part.running;
        self.readings.keep(Reading { fault: true, ..reading }, part.prefix.len());
        self.push_fault(reason.into())
    }

    fn push_fault(&mut self, reason: String) -> &mut Fault {
        self.faults.push(Fault { reason, significance: None, not_by: Vec::new(), never_intercepted: false });
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// Says what evidence is missing.
    pub fn unknown(&mut self, reason: impl Into<String>) -> &mut Self {
        self.gaps.keep(reason.into());
        self
    }

    /// Says what is worth knowing, but no failure.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.keep(note.into());
        self
    }

    /// The measure does not concern the subject, and why.
    pub fn not_applicable(&mut self, reason: impl Into<String>) -> &mut Self {
        self.not_applicable.get_or_insert_with(|| reason.into());
        self
    }

    /// States why it passes, where the readings alone do not say it.
    pub fn passes(&mut self, reason: impl Into<String>) -> &mut Self {
        self.passes_because.get_or_insert_with(|| reason.into());
        self
    }

    /// Notes the recorded exception that lets the subject pass.
    pub fn cites(&mut self, entry: &Recorded) -> &mut Self {
        self.note(format!("recorded until {} by {}: {}", entry.until, entry.owner, entry.reason))
    }

    /// Whether a fault was recorded so far.
    pub fn has_fault(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Decides.
    fn decide(self, facts: &Facts<'_>, measure: &Measure) -> Verdict {
        let outcome = if self.not_applicable.is_some() {
            Outcome::NotApplicable
        } else if !self.faults.is_empty() {
            Outcome::Fail
        } else if !self.gaps.is_empty() {
            Outcome::Unknown
        } else {
            Outcome::Pass
        };
        let gaps = self.gaps.into_vec();
        let reason = match outcome {
            Outcome::NotApplicable => self.not_applicable.unwrap_or_default(),
            Outcome::Fail => {
                self.faults.iter().map(|fault| fault.reason.clone()).collect::<Sentences>().join()
            }
            Outcome::Unknown => gaps.join("; "),
            Outcome::Pass => self.passes_because.unwrap_or_else(|| {
                // Evidence of a pass is a field or a sentence, never nothing at all.
                if self.readings.is_empty() {
                    "it holds nothing that the measure judges".to_owned()
                } else {
                    String::new()
                }
            }),
        };
        let significance = match outcome {
            Outcome::Fail => self
                .faults
                .iter()
                .map(|fault| fault.significance.unwrap_or(measure.significance))
                .max()
                .unwrap_or(measure.significance),
            Outcome::Pass | Outcome::Unknown | Outcome::NotApplicable => measure.significance,
        };
        let mut notes = self.notes.into_vec();
        if outcome == Outcome::Fail {
            notes.extend(gaps.iter().map(|gap| format!("not seen: {gap}")));
        }
        let mut readings: Vec<Reading> = match outcome {
            Outcome::NotApplicable => Vec::new(),
            Outcome::Pass | Outcome::Fail | Outcome::Unknown => self.readings.into_vec(),
        };
        readings.sort_by_key(|reading| !reading.fault);
        let mut subject = self.subject;
        if outcome == Outcome::Fail {
            let containers: BTreeSet<&str> =
                readings.iter().filter(|r| r.fault).map(|r| r.container.as_str()).collect();
            if let (1, Some(only)) = (containers.len(), containers.first()) {
                subject.container = (*only).to_owned();
            }
        }
        Verdict {
            never_intercepted: self.faults.iter().any(|fault| fault.never_intercepted),
            not_by: self.faults.into_iter().flat_map(|fault| fault.not_by).collect(),
            running_violation: self.running_violation,
            nodes: self.nodes.into_iter().collect(),
            touched: self.touched.into_iter().collect(),
            observation: Observation {
                measure_id: measure.id.clone(),
                outcome,
                significance,
                subject,
                readings,
                reason,
                notes,
                evidence_digest: self.evidence.map(|index| facts.digest(index)),
                intercepted: false,
                intercepted_by: String::new(),
                waived_by: String::new(),
            },
        }
    }
}

/// A decided case, with what scoring needs beside the observation.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The observation, not yet waived or intercepted.
    pub observation: Observation,
    /// Some fault that nothing intercepts.
    pub never_intercepted: bool,
    /// Mitigating measures that do not intercept one of the faults.
    pub not_by: Vec<&'static str>,
    /// A running pod shows a fault, so that admission was no obstacle.
    pub running_violation: bool,
    /// The nodes that pods of the subject run on; empty where none is known.
    pub nodes: Vec<String>,
    /// Indices of the records the verdict rests on.
    pub touched: Vec<u32>,
}

/// Collects the verdicts of one measure.
pub struct Report<'m, 'f> {
    /// The measure that is judged.
    pub measure: &'m Measure,
    /// The facts it is judged on.
    pub facts: &'m Facts<'f>,
    verdicts: Vec<Verdict>,
}

impl<'m, 'f> Report<'m, 'f> {
    /// An empty report.
    pub fn new(measure: &'m Measure, facts: &'m Facts<'f>) -> Self {
        Self { measure, facts, verdicts: Vec::new() }
    }

    /// Decides a case and keeps the verdict.
    pub fn push(&mut self, case: Case) {
        self.verdicts.push(case.decide(self.facts, self.measure));
    }

    /// The verdicts so far.
    pub fn finish(self) -> Vec<Verdict> {
        self.verdicts
    }

    /// Judges every Pod and workload template. Workloads that the platform owns are not applicable.
    pub fn each_workload(&mut self, mut judge: impl FnMut(&mut Case, &Workload<'f>)) {
        let facts = self.facts;
        for workload in facts.workloads() {
            let mut case = Case::of_workload(workload);
            match facts.platform_owned(workload) {
                Some(reason) => {
                    case.not_applicable(reason);
                }
                None => judge(&mut case, workload),
            }
            self.push(case);
        }
    }

    /// Judges every pod spec of every workload: its template and its running pods.
    pub fn each_part(&mut self, judge: impl FnMut(&mut Case, &Part<'f>)) {
        self.each_part_unless(|_| None, judge);
    }

    /// Judges the pod specs of every workload that concern the measure; `leave_out` says why one does not.
    ///
    /// A workload is not applicable if none of its specs concerns the measure: a running pod that does is judged
    /// although the template does not, and the other way round.
    pub fn each_part_unless(
        &mut self,
        leave_out: impl Fn(&Part<'f>) -> Option<&'static str>,
        mut judge: impl FnMut(&mut Case, &Part<'f>),
    ) {
        self.each_workload(|case, workload| {
            let mut left_out = None;
            let mut judged = false;
            for part in &workload.parts {
                if let Some(reason) = leave_out(part) {
                    left_out.get_or_insert(reason);
                } else {
                    judge(case, part);
                    judged = true;
                }
            }
            if let (false, Some(reason)) = (judged, left_out) {
                case.not_applicable(reason);
            }
        });
    }

    /// Judges every container, init and ephemeral container. Windows pods are not applicable if `linux_only`.
    pub fn each_container(
        &mut self,
        linux_only: bool,
        mut judge: impl FnMut(&mut Case, &Part<'f>, &ContainerAt<'f>),
    ) {
        let leave_out = |part: &Part<'f>| if linux_only { part.not_linux() } else { None };
        self.each_part_unless(leave_out, |case, part| {
            if part.spec.containers.is_empty() {
                case.read_in(part, part.field("containers", Found::ABSENT));
            }
            for container in &part.containers {
                judge(case, part, container);
            }
        });
    }

    /// Judges every object of a kind.
    pub fn each(&mut self, kind: Kind, mut judge: impl FnMut(&mut Case, Item<'f>)) {
        let facts = self.facts;
        for item in facts.items(kind) {
            let mut case = Case::of(*item);
            judge(&mut case, *item);
            self.push(case);
        }
    }

    /// The recorded exception of this measure for an object, a user, a group or a host, if one is in force.
    pub fn recorded(&self, kind: &str, namespace: &str, name: &str) -> Option<&'f Recorded> {
        self.facts.recorded(self.measure.id.as_str(), kind, namespace, name)
    }
}
