//! What observations are found by, without reading them: a row of twelve bytes each, and every text once.
//!
//! Most observations share their subject with others, and their reason too: what is searched is small.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use hexproof_core::measure::MeasureId;
use hexproof_core::observation::Observation;
use hexproof_core::port::evidence::ObservationFilter;
use hexproof_core::scale::Outcome;

/// Words that are looked for in one go.
const AT_ONCE: usize = 64;

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) measure: u16,
    pub(super) outcome: u8,
    pub(super) waived: bool,
    pub(super) subject: u32,
    pub(super) reason: u32,
}

/// Observations that were compressed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The place of its first observation.
    pub(super) first: u32,
    /// Where it begins among all blocks.
    pub(super) offset: u64,
    /// Compressed bytes.
    pub(super) length: u32,
    /// Bytes unpacked.
    pub(super) plain: u32,
    /// SHA-256 of the compressed bytes.
    pub(super) digest: [u8; 32],
}

impl Block {
    pub(super) fn range(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.length)
    }
}

/// Many texts in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) all: String,
    /// Where each ends.
    pub(super) ends: Vec<u32>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.all.get(start as usize..*end as usize).unwrap_or_default())
    }

    pub(super) fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }

    fn bytes(&self) -> usize {
        self.all.len() + self.ends.len() * 4
    }

    /// Of each text: which of the words it contains, a bit each.
    fn containing(&self, words: &[String]) -> Vec<u64> {
        self.iter().map(|text| bits(text, words)).collect()
    }
}

fn bits(text: &str, words: &[String]) -> u64 {
    words
        .iter()
        .enumerate()
        .fold(0, |bits, (at, word)| bits | (u64::from(text.contains(word.as_str())) << at))
}

/// The table of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) measures: Vec<MeasureId>,
    pub(super) namespaces: Arc<Vec<String>>,
    /// What words are looked for in, of each subject.
    pub(super) subjects: Texts,
    /// The namespace of each subject.
    pub(super) placed: Vec<u32>,
    pub(super) reasons: Texts,
    pub(super) rows: Vec<Row>,
    pub(super) blocks: Vec<Block>,
}

/// What fits a filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// The places of the page.
    pub(super) places: Vec<u32>,
    pub(super) fitting: u32,
    pub(super) outcomes: BTreeMap<Outcome, u32>,
}

impl Table {
    /// The rows of observations; the blocks are still to be told.
    pub(super) fn of(observations: &[Observation]) -> Self {
        let mut measures: BTreeMap<&MeasureId, u16> = BTreeMap::new();
        let mut ordered = Vec::new();
        let namespaces: BTreeSet<&str> =
            observations.iter().map(|observation| observation.subject.namespace.as_str()).collect();
        let namespaces: Vec<String> = namespaces.into_iter().map(str::to_owned).collect();
        let (mut subjects, mut reasons) = (Texts::default(), Texts::default());
        let (mut known_subjects, mut known_reasons) = (BTreeMap::new(), BTreeMap::new());
        let mut placed = Vec::new();
        let mut rows = Vec::with_capacity(observations.len());
        for observation in observations {
            let measure = *measures.entry(&observation.measure_id).or_insert_with(|| {
                ordered.push(observation.measure_id.clone());
                u16::try_from(ordered.len() - 1).unwrap_or(u16::MAX)
            });
            let [subject, _, reason] = ObservationFilter::texts(observation);
            let namespace = &observation.subject.namespace;
            // Two namespaces may differ by nothing but what is lost in lower case.
            let subject =
                *known_subjects.entry((subject, namespace)).or_insert_with_key(|(text, namespace)| {
                    subjects.push(text);
                    placed.push(number(namespaces.binary_search(namespace).unwrap_or_default()));
                    number(subjects.len() - 1)
                });
            let reason = *known_reasons.entry(reason).or_insert_with_key(|text| {
                reasons.push(text);
                number(reasons.len() - 1)
            });
            rows.push(Row {
                measure,
                outcome: outcome_number(observation.outcome),
                waived: !observation.waived_by.is_empty(),
                subject,
                reason,
            });
        }
        Self {
            measures: ordered,
            namespaces: Arc::new(namespaces),
            subjects,
            placed,
            reasons,
            rows,
            blocks: Vec::new(),
        }
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let names: usize = self.namespaces.iter().map(|name| name.len() + 24).sum();
        self.rows.len() * size_of::<Row>()
            + self.blocks.len() * size_of::<Block>()
            + self.subjects.bytes()
            + self.placed.len() * 4
            + self.reasons.bytes()
            + names
            + self.measures.len() * 64
    }

    /// What fits a filter, and the places of a page of it. `measures` are those that the filter admits.
    pub(super) fn select(
        &self,
        filter: &ObservationFilter,
        measures: Option<&BTreeSet<MeasureId>>,
        skip: u32,
        limit: usize,
    ) -> Selected {
        let admitted: Vec<bool> = self
            .measures
            .iter()
            .map(|measure| measures.is_none_or(|measures| measures.contains(measure)))
            .collect();
        let namespace = match &filter.namespace {
            None => None,
            Some(name) => match self.namespaces.binary_search(name) {
                Ok(at) => Some(number(at)),
                Err(_) => return Selected::default(),
            },
        };
        let words = Words::of(self, &filter.needles());
        let mut selected = Selected::default();
        for (row, place) in self.rows.iter().zip(0_u32..) {
            let outcome = outcome_of(row.outcome);
            if !admitted[usize::from(row.measure)]
                || !filter.admits(outcome, row.waived)
                || namespace.is_some_and(|wanted| self.placed[row.subject as usize] != wanted)
                || !words.fit(row)
            {
                continue;
            }
            if selected.fitting >= skip && selected.places.len() < limit {
                selected.places.push(place);
            }
            selected.fitting += 1;
            *selected.outcomes.entry(outcome).or_insert(0) += 1;
        }
        selected
    }

    /// The block that has an observation, by its number.
    pub(super) fn block_of(&self, place: u32) -> Option<usize> {
        let within = (place as usize) < self.rows.len();
        within.then(|| self.blocks.partition_point(|block| block.first <= place).checked_sub(1))?
    }

    /// Bytes of all blocks together.
    pub(super) fn blocks_length(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.range().end)
    }
}

/// Which of the words each text of a table contains.
struct Words(Vec<Round>);

struct Round {
    all: u64,
    measures: Vec<u64>,
    subjects: Vec<u64>,
    reasons: Vec<u64>,
}

impl Words {
    fn of(table: &Table, words: &[String]) -> Self {
        let round = |words: &[String]| Round {
            all: u64::MAX >> (AT_ONCE - words.len()),
            measures: table.measures.iter().map(|measure| bits(measure.as_str(), words)).collect(),
            subjects: table.subjects.containing(words),
            reasons: table.reasons.containing(words),
        };
        Self(words.chunks(AT_ONCE).map(round).collect())
    }

    fn fit(&self, row: &Row) -> bool {
        self.0.iter().all(|round| {
            let found = round.measures[usize::from(row.measure)]
                | round.subjects[row.subject as usize]
                | round.reasons[row.reason as usize];
            found == round.all
        })
    }
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn outcome_number(outcome: Outcome) -> u8 {
    let at = Outcome::ALL.iter().position(|known| *known == outcome);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn outcome_of(number: u8) -> Outcome {
    Outcome::ALL.get(usize::from(number)).copied().unwrap_or(Outcome::Unknown)
}
