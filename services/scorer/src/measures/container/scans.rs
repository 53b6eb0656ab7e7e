//! Measures on scan results of running images.
//!
//! `running` gathers the images that run, `results` what scanners say of them.

mod results;
mod running;

use hexproof_core::observation::Subject;
use hexproof_core::record::Kind;

use crate::measures::{Entry, cluster};
use crate::verdict::{Case, Report, reading_of};
use results::{Results, Scan};
use running::Image;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "container-image-vulnerabilities", kinds: &[Kind::Pod], judge: vulnerabilities }];

/// Names given in a note before it says how many more there are.
const NAMES_SHOWN: usize = 5;

fn vulnerabilities(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    if facts.is_manifests() {
        let mut case = Case::on(cluster(facts), None);
        case.not_applicable("manifests do not say which images run");
        report.push(case);
        return;
    }
    let results = Results::gather(facts);
    for image in running::images(facts) {
        let subject = Subject { kind: "Image".into(), name: image.name.clone(), ..Subject::default() };
        let mut case = Case::on(subject, None);
        match image.platform_owned {
            Some(reason) => {
                case.not_applicable(reason);
            }
            None => judge(&mut case, &image, &results),
        }
        report.push(case);
    }
}

fn judge(case: &mut Case, image: &Image<'_>, results: &Results<'_>) {
    for place in &image.places {
        case.uses(place.pod);
    }
    if let Some(first) = image.places.first() {
        case.read(first.reading());
    }
    let names: Vec<&str> = image.workloads.iter().map(String::as_str).take(NAMES_SHOWN).collect();
    let more = image.workloads.len().saturating_sub(names.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    case.note(format!("runs in {}{rest}", names.join(", ")));
    if image.digest.is_none() {
        case.unknown("the cluster does not say which image runs: imageID is absent or no digest");
        return;
    }
    let scans = results.of(image);
    let fresh = results.newest(&scans);
    for scan in &fresh {
        judge_scan(case, scan, results.max_fixable_high);
    }
    if fresh.is_empty() {
        for scan in &scans {
            case.uses(scan.item).read(reading_of(
                scan.item,
                scan.time_path(),
                scan.at.map(|at| at.to_string()),
            ));
        }
        let reason = if scans.is_empty() {
            "no scan result of the image"
        } else {
            "every scan result of the image is too old or not dated"
        };
        case.unknown(reason);
        for gap in &results.gaps {
            case.unknown(gap.as_str());
        }
    }
}

fn judge_scan(case: &mut Case, scan: &Scan<'_>, max_high: i64) {
    case.uses(scan.item).read(reading_of(scan.item, scan.time_path(), scan.at.map(|at| at.to_string())));
    for (name, field, most) in [("critical", "criticalCount", 0), ("high", "highCount", max_high)] {
        let (path, count) = scan.fixable(field);
        let reading = reading_of(scan.item, path, count);
        match count {
            Some(count) if count > most && scan.counts_fixable() => {
                let finds = if count == 1 { "finding has a fix" } else { "findings have a fix" };
                let accepted = if most > 0 { format!("; the limit is {most}") } else { String::new() };
                case.fault(reading, format!("{count} {name} {finds}{accepted}"));
            }
            // Without the list of findings their number is the most that can have a fix.
            Some(count) if (0..=most).contains(&count) => {
                case.read(reading);
            }
            Some(_) | None => {
                case.read(reading);
                case.unknown(format!("the scan result does not say how many {name} findings have a fix"));
            }
        }
    }
}
