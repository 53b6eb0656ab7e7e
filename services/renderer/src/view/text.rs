//! Rich text: plain words, identifiers in mono, strong words, page references. Never markup.

use hexproof_core::words::looks_technical;

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

    /// A text of the catalogue: as [`Text::marked`], or, if it marks nothing, with fields, paths and capabilities
    /// found by their looks (`spec.hostIPC`, `hostPath`, `/etc`, `NET_RAW`).
    pub fn technical(text: &str) -> Self {
        if text.contains('`') {
            return Self::marked(text);
        }
        let mut out = Self::default();
        let mut words = String::new();
        for (i, token) in text.split(' ').enumerate() {
            if i > 0 {
                words.push(' ');
            }
            let start = token.len() - token.trim_start_matches(['(', '"']).len();
            let end = token.trim_end_matches([',', '.', ';', ':', ')', '"', '?']).len();
            match token.get(start..end) {
                Some(core) if looks_technical(core) => {
                    words.push_str(&token[..start]);
                    out = out.plain(std::mem::take(&mut words)).code(core);
                    words.push_str(&token[end..]);
                }
                _ => words.push_str(token),
            }
        }
        out.plain(words)
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
    fn fields_are_found_by_their_looks() {
        let text = Text::technical(
            "No spec.volumes[].hostPath lies under /etc (see hostPath, NET_RAW or and/or e.g. this).",
        );
        let expected = Text::from("No ")
            .code("spec.volumes[].hostPath")
            .plain(" lies under ")
            .code("/etc")
            .plain(" (see ")
            .code("hostPath")
            .plain(", ")
            .code("NET_RAW")
            .plain(" or and/or e.g. this).");
        assert_eq!(text, expected);
        assert_eq!(Text::technical("`a.b` and spec.c"), Text::marked("`a.b` and spec.c"));
        assert_eq!(Text::technical("Plain words, 1.12 and v2."), Text::from("Plain words, 1.12 and v2."));
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
