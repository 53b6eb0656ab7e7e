//! The small marks: tile, gate tag, bar, identifier, time, number. What they show, words say too.

use hexproof_core::access::Role;
use hexproof_core::text::is_unprintable;
use hexproof_core::{Outcome, Rating};
use jiff::Timestamp;
use maud::{Markup, Render, html};

use crate::words;

/// How large a tile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// In a line of text or of a table.
    Small,
    /// In a list of the matrix on a phone.
    Medium,
}

/// The class of a rating in the styles.
pub(crate) const fn class(rating: Rating) -> &'static str {
    match rating {
        Rating::A => "a",
        Rating::B => "b",
        Rating::C => "c",
        Rating::D => "d",
        Rating::E => "e",
        Rating::NotAssessed => "na",
    }
}

/// What stands in a tile.
pub(crate) const fn letter(rating: Rating) -> &'static str {
    match rating {
        Rating::A => "A",
        Rating::B => "B",
        Rating::C => "C",
        Rating::D => "D",
        Rating::E => "E",
        Rating::NotAssessed => "–",
    }
}

/// The letter on its colour. A screen reader hears `rated D` or `not assessed`.
pub(crate) fn tile(rating: Rating, size: Size) -> Markup {
    let size = match size {
        Size::Small => "small",
        Size::Medium => "medium",
    };
    html! {
        span class={ "tile " (size) " " (class(rating)) } {
            b aria-hidden="true" { (letter(rating)) }
            span.sr { (words::rated(rating)) }
        }
    }
}

/// The number of a gate: the only inverse element.
pub(crate) fn gate(number: u32) -> Markup {
    html! { span.gate { span.sr { "gate " } (number) } }
}

/// Parts of a hundred: solid = passed, hatched = not seen, empty = failed. A tick at the residual low end, or a diamond at
/// the low end of the pack before. Nothing for screen readers: the numbers stand beside it.
pub(crate) fn bar_with(low: f64, high: f64, tick: Option<f64>, before: Option<f64>) -> Markup {
    let (low, high) = (low.clamp(0.0, 100.0), high.clamp(0.0, 100.0));
    html! {
        svg.bar aria-hidden="true" focusable="false" {
            rect.box width="100%" height="100%" {}
            @if low > 0.0 { rect.pass width=(Percent(low)) height="100%" {} }
            @if high > low {
                rect x=(Percent(low)) width=(Percent(high - low)) height="100%" fill="url(#hatch)" {}
                // The end of what was not seen: else the hatch would run into the frame of what failed.
                @if high < 100.0 { rect.end x=(Percent(high)) width="1" height="100%" {} }
            }
            @if let Some(at) = tick { rect.tick x=(Percent(at)) y="-3" width="2" height="14" {} }
            @if let Some(at) = before {
                svg.at x=(Percent(at)) y="50%" { path.diamond d="M-4.5 0 0-4.5 4.5 0 0 4.5z" {} }
            }
        }
    }
}

/// The diamond of a bar, for a line that says what it means.
pub(crate) fn diamond() -> Markup {
    html! {
        svg.key-diamond viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true" focusable="false" {
            path.diamond d="M-4.5 0 0-4.5 4.5 0 0 4.5z" {}
        }
    }
}

/// A percentage of a length in a drawing, with two decimals at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Percent(pub(crate) f64);

impl Render for Percent {
    fn render_to(&self, out: &mut String) {
        Length(self.0).render_to(out);
        out.push('%');
    }
}

/// A length in a drawing, with two decimals at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length(pub(crate) f64);

impl Render for Length {
    fn render_to(&self, out: &mut String) {
        let text = format!("{:.2}", if self.0.is_finite() { self.0 } else { 0.0 });
        let short = text.trim_end_matches('0').trim_end_matches('.');
        out.push_str(if short.is_empty() || short == "-0" { "0" } else { short });
    }
}

/// The hatches that all drawings of a page use; once a page, and never hidden, or nothing is hatched.
pub(crate) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" {
                path.hatch d="M-1 1 1-1M0 5 5 0M4 6 6 4" {}
            }
            pattern id="wide" width="7" height="7" patternUnits="userSpaceOnUse" {
                path.hatch d="M-1 1 1-1M0 7 7 0M6 8 8 6" {}
            }
        }
    }
}

/// An identifier: mono, wraps after its separators and at least every twelve characters; what is not seen in it is
/// named.
pub(crate) fn id(text: &str) -> Markup {
    html! { code { (pieces(text)) } }
}

/// A text from outside in the type of its surroundings: wraps like an identifier; what is not seen in it is named.
pub(crate) fn name(text: &str) -> Markup {
    html! { span.name { (pieces(text)) } }
}

/// A sentence that may hold words from outside: long words wrap, what is not seen is named.
pub(crate) fn prose(text: &str) -> Markup {
    const LONG: usize = 24;
    html! {
        @for (i, word) in text.split(' ').enumerate() {
            @if i > 0 { " " }
            @if word.len() < LONG { @for part in seen(word) { (show(&part)) } } @else { (pieces(word)) }
        }
    }
}

/// A text from outside where no markup may stand; what is not seen in it is named.
pub(crate) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, char| {
        match is_unprintable(char) {
            true => plain.push_str(&format!("U+{:04X}", u32::from(char))),
            false => plain.push(char),
        }
        plain
    })
}

/// A text of several lines from outside, such as a reason or a value found.
pub(crate) fn lines(text: &str) -> Markup {
    html! {
        @for (i, line) in text.lines().enumerate() {
            @if i > 0 { br; }
            (pieces(line))
        }
    }
}

/// The pieces of a text between which a line may break. `wbr` adds no character that would be copied.
fn pieces(text: &str) -> Markup {
    const LONGEST: usize = 12;
    html! {
        @for (i, piece) in split(text, LONGEST).into_iter().enumerate() {
            @if i > 0 { wbr; }
            @for part in seen(piece) { (show(&part)) }
        }
    }
}

fn show(part: &Part<'_>) -> Markup {
    html! {
        @match part {
            Part::Seen(text) => (text),
            Part::Unseen(char) => span.unseen { "U+" (format!("{:04X}", u32::from(*char))) },
        }
    }
}

fn split(text: &str, longest: usize) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (at, char) in text.char_indices() {
        length += 1;
        let end = at + char.len_utf8();
        if char == ' ' {
            // Lines break there anyway.
            length = 0;
        } else if "-./:_=@,".contains(char) || length >= longest {
            out.push(&text[start..end]);
            (start, length) = (end, 0);
        }
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

enum Part<'a> {
    Seen(&'a str),
    Unseen(char),
}

fn seen(text: &str) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_unprintable) {
        let (before, after) = rest.split_at(at);
        let Some(char) = after.chars().next() else { break };
        if !before.is_empty() {
            out.push(Part::Seen(before));
        }
        out.push(Part::Unseen(char));
        rest = &after[char.len_utf8()..];
    }
    if !rest.is_empty() {
        out.push(Part::Seen(rest));
    }
    out
}

/// `23 November 2026, 06:00 UTC`.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (words::minute(at)) } }
}

/// `23 Nov 2026, 06:00`, for tables.
pub(crate) fn short_time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (words::short_minute(at)) } }
}

/// `20 481`.
pub(crate) fn number(n: u64) -> Markup {
    html! { (words::thousands(n)) }
}

/// `20 481`; zero is a middle dot, so that what is not zero stands out.
pub(crate) fn number_or_dot(n: u64) -> Markup {
    html! {
        @if n == 0 { span.zero aria-hidden="true" { "·" } span.sr { "0" } }
        @else { (words::thousands(n)) }
    }
}

/// `89 %`.
pub(crate) fn percent(n: u32) -> Markup {
    html! { (n) (words::THIN) "%" }
}

/// State of a source or of an observation: filled, hatched or empty, and always a word beside it.
pub(crate) fn state(outcome: Outcome) -> Markup {
    html! {
        svg.state width="12" height="12" aria-hidden="true" focusable="false" {
            @match outcome {
                Outcome::Pass => rect.full x="1" y="1" width="10" height="10" {},
                Outcome::Unknown => rect.part x="1" y="1" width="10" height="10" fill="url(#hatch)" {},
                Outcome::Fail => rect.none x="1" y="1" width="10" height="10" {},
                Outcome::NotApplicable => path.line d="M1 6h10" {},
            }
        }
    }
}

/// The mark of the product: two nested hexagons, flat side up.
pub(crate) fn hexagons() -> Markup {
    html! {
        svg.mark viewBox="-12 -11 24 22" width="24" height="22" aria-hidden="true" focusable="false" {
            path d="M-5.7-9.85H5.7L11.35 0 5.7 9.85H-5.7L-11.35 0z" {}
            path d="M-3.1-5.4H3.1L6.25 0 3.1 5.4H-3.1L-6.25 0z" {}
        }
    }
}

/// Roles as a list: `auditor`, `auditor and operator`.
pub(crate) fn roles<'a>(roles: impl IntoIterator<Item = &'a Role>) -> String {
    words::list(&roles.into_iter().map(|role| role.word()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader copies: the text without tags.
    fn copied(markup: &Markup) -> String {
        let mut out = String::new();
        let mut inside = false;
        for char in markup.0.chars() {
            match char {
                '<' => inside = true,
                '>' => inside = false,
                char if !inside => out.push(char),
                _ => {}
            }
        }
        out
    }

    #[test]
    fn a_long_name_breaks_and_is_copied_whole() {
        for length in [63, 253] {
            let name = "a".repeat(length);
            let shown = id(&name);
            assert!(shown.0.matches("<wbr>").count() >= length / 12 - 1);
            assert_eq!(copied(&shown), name);
        }
        assert_eq!(id("a-b").0, "<code>a-<wbr>b</code>");
    }

    #[test]
    fn what_is_not_seen_is_named_and_markup_is_text() {
        assert_eq!(id("a\u{202e}b").0, "<code>a<span class=\"unseen\">U+202E</span>b</code>");
        assert_eq!(name("<script>").0, "<span class=\"name\">&lt;script&gt;</span>");
        assert!(lines("a\r\n\0b").0.contains("U+0000"));
    }

    #[test]
    fn lengths_are_short_and_finite() {
        for (value, text) in [(73.0, "73"), (0.5, "0.5"), (33.333, "33.33"), (f64::NAN, "0"), (-0.001, "0")] {
            assert_eq!(Length(value).render().0, text);
        }
    }

    #[test]
    fn a_bar_shows_what_passed_what_was_not_seen_and_what_failed() {
        let drawn = bar_with(73.0, 85.0, Some(74.0), Some(68.0)).0;
        assert!(drawn.contains(r#"class="pass" width="73%""#), "{drawn}");
        assert!(drawn.contains(r#"x="73%" width="12%""#), "{drawn}");
        assert!(drawn.contains(r#"class="tick" x="74%""#) && drawn.contains(r#"class="at" x="68%""#));
        assert!(!bar_with(40.0, 40.0, None, None).0.contains("#hatch"));
    }
}
