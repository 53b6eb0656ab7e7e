//! The index by framework.

use std::collections::BTreeMap;

use hexproof_core::measure::Measure;

use super::context::Context;
use super::text::Text;
use super::{Chapter, words};

super::view! {
    /// The index.
    struct Frameworks {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// The frameworks.
        list: Vec<Framework>,
    }

    /// A framework.
    struct Framework {
        /// Name and edition.
        name: String,
        /// How many requirements, and how many with a failing measure.
        note: String,
        /// Its requirements.
        rows: Vec<Requirement>,
    }

    /// A requirement.
    struct Requirement {
        /// Its id in the framework.
        name: String,
        /// Measures related to it.
        measures: Vec<FrameworkMeasure>,
    }

    /// A measure in the index.
    struct FrameworkMeasure {
        /// Title.
        title: String,
        /// It fails.
        failed: bool,
        /// `3 of 61 fail`.
        result: String,
        /// Label of the page that tells of it.
        target: String,
    }
}

/// A framework the catalogue refers to.
pub(crate) struct Known {
    /// Key in the files of measures.
    pub(crate) key: &'static str,
    /// Name in a list of references.
    pub(crate) short: &'static str,
    /// Name and edition.
    pub(crate) name: &'static str,
}

/// The frameworks, in the order they are printed.
pub(crate) const FRAMEWORKS: [Known; 11] = [
    Known { key: "cis-k8s", short: "CIS Kubernetes", name: "CIS Kubernetes Benchmark v1.12" },
    Known { key: "cis-aks", short: "CIS AKS", name: "CIS Azure Kubernetes Service Benchmark v1.8" },
    Known { key: "nsa-cisa", short: "NSA/CISA", name: "NSA/CISA Kubernetes Hardening Guidance" },
    Known { key: "pss", short: "Pod Security Standards", name: "Kubernetes Pod Security Standards" },
    Known { key: "bsi", short: "BSI", name: "BSI IT-Grundschutz" },
    Known { key: "iso27001-2022", short: "ISO 27001", name: "ISO/IEC 27001:2022" },
    Known { key: "soc2", short: "SOC 2", name: "SOC 2 Trust Services Criteria" },
    Known { key: "nist-800-53", short: "NIST 800-53", name: "NIST SP 800-53" },
    Known { key: "pci-dss-4", short: "PCI DSS", name: "PCI DSS v4.0" },
    Known { key: "mitre", short: "ATT&CK", name: "MITRE ATT&CK" },
    Known { key: "mcsb", short: "mcsb", name: "Microsoft cloud security benchmark" },
];

pub(crate) fn frameworks(context: &Context<'_>) -> Frameworks {
    let list: Vec<Framework> = FRAMEWORKS.iter().filter_map(|known| framework(context, known)).collect();
    let title = match list.len() {
        0 => "The catalogue refers to no framework".to_owned(),
        1 => "Where to look for one framework".to_owned(),
        n => format!("Where to look for {} frameworks", words::number(n)),
    };
    Frameworks {
        chapter: Chapter::new("10", "Frameworks"),
        title,
        second: vec![Text::from(
            "“Related to” points the auditor to evidence. It does not say that a requirement is met, or that a framework asks for nothing else.",
        )],
        list,
    }
}

fn framework(context: &Context<'_>, known: &Known) -> Option<Framework> {
    let mut requirements: BTreeMap<Vec<Part<'_>>, (&str, Vec<&Measure>)> = BTreeMap::new();
    for measure in &context.input.catalogue.measures {
        for id in measure.references.get(known.key).into_iter().flatten() {
            requirements.entry(natural(id)).or_insert_with(|| (id.as_str(), Vec::new())).1.push(measure);
        }
    }
    if requirements.is_empty() {
        return None;
    }
    let failing = requirements
        .values()
        .filter(|(_, list)| list.iter().any(|measure| context.count(measure).fail > 0))
        .count();
    Some(Framework {
        name: known.name.to_owned(),
        note: format!(
            "{}, {failing} with a failing measure",
            words::count(requirements.len(), "requirement", "requirements")
        ),
        rows: requirements
            .into_values()
            .map(|(name, measures)| Requirement {
                name: name.to_owned(),
                measures: measures.into_iter().map(|measure| entry(context, measure)).collect(),
            })
            .collect(),
    })
}

fn entry(context: &Context<'_>, measure: &Measure) -> FrameworkMeasure {
    let count = context.count(measure);
    let judged = count.judged();
    let result = match (count.fail, count.unknown, count.pass) {
        (0, 0, 0) => "not applicable".to_owned(),
        (0, 0, _) => "passes".to_owned(),
        (0, unknown, _) => format!("{unknown} of {judged} unknown"),
        (fail, _, _) => format!("{fail} of {judged} fail"),
    };
    FrameworkMeasure {
        title: measure.title.clone(),
        failed: count.fail > 0,
        result,
        target: context.target(measure),
    }
}

/// A run of digits or of other characters: 5.2.10 comes after 5.2.9.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64, &'a str),
    Word(&'a str),
}

fn natural(id: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = id;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        parts.push(match part.parse() {
            Ok(number) if digits => Part::Number(number, part),
            _ => Part::Word(part),
        });
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_people_count() {
        let mut ids = ["5.2.10", "A.8.12", "5.2.9", "A.8.2", "AC-6", "5.10"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["5.2.9", "5.2.10", "5.10", "A.8.2", "A.8.12", "AC-6"]);
    }
}
