//! What stands behind the `?` of an address. Whatever it is, reading it does not fail: a page judges each value.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use url::form_urlencoded;

use crate::refusal::Refusal;

/// Values that are longer are cut: nothing that is asked for is.
const LONGEST: usize = 512;

/// The values of an address by name; of a name that stands there twice, the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    pub(crate) fn read(query: &str) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(64) {
            values.entry(name.into_owned()).or_insert_with(|| value.chars().take(LONGEST).collect());
        }
        Self(values)
    }

    /// The text of a value; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// A value that is not empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A value of a scale or another type; `what` names it in the sentence that refuses.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Refusal> {
        let parse = |text: &str| {
            let shown: String = text.chars().take(80).collect();
            text.parse().map_err(|_| Refusal::Invalid(format!("There is no {what} `{shown}`.")))
        };
        self.given(name).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::Layer;

    use super::*;

    #[test]
    fn whatever_stands_there_is_read() {
        let long = format!("a={}", "x".repeat(5000));
        for text in ["", "&&&", "a", "a=%ff%fe", "=b", "a=1&a=2", long.as_str()] {
            let params = Params::read(text);
            assert!(params.text("a").len() <= LONGEST * 3, "{text}");
        }
        assert_eq!(Params::read("a=1&a=2").text("a"), "1");
        assert_eq!(Params::read("a=+").given("a"), None);
    }

    #[test]
    fn a_word_that_is_not_on_a_scale_is_refused_in_a_sentence() {
        let params = Params::read("layer=node&other=%3Cscript%3E");
        assert_eq!(params.parsed::<Layer>("layer", "layer").unwrap(), Some(Layer::Node));
        assert_eq!(params.parsed::<Layer>("goal", "goal").unwrap(), None);
        let refusal = params.parsed::<Layer>("other", "layer").unwrap_err();
        assert_eq!(refusal.to_string(), "There is no layer `<script>`.");
    }
}
