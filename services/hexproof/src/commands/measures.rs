//! `hexproof measures`: the catalogue for people and programs, and a check of measure files.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::bail;
use hexproof_collectors::raw::{Origin, RawObject};
use hexproof_collectors::redact::Redactor;
use hexproof_core::measure::Measure;
use hexproof_core::record::{DecodeError, Record};
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Redaction;
use hexproof_scorer::examples;
use serde_json::Value;

use super::print;
use crate::cli::{Format, MeasuresCommand};
use crate::exit::Exit;
use crate::{configuration, terminal};

pub(super) fn run(command: &MeasuresCommand) -> anyhow::Result<Exit> {
    match command {
        MeasuresCommand::List { format } => list(*format),
        MeasuresCommand::Show { id, format } => show(id, *format),
        MeasuresCommand::Check { folder } => check(folder),
    }
}

fn list(format: Format) -> anyhow::Result<Exit> {
    let catalogue = configuration::catalogue(None)?;
    let text = match format {
        Format::Json => serde_json::to_string(&catalogue.measures)? + "\n",
        Format::Text => {
            let mut text = String::new();
            let mut layer = None;
            for measure in &catalogue.measures {
                if layer != Some(measure.layer) {
                    let gap = if layer.is_some() { "\n" } else { "" };
                    writeln!(text, "{gap}{}", measure.layer)?;
                    layer = Some(measure.layer);
                }
                writeln!(text, "  {:<9} {:<42} {}", measure.significance, measure.id, measure.title)?;
            }
            writeln!(text, "\n{} measures, catalogue {}", catalogue.measures.len(), catalogue.digest)?;
            text
        }
    };
    print(&text)?;
    Ok(Exit::Done)
}

fn show(id: &str, format: Format) -> anyhow::Result<Exit> {
    let catalogue = configuration::catalogue(None)?;
    let Some(measure) = catalogue.get(id) else {
        let near: Vec<&str> = catalogue
            .measures
            .iter()
            .map(|m| m.id.as_str())
            .filter(|known| known.contains(id))
            .take(5)
            .collect();
        let hint =
            if near.is_empty() { "`hexproof measures list` shows all".into() } else { near.join(", ") };
        bail!("there is no measure `{}`: {hint}", terminal::printable(id));
    };
    let text = match format {
        Format::Json => serde_json::to_string(measure)? + "\n",
        Format::Text => describe(measure)?,
    };
    print(&text)?;
    Ok(Exit::Done)
}

fn describe(measure: &Measure) -> anyhow::Result<String> {
    let mut text = String::new();
    let goals: Vec<String> = measure.goals.iter().map(|(goal, weight)| format!("{goal} {weight}")).collect();
    let platforms: Vec<&str> = measure.platforms.iter().map(|platform| platform.word()).collect();
    writeln!(text, "{}\n{}\n", measure.title, measure.id)?;
    writeln!(text, "Layer         {}", measure.layer)?;
    writeln!(text, "Significance  {}", measure.significance)?;
    writeln!(text, "Goals         {}", goals.join(", "))?;
    writeln!(text, "Platforms     {}", platforms.join(", "))?;
    writeln!(text, "Subject       {}", measure.subject)?;
    writeln!(text, "Read from     {}", measure.evidence.join(", "))?;
    for (heading, body) in [
        ("What must hold", &measure.condition),
        ("Why it matters", &measure.why),
        ("How to mend", &measure.mend.text),
    ] {
        writeln!(text, "\n{heading}")?;
        for line in terminal::wrap(body, 76) {
            writeln!(text, "  {line}")?;
        }
    }
    if !measure.mend.patch.is_empty() {
        writeln!(text)?;
        for line in measure.mend.patch.lines() {
            writeln!(text, "  {line}")?;
        }
    }
    if !measure.mitigated_by.is_empty() {
        let outer: Vec<&str> = measure.mitigated_by.iter().map(|id| id.as_str()).collect();
        writeln!(text, "\nIntercepted by\n  {}", outer.join("\n  "))?;
    }
    writeln!(text, "\nRelated to")?;
    for (framework, ids) in &measure.references {
        writeln!(text, "  {framework:<15} {}", ids.join(", "))?;
    }
    Ok(text)
}

fn check(folder: &Path) -> anyhow::Result<Exit> {
    let measures = configuration::measures(folder)?;
    let failures: Vec<String> =
        measures.iter().flat_map(|m| examples::failures(m, &project_example)).collect();
    for failure in &failures {
        eprintln!("{}", terminal::printable(failure));
    }
    let examples: usize = measures.iter().map(|measure| measure.examples.len()).sum();
    print(&format!("{} measures, {examples} examples, {} wrong\n", measures.len(), failures.len()))?;
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Projects an object as a collector does. What an example states under `derived` stands for values that it does not
/// give, such as a certificate.
fn project_example(raw: &Value, settings: &Settings) -> Result<Record, DecodeError> {
    let origin = Origin::Listed { list: "example".into(), index: 0 };
    // A Secret that was asked for without its contents.
    let partial = raw.get("keysNotRead").is_some();
    let object = RawObject { value: raw.clone(), origin, partial };
    let mut record =
        Redactor::new(settings.credentials.allow.clone()).project(object, &mut Redaction::default())?;
    if raw.get("derived").is_some() {
        record.derived = Record::decode(raw)?.derived;
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_catalogue_gives_its_outcome_through_the_collector() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../measures");
        let measures = configuration::measures(&folder).unwrap();
        let failures: Vec<String> =
            measures.iter().flat_map(|m| examples::failures(m, &project_example)).collect();
        assert!(failures.is_empty(), "{} examples fail:\n{}", failures.len(), failures.join("\n"));
    }
}
