//! Rich text: plain words, identifiers in mono, strong words, page references. Never markup.

use serde::{Deserialize, Deserializer, Serialize};

/// A run of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// Words.
    Plain(String),
    /// An identifier, a field or a value: mono, wraps after its separators.
    Code {
        /// The identifier.
        code: String,
    },
    /// Words that stand out.
    Strong {
        /// The words.
        strong: String,
    },
    /// The number of the page on which the label stands, as a link.
    Page {
        /// The label.
        page: String,
    },
}

/// A sentence of spans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(Vec<Span>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Plain(String),
            Spans(Vec<Span>),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Plain(text) => Self::from(text),
            Either::Spans(spans) => Self(spans),
        })
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Span::Plain(text)] })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Text {
    /// A text of our own in which backticks mark identifiers. Never for names from outside.
    pub fn marked(text: &str) -> Self {
        let mut out = Self::default();
        for (i, part) in text.split('`').enumerate() {
            out = if i % 2 == 0 { out.plain(part) } else { out.code(part) };
        }
        out
    }

    /// An identifier.
    pub fn of_code(code: &str) -> Self {
        Self::default().code(code)
    }

    /// Adds words.
    #[must_use]
    pub fn plain(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push(Span::Plain(text));
        }
        self
    }

    /// Adds an identifier.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        if !code.is_empty() {
            self.0.push(Span::Code { code: code.to_owned() });
        }
        self
    }

    /// Adds words that stand out.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong { strong: text.into() });
        self
    }

    /// Adds a page reference.
    #[must_use]
    pub fn page(mut self, label: &str) -> Self {
        self.0.push(Span::Page { page: label.to_owned() });
        self
    }

    /// Adds another text.
    #[must_use]
    pub fn text(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether there is nothing to print.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_mark_identifiers() {
        let text = Text::marked("`spec.hostPID` is absent or `false`.");
        let spans = Text::default().code("spec.hostPID").plain(" is absent or ").code("false").plain(".");
        assert_eq!(text, spans);
    }

    #[test]
    fn a_string_and_a_list_of_spans_are_both_read() {
        let plain: Text = serde_json::from_str("\"a\"").unwrap();
        assert_eq!(plain, Text::from("a"));
        let spans: Text = serde_json::from_str(r#"["a ", {"code": "b"}, {"page": "c"}]"#).unwrap();
        assert_eq!(spans, Text::from("a ").code("b").page("c"));
        assert!(serde_json::from_str::<Text>(r#"[{"link": "x"}]"#).is_err());
    }
}
