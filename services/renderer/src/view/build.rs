//! From an assessment to a whole report.

use hexproof_core::Layer;

use super::context::{Context, Input};
use super::text::Text;
use super::{
    Chapter, Document, Footer, Header, Method, Report, annex, changes, cover, frameworks, layer, passed,
    population, signoff, summary, waivers, words,
};

/// What a pack prints about an assessment; a pure function.
///
/// `None` if the catalogue has no measure at all: there is nothing to report on.
pub fn build(input: Input<'_>) -> Option<Report> {
    let context = Context::new(input)?;
    let a = context.a;
    let rows = summary::rows(&context);
    let state_of = words::minute(a.snapshot.collected_at);
    let name = cover::cluster_name(&context).to_owned();
    let label = cover::label(&context);
    let layers =
        Layer::ALL.iter().zip(&rows).map(|(l, cells)| layer::layer(&context, *l, cells.clone())).collect();
    Some(Report {
        document: Document {
            title: format!("{label}: {name}, state of {state_of}"),
            author: input.program.to_owned(),
            keywords: ["Kubernetes", "evidence pack", "Parkerian Hexad"].map(str::to_owned).to_vec(),
            ident: format!("hexproof:{}:{}", a.snapshot.digest, a.catalogue.digest),
            created: a.snapshot.collected_at,
        },
        header: Header { cluster: shortened(&name), label: label.replacen('E', "e", 1), state_of },
        footer: Footer {
            snapshot: format!("sha256 {} …", cover::short(&a.snapshot.digest.hex(), 4)),
            catalogue: format!("sha256 {} …", cover::short(&a.catalogue.digest.hex(), 2)),
        },
        thumbs: Layer::ALL.iter().map(|l| words::layer(*l).to_owned()).collect(),
        cover: cover::cover(&context, &rows),
        summary: summary::summary(&context, rows),
        method: Method {
            chapter: Chapter::new("2", "Method"),
            title: "One formula gives every number".into(),
            second: vec![Text::from(
                "It needs the snapshot, the catalogue and the settings, nothing else: whoever repeats it, and whenever, gets the same result.",
            )],
        },
        population: population::population(&context),
        layers,
        passed: passed::passed(&context),
        frameworks: frameworks::frameworks(&context),
        waivers: waivers::waivers(&context),
        changes: changes::changes(&context),
        signoff: signoff::signoff(&context),
        annex_matrix: annex::matrix(&context),
        annex_observations: annex::observations(&context),
    })
}

/// The running head has one line; the name stands in full on the cover and in the scope.
fn shortened(name: &str) -> String {
    const HEAD: usize = 30;
    if name.chars().count() <= HEAD {
        name.to_owned()
    } else {
        format!("{}…", name.chars().take(HEAD - 1).collect::<String>())
    }
}
