//! The view model: everything a pack prints, in words and rounded numbers, one module a page.
//!
//! `build` makes it from an assessment; the templates of `reports/` only set it in type. `text`, `words` and
//! `round` are the tools, `context` holds what several pages look up.

mod annex;
mod build;
mod cell;
mod changes;
mod context;
mod cover;
mod finding;
mod frameworks;
mod layer;
mod passed;
mod population;
mod reconcile;
mod round;
mod signoff;
mod subjects;
mod summary;
mod text;
mod verdict;
mod waivers;
mod words;

pub use annex::{MatrixAnnex, MatrixGroup, MatrixRow, ObservationGroup, ObservationRow, ObservationsAnnex};
pub use build::build;
pub use cell::CellView;
pub use changes::{CauseRow, ChangeGroup, ChangePart, ChangeRow, ChangesChapter, GateTurn, RestRow};
pub use context::{Input, Limits, Previous, Seal, SnapshotPlace};
pub use cover::{Cover, Plate};
pub use finding::{Finding, OuterMeasure, PatchLine, SideFact};
pub use frameworks::{Framework, FrameworkMeasure, Frameworks, Requirement};
pub use layer::{BarView, LayerChapter, MeasureGroup, MeasureRow};
pub use passed::{Passed, PassedLayer, PassedRow};
pub use population::{PopulationChapter, SourceRow};
pub use reconcile::{Counts, KindGroup, NamespaceRow, NotRead, ReasonRow, Reconciliation};
pub use signoff::{Auditor, Check, Signoff};
pub use subjects::{Found, FoundGroup, GroupedSubject, ReadingView, SubjectRow};
pub use summary::{GateList, GateRow, GoalRow, Matrix, MatrixLine, More, Step, Steps, Summary};
pub use text::{Span, Text};
pub use waivers::{WaiverEntry, WaiversChapter};

/// Declares structs of the view: public, documented, kebab-case in JSON, no unknown fields.
macro_rules! view {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),* }
    )*};
}
use view;

view! {
    /// A whole pack.
    struct Report {
        /// What the file says about itself.
        document: Document,
        /// The head of every page.
        header: Header,
        /// The foot of every page.
        footer: Footer,
        /// Names on the thumb index, outermost layer first.
        thumbs: Vec<String>,
        /// Page 1.
        cover: Cover,
        /// The one-page summary.
        summary: Summary,
        /// The method page; its prose stands in the template.
        method: Method,
        /// Scope and population.
        population: PopulationChapter,
        /// The layers, outermost first.
        layers: Vec<LayerChapter>,
        /// What passed.
        passed: Passed,
        /// The index by framework.
        frameworks: Frameworks,
        /// Waivers.
        waivers: WaiversChapter,
        /// Changes since the pack before.
        changes: ChangesChapter,
        /// The sign-off page.
        signoff: Signoff,
        /// The matrix with two decimals.
        annex_matrix: MatrixAnnex,
        /// The observations.
        annex_observations: ObservationsAnnex,
    }

    /// Metadata of the file.
    struct Document {
        /// Title, shown by readers in place of the file name.
        title: String,
        /// Program and version.
        author: String,
        /// Search words.
        keywords: Vec<String>,
        /// What the document identifier is derived from.
        ident: String,
        /// Creation time, and modification time of the attachments.
        created: jiff::Timestamp,
    }

    /// The head of a page.
    struct Header {
        /// Name of the cluster.
        cluster: String,
        /// Pack number, or the short digest of the snapshot.
        label: String,
        /// Point in time of the state.
        state_of: String,
    }

    /// The foot of a page: short digests, in full on cover and sign-off.
    struct Footer {
        /// Of the snapshot.
        snapshot: String,
        /// Of the catalogue.
        catalogue: String,
    }

    /// Number and name of a chapter, at the top right.
    struct Chapter {
        /// Number, or letter of an annex.
        number: String,
        /// Name.
        name: String,
    }

    /// The method page.
    struct Method {
        /// Its chapter.
        chapter: Chapter,
        /// Title sentence.
        title: String,
        /// The sentences below it.
        second: Vec<Text>,
    }

    /// A key and its value.
    struct Fact {
        /// The key.
        key: String,
        /// The value.
        value: Text,
    }
}

impl Chapter {
    fn new(number: impl Into<String>, name: impl Into<String>) -> Self {
        Self { number: number.into(), name: name.into() }
    }
}

impl Fact {
    fn new(key: impl Into<String>, value: impl Into<Text>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}
