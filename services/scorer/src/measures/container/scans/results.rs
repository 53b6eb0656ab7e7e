//! What scanners in the cluster say of images.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::addons::{Artifact, SeverityCounts, VulnerabilityManifest, VulnerabilityReport};
use jiff::Timestamp;

use super::running::{Image, Place};
use crate::facts::{Facts, ImageRef, Item};

/// One scan result.
#[derive(Clone, Copy)]
pub(super) struct Scan<'f> {
    pub(super) item: Item<'f>,
    /// When the image was scanned.
    pub(super) at: Option<Timestamp>,
    summary: &'f SeverityCounts,
    fixable: Option<&'f SeverityCounts>,
}

impl Scan<'_> {
    fn is_report(&self) -> bool {
        self.item.kind() == Kind::VulnerabilityReport
    }

    /// Whether findings with a fix were counted by themselves.
    pub(super) fn counts_fixable(&self) -> bool {
        self.fixable.is_some()
    }

    /// The number of findings with a fix; without the list of findings, the number of all. A number below 0 is none.
    pub(super) fn fixable(&self, field: &'static str) -> (String, Option<i64>) {
        let below = if self.is_report() { "report." } else { "" };
        let (list, counts) = match self.fixable {
            Some(counts) => ("fixable", counts),
            None => ("summary", self.summary),
        };
        let count = if field == "criticalCount" { counts.critical_count } else { counts.high_count };
        (format!("{below}{list}.{field}"), count.filter(|count| *count >= 0))
    }

    pub(super) fn time_path(&self) -> &'static str {
        if self.is_report() { "report.updateTimestamp" } else { "scanned" }
    }

    /// Worst first.
    fn severity(&self) -> (Option<i64>, Option<i64>) {
        (self.fixable("criticalCount").1, self.fixable("highCount").1)
    }
}

/// Namespace, kind and name of a workload, and a container of it.
type ContainerKey<'f> = (&'f str, &'f str, &'f str, &'f str);

/// All scan results of a cluster.
pub(super) struct Results<'f> {
    by_digest: BTreeMap<&'f str, Vec<Scan<'f>>>,
    by_container: BTreeMap<ContainerKey<'f>, Vec<(Scan<'f>, &'f Artifact)>>,
    at: Timestamp,
    max_age_seconds: i64,
    /// Findings of severity high with a fix that are accepted.
    pub(super) max_fixable_high: i64,
    /// Why the results are not all known.
    pub(super) gaps: Vec<String>,
}

impl<'f> Results<'f> {
    pub(super) fn gather(facts: &Facts<'f>) -> Self {
        let limits = &facts.settings().vulnerabilities;
        let kinds = [Kind::VulnerabilityReport, Kind::VulnerabilityManifest];
        let mut results = Self {
            by_digest: BTreeMap::new(),
            by_container: BTreeMap::new(),
            at: facts.at(),
            max_age_seconds: limits.max_age_days.saturating_mul(86_400),
            max_fixable_high: limits.max_fixable_high,
            gaps: kinds.into_iter().filter_map(|kind| facts.not_listed(kind)).collect(),
        };
        for (item, found) in facts.all::<VulnerabilityReport>(Kind::VulnerabilityReport) {
            let report = &found.report;
            let scan = Scan {
                item,
                at: report.update_timestamp,
                summary: &report.summary,
                fixable: report.fixable.as_ref(),
            };
            if let Some(digest) = &report.artifact.digest {
                results.by_digest.entry(digest).or_default().push(scan);
            }
            if let Some(key) = container_key(item) {
                results.by_container.entry(key).or_default().push((scan, &report.artifact));
            }
        }
        for (item, found) in facts.all::<VulnerabilityManifest>(Kind::VulnerabilityManifest) {
            let scan =
                Scan { item, at: found.scanned, summary: &found.summary, fixable: found.fixable.as_ref() };
            if let Some(digest) = &found.digest {
                results.by_digest.entry(digest).or_default().push(scan);
            }
        }
        results
    }

    /// The results of an image: by its digest, or by the containers it runs in.
    pub(super) fn of(&self, image: &Image<'f>) -> Vec<Scan<'f>> {
        let mut found: BTreeMap<u32, Scan<'f>> = BTreeMap::new();
        let by_digest = image.digest.and_then(|digest| self.by_digest.get(digest));
        found.extend(by_digest.into_iter().flatten().map(|scan| (scan.item.index, *scan)));
        for place in &image.places {
            for (kind, name) in owners(place) {
                let key = (place.pod.namespace(), kind, name, place.container);
                let listed = self.by_container.get(&key).into_iter().flatten();
                let same = listed.filter(|(_, artifact)| is_of(artifact, place));
                found.extend(same.map(|(scan, _)| (scan.item.index, *scan)));
            }
        }
        found.into_values().collect()
    }

    /// The newest result of each scanner that is young enough; of results of one time the worst.
    pub(super) fn newest(&self, scans: &[Scan<'f>]) -> Vec<Scan<'f>> {
        let fresh = |scan: &&Scan<'_>| {
            scan.at.is_some_and(|at| {
                let age = self.at.as_second().saturating_sub(at.as_second());
                // Clocks differ; a time far ahead is no time.
                (-86_400..=self.max_age_seconds).contains(&age)
            })
        };
        [true, false]
            .into_iter()
            .filter_map(|report| {
                let of_scanner = scans.iter().filter(|scan| scan.is_report() == report).filter(fresh);
                of_scanner.max_by_key(|scan| (scan.at, scan.severity())).copied()
            })
            .collect()
    }
}

/// The container that a report of the Trivy operator is on, from its labels.
fn container_key(item: Item<'_>) -> Option<ContainerKey<'_>> {
    let label = |name: &str| item.record.metadata.labels.get(name).map(String::as_str);
    Some((
        item.namespace(),
        label("trivy-operator.resource.kind")?,
        label("trivy-operator.resource.name")?,
        label("trivy-operator.container.name")?,
    ))
}

/// Kind and name of a pod and of what stands above it.
fn owners<'f>(place: &Place<'f>) -> impl Iterator<Item = (&'f str, &'f str)> {
    let controller = place.pod.record.metadata.controller();
    let controller = controller.map(|owner| (owner.kind.as_str(), owner.name.as_str()));
    let objects = [place.pod, place.owner].map(|item| (item.record.kind_name.name.as_str(), item.name()));
    objects.into_iter().chain(controller)
}

/// Whether a report found by its container is on the image that runs there, and not on an earlier one.
fn is_of(artifact: &Artifact, place: &Place<'_>) -> bool {
    let Some(image) = place.image.and_then(ImageRef::parse) else { return false };
    let agrees = |said: &Option<String>, found: Option<&str>| match (said.as_deref(), found) {
        (Some(said), Some(found)) if !said.is_empty() => said == found,
        _ => true,
    };
    agrees(&artifact.repository, Some(&image.repository))
        && agrees(&artifact.tag, image.tag)
        && agrees(&artifact.digest, image.digest)
}
