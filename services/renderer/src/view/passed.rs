//! What passed.

use hexproof_core::Layer;

use super::context::Context;
use super::text::Text;
use super::{Chapter, words};

super::view! {
    /// What passed.
    struct Passed {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// By layer.
        layers: Vec<PassedLayer>,
    }

    /// Passed measures of a layer.
    struct PassedLayer {
        /// Name.
        name: String,
        /// `17 of 46 measures`.
        note: String,
        /// The measures.
        rows: Vec<PassedRow>,
    }

    /// A passed measure.
    struct PassedRow {
        /// Title.
        title: String,
        /// Id.
        id: String,
        /// Significance.
        significance: String,
        /// Subjects that pass.
        subjects: String,
    }
}

pub(crate) fn passed(context: &Context<'_>) -> Passed {
    let mut total = 0;
    let mut layers = Vec::new();
    for layer in Layer::ALL.iter().copied() {
        let judged = context.by_significance(layer, |count| count.judged() > 0).len();
        let found =
            context.by_significance(layer, |count| count.pass > 0 && count.fail == 0 && count.unknown == 0);
        total += found.len();
        if found.is_empty() {
            continue;
        }
        layers.push(PassedLayer {
            name: words::layer(layer).to_owned(),
            note: format!("{} of {} that apply", found.len(), words::count(judged, "measure", "measures")),
            rows: found
                .iter()
                .map(|measure| PassedRow {
                    title: measure.title.clone(),
                    id: measure.id.to_string(),
                    significance: measure.significance.to_string(),
                    subjects: words::thousands(context.count(measure).pass),
                })
                .collect(),
        });
    }
    let title = match total {
        0 => "No measure passed on every subject".to_owned(),
        1 => "One measure passed on every subject".to_owned(),
        n => format!("{} measures passed on every subject", words::capital(&words::number(n))),
    };
    Passed {
        chapter: Chapter::new("9", "What passed"),
        title,
        second: vec![
            Text::from("Each was read and held everywhere it applies; the verdicts are in annex B, page ")
                .page("annex-observations")
                .plain("."),
        ],
        layers,
    }
}
