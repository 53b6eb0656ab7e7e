//! Selector expressions of Calico (`app == 'web' && has(tier)`), read and evaluated.
//!
//! The result of an evaluation is `None` where it depends on a label that was not seen.

/// What is known of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label<'a> {
    /// Its value.
    Value(&'a str),
    /// The object does not have it.
    Absent,
    /// The object that would have it was not seen.
    Unseen,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// `all()`, or an empty expression.
    All,
    /// `global()`: objects outside any namespace.
    Global,
    /// `has(label)`.
    Has(String),
    /// A comparison of a label with texts; true if any text holds.
    Compare(String, Operator, Vec<String>),
    /// `!a`.
    Not(Box<Expression>),
    /// `a && b`.
    And(Vec<Expression>),
    /// `a || b`.
    Or(Vec<Expression>),
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==`, `in`.
    Equals,
    /// `!=`, `not in`; an absent label holds.
    Differs,
    /// `contains`.
    Contains,
    /// `starts with`.
    StartsWith,
    /// `ends with`.
    EndsWith,
}

/// Deeper nesting is refused: no honest expression comes near it.
const MAX_DEPTH: usize = 32;

impl Expression {
    /// Reads an expression; `None` if it is not understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Some(Self::All);
        }
        let mut parser = Parser { tokens: &tokens };
        let expression = parser.or(0)?;
        parser.tokens.is_empty().then_some(expression)
    }

    /// Whether an object with these labels is selected.
    pub(super) fn matches<'a>(&self, label: &impl Fn(&str) -> Label<'a>) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Global => Some(false),
            Self::Has(name) => match label(name) {
                Label::Value(_) => Some(true),
                Label::Absent => Some(false),
                Label::Unseen => None,
            },
            Self::Compare(name, operator, texts) => match label(name) {
                Label::Unseen => None,
                Label::Absent => Some(*operator == Operator::Differs),
                Label::Value(value) => Some(match operator {
                    Operator::Equals => texts.iter().any(|text| text == value),
                    Operator::Differs => texts.iter().all(|text| text != value),
                    Operator::Contains => texts.iter().any(|text| value.contains(text.as_str())),
                    Operator::StartsWith => texts.iter().any(|text| value.starts_with(text.as_str())),
                    Operator::EndsWith => texts.iter().any(|text| value.ends_with(text.as_str())),
                }),
            },
            Self::Not(inner) => inner.matches(label).map(|matched| !matched),
            Self::And(all) => all_of(all.iter().map(|part| part.matches(label))),
            Self::Or(any) => all_of(any.iter().map(|part| part.matches(label).map(|m| !m))).map(|none| !none),
        }
    }
}

/// Conjunction: one `false` decides, else one `None` leaves it open.
pub(super) fn all_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    const SIGNS: [&str; 10] = ["&&", "||", "==", "!=", "!", "(", ")", "{", "}", ","];
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let mut rest = text.trim_start();
    let mut list = Vec::new();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let (quoted, after) = rest.get(1..)?.split_once(first)?;
            list.push(Token::Text(quoted.to_owned()));
            rest = after;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            list.push(Token::Sign(sign));
            rest = rest.get(sign.len()..)?;
        } else {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            let (word, after) = rest.split_at(end);
            list.push(Token::Word(word.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(list)
}

struct Parser<'t> {
    tokens: &'t [Token],
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = matches!(self.tokens.first(), Some(Token::Sign(found)) if *found == sign);
        if there {
            self.next();
        }
        there
    }

    fn word(&mut self) -> Option<&'t str> {
        match self.next()? {
            Token::Word(word) => Some(word),
            Token::Text(_) | Token::Sign(_) => None,
        }
    }

    fn or(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.and(depth)?];
        while self.take("||") {
            parts.push(self.and(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Expression::Or(parts)) }
    }

    fn and(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.not(depth)?];
        while self.take("&&") {
            parts.push(self.not(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Expression::And(parts)) }
    }

    fn not(&mut self, depth: usize) -> Option<Expression> {
        if depth >= MAX_DEPTH {
            return None;
        }
        if self.take("!") {
            return Some(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.or(depth + 1)?;
            return self.take(")").then_some(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Option<Expression> {
        let name = self.word()?;
        if self.take("(") {
            let expression = match name {
                "all" => Expression::All,
                "global" => Expression::Global,
                "has" => Expression::Has(self.word()?.to_owned()),
                _ => return None,
            };
            return self.take(")").then_some(expression);
        }
        let (operator, set) = match self.next()? {
            Token::Sign("==") => (Operator::Equals, false),
            Token::Sign("!=") => (Operator::Differs, false),
            Token::Word(word) => match word.as_str() {
                "in" => (Operator::Equals, true),
                "not" => (self.word()? == "in").then_some((Operator::Differs, true))?,
                "contains" => (Operator::Contains, false),
                "starts" => (self.word()? == "with").then_some((Operator::StartsWith, false))?,
                "ends" => (self.word()? == "with").then_some((Operator::EndsWith, false))?,
                _ => return None,
            },
            Token::Text(_) | Token::Sign(_) => return None,
        };
        let texts = if set { self.set()? } else { vec![self.text()?] };
        Some(Expression::Compare(name.to_owned(), operator, texts))
    }

    fn text(&mut self) -> Option<String> {
        match self.next()? {
            Token::Text(text) => Some(text.clone()),
            Token::Word(_) | Token::Sign(_) => None,
        }
    }

    fn set(&mut self) -> Option<Vec<String>> {
        if !self.take("{") {
            return None;
        }
        let mut texts = Vec::new();
        while !self.take("}") {
            texts.push(self.text()?);
            if !self.take(",") && self.tokens.first() != Some(&Token::Sign("}")) {
                return None;
            }
        }
        Some(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str) -> Option<bool> {
        let expression = Expression::parse(text).unwrap_or_else(|| panic!("{text} is not read"));
        expression.matches(&|name| match name {
            "app" => Label::Value("web-shop"),
            "a.b/c-d" => Label::Value("x"),
            "far" => Label::Unseen,
            _ => Label::Absent,
        })
    }

    #[test]
    fn expressions_select_as_calico_does() {
        for (text, expected) in [
            ("", Some(true)),
            ("all()", Some(true)),
            ("global()", Some(false)),
            ("app == 'web-shop'", Some(true)),
            ("app==\"web-shop\"", Some(true)),
            ("app != 'web-shop'", Some(false)),
            ("none != 'x'", Some(true)),
            ("none == 'x'", Some(false)),
            ("app in {'a', 'web-shop'}", Some(true)),
            ("app not in { 'a' }", Some(true)),
            ("none not in {'a'}", Some(true)),
            ("none in {}", Some(false)),
            ("has(a.b/c-d) && !has(none)", Some(true)),
            ("app contains 'b-s' && app starts with 'web' && app ends with 'shop'", Some(true)),
            ("none contains ''", Some(false)),
            ("!(app == 'a' || a.b/c-d == 'x')", Some(false)),
            ("app == 'a' && a.b/c-d == 'x' || all()", Some(true)),
            ("app == 'a' && (a.b/c-d == 'x' || all())", Some(false)),
            ("has(far)", None),
            ("has(far) && app == 'a'", Some(false)),
            ("has(far) || all()", Some(true)),
            ("far != 'x' || app == 'a'", None),
        ] {
            assert_eq!(matches(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let deep = format!("{}all(){}", "(".repeat(5000), ")".repeat(5000));
        let long = format!("{}all()", "!".repeat(5000));
        for text in [
            "app",
            "app ==",
            "app = 'x'",
            "app == x",
            "app == 'x",
            "all(",
            "all() &&",
            "unknown()",
            "app in 'x'",
            "app in {'x' 'y'}",
            "app near 'x'",
            "all() all()",
            "ä == 'x'",
            deep.as_str(),
            long.as_str(),
        ] {
            assert_eq!(Expression::parse(text), None, "{}", text.chars().take(20).collect::<String>());
        }
    }
}
