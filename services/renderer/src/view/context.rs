//! What a pack is built from, and what several of its pages look up.

use std::collections::BTreeMap;

use hexproof_core::assessment::{Assessment, MeasureCount};
use hexproof_core::diff::Diff;
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::observation::Observation;
use hexproof_core::{Digest, Layer, Outcome};

/// Everything a pack is built from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The assessment.
    pub assessment: &'a Assessment,
    /// The catalogue it was made with: titles, conditions, reasons, references.
    pub catalogue: &'a Catalogue,
    /// Number of the pack, for example `0017`, where the store numbers packs.
    pub pack: Option<&'a str>,
    /// Program and version, for example `Hexproof 0.1.0`.
    pub program: &'a str,
    /// Name of the file to be written, as it stands in the commands of the sign-off page.
    pub file_name: &'a str,
    /// Name of the file with the certificate of the signer's authority.
    pub trust_file: &'a str,
    /// The seal that will be set. A page cannot state a digest of its own file.
    pub seal: &'a Seal,
    /// Where the snapshot is kept.
    pub snapshot: &'a SnapshotPlace,
    /// The comparison with the pack before.
    pub previous: Previous<'a>,
    /// How much of long tables is printed.
    pub limits: Limits,
}

/// What is known of the pack before.
#[derive(Debug, Clone, Copy)]
pub enum Previous<'a> {
    /// There is none.
    First,
    /// There is one that cannot be read or compared.
    Unreadable,
    /// What differs from it.
    Compared(&'a Diff),
}

/// Facts of the seal, known before it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Level, for example `PAdES B-B`.
    pub level: String,
    /// Name in the signing certificate.
    pub signer: String,
    /// Name of its issuer.
    pub issuer: String,
    /// Algorithm, for example `ECDSA P-256 with SHA-256`.
    pub algorithm: String,
    /// SHA-256 of the signing certificate (DER).
    pub certificate: Digest,
    /// How the store protects the pack, for example `not protected by the store (W0)`.
    pub retention: String,
}

/// Where the snapshot is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotPlace {
    /// In this file, under this name.
    Attached(String),
    /// In the store, under this key.
    Store(String),
    /// Nowhere: the assessment was made without a store.
    NotKept,
}

/// How much of long tables is printed; all of it is always in the attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Subjects of a finding with a row of their own; more are listed by namespace.
    pub finding_rows: usize,
    /// Names listed in one finding.
    pub finding_names: usize,
    /// Fields read that are printed for one subject.
    pub readings: usize,
    /// Namespace rows of the reconciliation.
    pub population_rows: usize,
    /// Reasons of the reconciliation, and kinds and files that were not read.
    pub reasons: usize,
    /// Rows of annex B.
    pub observations: usize,
    /// Waivers.
    pub waivers: usize,
    /// Changes since the pack before.
    pub changes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            finding_rows: 40,
            finding_names: 200,
            readings: 6,
            population_rows: 400,
            reasons: 60,
            observations: 400,
            waivers: 100,
            changes: 300,
        }
    }
}

/// Indexes over the input.
pub(crate) struct Context<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) a: &'a Assessment,
    counts: BTreeMap<&'a str, &'a MeasureCount>,
    gates: BTreeMap<&'a str, u32>,
    observations: BTreeMap<&'a str, Vec<&'a Observation>>,
    numbers: BTreeMap<&'a str, String>,
    none: MeasureCount,
}

impl<'a> Context<'a> {
    pub(crate) fn new(input: Input<'a>) -> Option<Self> {
        let a = input.assessment;
        let mut observations: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
        for observation in &a.observations {
            observations.entry(observation.measure_id.as_str()).or_default().push(observation);
        }
        let first = input.catalogue.measures.first()?;
        let mut context = Self {
            input,
            a,
            counts: a.measures.iter().map(|count| (count.measure_id.as_str(), count)).collect(),
            gates: a.gates.iter().map(|gate| (gate.measure_id.as_str(), gate.number)).collect(),
            observations,
            numbers: BTreeMap::new(),
            none: MeasureCount {
                measure_id: first.id.clone(),
                pass: 0,
                fail: 0,
                unknown: 0,
                not_applicable: 0,
                waived: 0,
                intercepted: 0,
                gain: 0.0,
                reason: String::new(),
                rule: None,
            },
        };
        for (i, layer) in Layer::ALL.iter().enumerate() {
            for (j, measure) in context.failing(*layer).into_iter().enumerate() {
                context.numbers.insert(measure.id.as_str(), format!("{}.{}", FIRST_LAYER_CHAPTER + i, j + 1));
            }
        }
        Some(context)
    }

    /// Outcomes of a measure; all zero if the assessment does not mention it.
    pub(crate) fn count(&self, measure: &Measure) -> &MeasureCount {
        self.counts.get(measure.id.as_str()).copied().unwrap_or(&self.none)
    }

    /// Number of the gate a measure closes.
    pub(crate) fn gate(&self, id: &str) -> Option<String> {
        self.gates.get(id).map(u32::to_string)
    }

    /// Number of the finding on a measure, for example `7.3`.
    pub(crate) fn finding_number(&self, id: &str) -> Option<&str> {
        self.numbers.get(id).map(String::as_str)
    }

    /// Observations of a measure, in canonical order.
    pub(crate) fn observations(&self, id: &str) -> &[&'a Observation] {
        self.observations.get(id).map_or(&[], Vec::as_slice)
    }

    /// Measures of a layer, in catalogue order.
    pub(crate) fn measures(&self, layer: Layer) -> impl Iterator<Item = &'a Measure> {
        self.input.catalogue.measures.iter().filter(move |measure| measure.layer == layer)
    }

    /// Measures of a layer that fail on some subject, most significant first.
    pub(crate) fn failing(&self, layer: Layer) -> Vec<&'a Measure> {
        self.by_significance(layer, |count| count.fail > 0)
    }

    /// Measures of a layer whose counts are as asked, most significant first.
    pub(crate) fn by_significance(
        &self,
        layer: Layer,
        asked: impl Fn(&MeasureCount) -> bool,
    ) -> Vec<&'a Measure> {
        let mut found: Vec<_> = self.measures(layer).filter(|measure| asked(self.count(measure))).collect();
        found.sort_by_key(|measure| std::cmp::Reverse(measure.significance));
        found
    }

    /// Where a measure is told of: its finding, else its layer.
    pub(crate) fn target(&self, measure: &Measure) -> String {
        if self.count(measure).fail > 0 {
            finding_label(measure.id.as_str())
        } else {
            layer_label(measure.layer)
        }
    }

    /// Layers of which the catalogue has no measure.
    pub(crate) fn empty_layers(&self) -> Vec<Layer> {
        Layer::ALL.iter().copied().filter(|layer| self.measures(*layer).next().is_none()).collect()
    }

    /// Observations of a measure with that outcome.
    pub(crate) fn with_outcome(&self, id: &str, outcome: Outcome) -> impl Iterator<Item = &'a Observation> {
        self.observations(id).iter().copied().filter(move |observation| observation.outcome == outcome)
    }
}

/// Chapter of the outermost layer.
pub(crate) const FIRST_LAYER_CHAPTER: usize = 4;

/// Label of a finding.
pub(crate) fn finding_label(id: &str) -> String {
    format!("finding-{id}")
}

/// Label of a layer chapter.
pub(crate) fn layer_label(layer: Layer) -> String {
    format!("layer-{layer}")
}
