//! What is wrong with what was sent: by field, and above all fields.

use maud::{Markup, html};
use tonic::{Code, Status};

use crate::grpc::violations;
use crate::marks;
use crate::refusal::Refusal;

/// What is wrong with a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Errors {
    fields: Vec<(&'static str, String)>,
    above: Vec<String>,
}

impl Errors {
    /// One error, of a field.
    pub(crate) fn of(field: &'static str, sentence: impl Into<String>) -> Self {
        Self { fields: vec![(field, sentence.into())], above: Vec::new() }
    }

    /// One error, of no field.
    pub(crate) fn above(sentence: impl Into<String>) -> Self {
        Self { fields: Vec::new(), above: vec![sentence.into()] }
    }

    /// One more error of a field.
    pub(crate) fn add(&mut self, field: &'static str, sentence: impl Into<String>) {
        self.fields.push((field, sentence.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.above.is_empty()
    }

    /// The errors of a field.
    pub(crate) fn at(&self, field: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(name, _)| *name == field).map(|(_, sentence)| sentence.as_str())
    }

    /// What an RPC found wrong. `paths` says which field of the form each field of the message is; the first whose
    /// path begins the violation counts.
    ///
    /// # Errors
    /// The refusal, where it is about no form: the caller may not, the store does not answer.
    pub(crate) fn read(status: Status, paths: &[(&str, &'static str)]) -> Result<Self, Refusal> {
        match status.code() {
            Code::InvalidArgument | Code::OutOfRange => {
                let mut errors = Self::default();
                for (path, description) in violations(&status) {
                    let field = paths.iter().find(|(field, _)| within(&path, field));
                    match field {
                        Some((_, field)) => errors.add(field, sentence(&description)),
                        None => errors.above.push(format!("`{path}`: {}", sentence(&description))),
                    }
                }
                if errors.is_empty() {
                    errors.above.push(sentence(status.message()));
                }
                Ok(errors)
            }
            // Somebody was first, or things are no longer as they were on the page.
            Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => {
                Ok(Self::above(sentence(status.message())))
            }
            _ => Err(Refusal::from(status)),
        }
    }

    /// What stands above the form: how many things are wrong, each with a link to its field. `labels` are the fields
    /// in the order of the page. Nothing if nothing is wrong.
    pub(crate) fn summary(&self, labels: &[(&'static str, &str)]) -> Markup {
        if self.is_empty() {
            return html! {};
        }
        let by_field = labels
            .iter()
            .flat_map(|(name, label)| self.at(name).map(move |sentence| (*name, *label, sentence)));
        html! {
            // Focus goes here as the page opens, so that it is read out first.
            div.errors role="alert" tabindex="-1" autofocus aria-labelledby="errors-title" {
                h2 #errors-title { (self.count_text()) }
                ul {
                    @for sentence in &self.above { li { (marks::prose(sentence)) } }
                    @for (name, label, sentence) in by_field {
                        li { a href={ "#field-" (name) } { (label) } ": " (marks::prose(sentence)) }
                    }
                }
            }
        }
    }

    fn count_text(&self) -> String {
        match (self.fields.len(), self.above.is_empty()) {
            (0, _) => "Nothing was changed".to_owned(),
            (1, _) => "Nothing was changed: one field cannot be used".to_owned(),
            (count, _) => format!("Nothing was changed: {count} fields cannot be used"),
        }
    }
}

fn within(violation: &str, path: &str) -> bool {
    violation.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The RPCs tell what is wrong as the rest of a sentence; a page begins it with a capital and ends it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '`', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use hexproof_api::status;

    use super::*;

    const PATHS: &[(&str, &str)] = &[("schedule.cron", "cron"), ("schedule.cluster_id", "cluster")];

    #[test]
    fn violations_become_errors_of_their_fields() {
        let errors = Errors::read(status::invalid("schedule.cron", "has 4 fields"), PATHS).unwrap();
        assert_eq!(errors.at("cron").collect::<Vec<_>>(), ["Has 4 fields."]);
        let other = Errors::read(status::invalid("schedule.cronx", "is odd"), PATHS).unwrap();
        assert_eq!(other.above, ["`schedule.cronx`: Is odd."]);
        let failed = status::status(
            Code::FailedPrecondition,
            "SAME_PERSON",
            "whoever proposed a waiver cannot approve it",
        );
        assert_eq!(
            Errors::read(failed, PATHS).unwrap().above,
            ["Whoever proposed a waiver cannot approve it."]
        );
        assert!(Errors::read(status::unavailable("down"), PATHS).is_err());
        assert!(Errors::read(status::denied("no"), PATHS).is_err());
    }

    #[test]
    fn the_summary_links_every_error_to_its_field_in_the_order_of_the_page() {
        let mut errors = Errors::of("cluster", "Is <b>odd</b>.");
        errors.add("cron", "Has 4 fields.");
        let html = errors.summary(&[("cron", "Times"), ("cluster", "Cluster")]).into_string();
        let (cron, cluster) = (html.find("#field-cron").unwrap(), html.find("#field-cluster").unwrap());
        assert!(cron < cluster && html.contains("2 fields") && html.contains("Is &lt;b&gt;odd"), "{html}");
        assert_eq!(Errors::default().summary(&[]).into_string(), "");
    }
}
