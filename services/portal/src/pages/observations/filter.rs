//! What the address says about which observations are wanted, and back.

use hexproof_core::audit::AuditKey;
use hexproof_core::measure::MeasureId;
use hexproof_core::port::evidence::ObservationFilter;
use hexproof_core::text::is_unprintable;
use hexproof_core::{Goal, Layer, Outcome};
use url::form_urlencoded;

use crate::params::Params;
use crate::refusal::Refusal;
use crate::{links, words};

/// Observations of one page.
pub(crate) const EACH: u32 = 50;
/// Words that are searched for at once.
const WORDS: usize = 8;
/// In addresses: subjects without a namespace.
const WITHOUT: &str = "-";

/// The observations that are wanted: a filter, and the page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The filter.
    pub(crate) filter: ObservationFilter,
    /// From 1.
    pub(crate) page: u32,
}

/// One restriction, to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Words,
    Layer,
    Goal,
    Measure,
    Namespace,
    Outcome,
    Waived,
}

impl Part {
    pub(crate) const ALL: [Self; 7] =
        [Self::Words, Self::Layer, Self::Goal, Self::Measure, Self::Namespace, Self::Outcome, Self::Waived];
}

impl Wanted {
    /// Reads an address; a value that is none of its scale is refused in a sentence.
    pub(crate) fn read(params: &Params) -> Result<Self, Refusal> {
        let waived = match params.text("waived") {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return Err(Refusal::Invalid("`waived` is `yes` or `no`.".to_owned())),
        };
        let filter = ObservationFilter {
            layer: params.parsed::<Layer>("layer", "layer")?,
            goal: params.parsed::<Goal>("goal", "goal")?,
            measure: params.parsed::<MeasureId>("measure", "measure")?,
            namespace: params.given("namespace").map(namespace),
            outcome: params.parsed::<Outcome>("outcome", "outcome")?,
            waived,
            words: params.text("words").split_whitespace().take(WORDS).map(str::to_owned).collect(),
        };
        let page = params.parsed::<u32>("page", "page")?.unwrap_or(1).max(1);
        Ok(Self { filter, page })
    }

    /// The names and values of the address, without the page.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let filter = &self.filter;
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        vec![
            ("words", filter.words.join(" ")),
            ("layer", word(filter.layer.map(Layer::word))),
            ("goal", word(filter.goal.map(Goal::word))),
            ("measure", word(filter.measure.as_ref().map(MeasureId::as_str))),
            ("namespace", filter.namespace.as_deref().map(namespace_value).unwrap_or_default()),
            ("outcome", word(filter.outcome.map(Outcome::word))),
            ("waived", word(filter.waived.map(|waived| if waived { "yes" } else { "no" }))),
        ]
    }

    /// The address of a page of the list.
    pub(crate) fn at(&self, key: &AuditKey, page: u32) -> String {
        let page = ("page", if page > 1 { page.to_string() } else { String::new() });
        links::with(&links::observations(key), self.pairs().into_iter().chain([page]))
    }

    /// How many that fit come before the page.
    pub(crate) fn skip(&self) -> u32 {
        (self.page - 1).saturating_mul(EACH)
    }

    /// The same for one outcome, or for all.
    pub(crate) fn with_outcome(&self, outcome: Option<Outcome>) -> Self {
        Self { filter: ObservationFilter { outcome, ..self.filter.clone() }, page: 1 }
    }

    /// The same without one restriction; `None` if that does not restrict.
    pub(crate) fn without(&self, part: Part) -> Option<Self> {
        let mut loose = Self { filter: self.filter.clone(), page: 1 };
        let filter = &mut loose.filter;
        let restricts = match part {
            Part::Words => !std::mem::take(&mut filter.words).is_empty(),
            Part::Layer => filter.layer.take().is_some(),
            Part::Goal => filter.goal.take().is_some(),
            Part::Measure => filter.measure.take().is_some(),
            Part::Namespace => filter.namespace.take().is_some(),
            Part::Outcome => filter.outcome.take().is_some(),
            Part::Waived => filter.waived.take().is_some(),
        };
        restricts.then_some(loose)
    }

    /// A restriction in words, to follow "without".
    pub(crate) fn says(&self, part: Part) -> String {
        let filter = &self.filter;
        let quoted = |text: &str| format!("“{text}”");
        match part {
            Part::Words => format!("the words {}", quoted(&filter.words.join(" "))),
            Part::Layer => {
                format!("the layer {}", quoted(filter.layer.map_or("", words::layer)))
            }
            Part::Goal => format!("the goal {}", quoted(filter.goal.map_or("", words::goal))),
            Part::Measure => {
                format!("the measure {}", quoted(filter.measure.as_ref().map_or("", MeasureId::as_str)))
            }
            Part::Namespace => match filter.namespace.as_deref() {
                Some("") | None => "“no namespace”".to_owned(),
                Some(name) => format!("the namespace {}", quoted(name)),
            },
            Part::Outcome => {
                format!("the outcome {}", quoted(filter.outcome.map_or("", words::outcome)))
            }
            Part::Waived => match filter.waived {
                Some(true) => "“waived”".to_owned(),
                _ => "“not waived”".to_owned(),
            },
        }
    }

    /// Whether nothing restricts.
    pub(crate) fn is_everything(&self) -> bool {
        self.filter == ObservationFilter::default()
    }
}

fn namespace(value: &str) -> String {
    match (value, value.strip_prefix('=')) {
        (WITHOUT, _) => String::new(),
        (plain, None) => plain.to_owned(),
        (_, Some(coded)) => {
            let mut read = form_urlencoded::parse(coded.as_bytes());
            read.next().map_or_else(String::new, |(name, _)| name.into_owned())
        }
    }
}

/// The value of a namespace in an address or a form. Names of manifests may be anything: one that would be read as
/// something else, or that no attribute can hold, is coded behind a `=`.
pub(crate) fn namespace_value(name: &str) -> String {
    let special =
        name == WITHOUT || name.starts_with('=') || name.trim() != name || name.contains(is_unprintable);
    match name {
        "" => WITHOUT.to_owned(),
        name if special => {
            std::iter::once("=").chain(form_urlencoded::byte_serialize(name.as_bytes())).collect()
        }
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_whatever_the_names_are() {
        for name in ["shop", "", "-", "=", "=-", "a b&c=d", "\u{202e}x=y&z", "a\0\nb", " a "] {
            let wanted = Wanted {
                filter: ObservationFilter {
                    layer: Some(Layer::ApiResources),
                    goal: Some(Goal::Utility),
                    measure: Some("rbac-wildcards".parse().unwrap()),
                    namespace: Some(name.to_owned()),
                    outcome: Some(Outcome::NotApplicable),
                    waived: Some(false),
                    words: vec!["web".into(), "a+b".into()],
                },
                page: 1,
            };
            let key = AuditKey {
                cluster: "shop".parse().unwrap(),
                run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
            };
            let address = wanted.at(&key, 1);
            let (_, query) = address.split_once('?').unwrap();
            assert_eq!(Wanted::read(&Params::read(query)).unwrap(), wanted, "{address}");
        }
    }

    #[test]
    fn what_is_on_no_scale_is_refused_and_a_page_is_never_before_the_first() {
        for query in
            ["layer=pod", "goal=x", "measure=..%2Fa", "outcome=maybe", "waived=1", "page=-1", "page=x"]
        {
            assert!(Wanted::read(&Params::read(query)).is_err(), "{query}");
        }
        let far = Wanted::read(&Params::read("page=4294967295")).unwrap();
        assert_eq!(far.skip(), u32::MAX);
        assert_eq!(Wanted::read(&Params::read("page=0")).unwrap().skip(), 0);
    }

    #[test]
    fn each_restriction_can_be_taken_away_alone() {
        let wanted = Wanted::read(&Params::read("layer=node&waived=no&page=7")).unwrap();
        let loose: Vec<Part> = Part::ALL.into_iter().filter(|part| wanted.without(*part).is_some()).collect();
        assert_eq!(loose, [Part::Layer, Part::Waived]);
        assert_eq!(wanted.without(Part::Layer).unwrap().page, 1);
        assert!(Wanted::read(&Params::default()).unwrap().is_everything());
    }
}
