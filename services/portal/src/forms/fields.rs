//! Fields of a form. Each has a label, says what is wanted, and carries its errors; values are kept.

use maud::{Markup, html};

use super::Errors;
use crate::{marks, words};

/// A field that text is typed into.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Input<'a> {
    /// Its name in the form.
    pub(crate) name: &'static str,
    pub(crate) label: &'a str,
    /// What is wanted, in a sentence.
    pub(crate) hint: &'a str,
    pub(crate) value: &'a str,
    /// Not required.
    pub(crate) optional: bool,
    /// What browsers may fill in (HTML, section 4.10.18.7); nothing if empty.
    pub(crate) autocomplete: &'static str,
    /// An identifier or expression: equal widths, no spelling.
    pub(crate) code: bool,
    /// A day, with the browser's calendar.
    pub(crate) day: bool,
    /// Lines of text; one if 0.
    pub(crate) lines: u8,
    /// What may be meant.
    pub(crate) suggestions: &'a [String],
}

/// A choice of one among some.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) name: &'static str,
    pub(crate) label: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) value: &'a str,
    pub(crate) optional: bool,
    /// Groups of values with their labels; a group without a name has no head.
    pub(crate) groups: &'a [(String, Vec<(String, String)>)],
}

/// Draws the fields of a form with their errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Errors);

impl Fields<'_> {
    /// A field for text.
    pub(crate) fn input(self, input: &Input<'_>) -> Markup {
        let Input { name, label, hint, value, optional, autocomplete, code, day, lines, suggestions } =
            *input;
        let described = self.described(name, hint);
        let complete = if autocomplete.is_empty() { "off" } else { autocomplete };
        let invalid = self.invalid(name);
        let list = (!suggestions.is_empty()).then(|| format!("field-{name}-list"));
        let class = if code { "code" } else { "text" };
        // Browsers send ends of lines as two characters; they are one here.
        let value = value.replace("\r\n", "\n");
        let value = words::seen(&value);
        self.around(name, label, hint, optional, &html! {
            @if lines > 1 {
                textarea id={ "field-" (name) } name=(name) rows=(lines) required[!optional] autocomplete=(complete)
                    aria-describedby=[described] aria-invalid=[invalid] { "\n" (value) }
            } @else {
                input class=(class) id={ "field-" (name) } name=(name) type=(if day { "date" } else { "text" })
                    value=(value) required[!optional] autocomplete=(complete) list=[list.as_deref()]
                    spellcheck=[code.then_some("false")] autocapitalize=[code.then_some("none")]
                    aria-describedby=[described] aria-invalid=[invalid];
                @if let Some(list) = &list {
                    datalist id=(list) { @for one in suggestions { option value=(one) {} } }
                }
            }
        })
    }

    /// A choice. A value that is none of those offered is shown as chosen all the same: nothing is changed in silence.
    pub(crate) fn choice(self, choice: &Choice<'_>) -> Markup {
        let Choice { name, label, hint, value, optional, groups } = *choice;
        let known = groups.iter().flat_map(|(_, options)| options).any(|(option, _)| option == value);
        let option = |(option, label): &(String, String)| {
            html! { option value=(option) selected[option == value] { (label) } }
        };
        self.around(name, label, hint, optional, &html! {
            select id={ "field-" (name) } name=(name) required[!optional]
                aria-describedby=[self.described(name, hint)] aria-invalid=[self.invalid(name)] {
                @if !known { option value=(value) selected { (if value.is_empty() { "Choose" } else { value }) } }
                @for (group, options) in groups {
                    @if group.is_empty() { @for one in options { (option(one)) } }
                    @else { optgroup label=(group) { @for one in options { (option(one)) } } }
                }
            }
        })
    }

    /// A box to be ticked, which says what that means.
    pub(crate) fn checkbox(self, name: &'static str, label: &str, hint: &str, checked: bool) -> Markup {
        html! {
            div.field.check {
                input type="checkbox" id={ "field-" (name) } name=(name) value="yes" checked[checked]
                    aria-describedby=[self.described(name, hint)] aria-invalid=[self.invalid(name)];
                label for={ "field-" (name) } { (label) }
                (self.notes(name, hint))
            }
        }
    }

    fn around(self, name: &str, label: &str, hint: &str, optional: bool, control: &Markup) -> Markup {
        html! {
            div.field {
                label for={ "field-" (name) } { (label) @if optional { " " span.optional { "optional" } } }
                (self.notes(name, hint))
                (control)
            }
        }
    }

    fn notes(self, name: &str, hint: &str) -> Markup {
        html! {
            @if !hint.is_empty() { p.hint id={ "field-" (name) "-hint" } { (hint) } }
            @if self.has(name) {
                p.error id={ "field-" (name) "-error" } {
                    @for (place, sentence) in self.0.at(name).enumerate() { @if place > 0 { " " } (marks::prose(sentence)) }
                }
            }
        }
    }

    fn has(self, name: &str) -> bool {
        self.0.at(name).next().is_some()
    }

    fn invalid(self, name: &str) -> Option<&'static str> {
        self.has(name).then_some("true")
    }

    fn described(self, name: &str, hint: &str) -> Option<String> {
        let error = self.has(name).then(|| format!("field-{name}-error"));
        let hint = (!hint.is_empty()).then(|| format!("field-{name}-hint"));
        let ids: Vec<String> = [error, hint].into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// A value that a form carries along under a name that came with it.
pub(crate) fn hidden_as(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// A value that the form carries along.
pub(crate) fn hidden(name: &'static str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The button that does what the form is for.
pub(crate) fn submit(text: &str) -> Markup {
    html! { button.button.primary type="submit" { (text) } }
}

/// A further button: the form says which one was used.
pub(crate) fn submit_as(intent: &'static str, text: &str) -> Markup {
    html! { button.button type="submit" name="intent" value=(intent) { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\"><script>alert(1)</script>&\u{202e}'";

    #[test]
    fn labels_hints_and_errors_are_tied_to_their_field() {
        let errors = Errors::of("cron", "Has 4 fields.");
        let html = Fields(&errors)
            .input(&Input {
                name: "cron",
                label: "Times",
                hint: "Five fields.",
                value: "a",
                ..Input::default()
            })
            .into_string();
        for part in [
            "<label for=\"field-cron\">Times</label>",
            "id=\"field-cron\"",
            "aria-describedby=\"field-cron-error field-cron-hint\"",
            "aria-invalid=\"true\"",
            "id=\"field-cron-error\"",
            "id=\"field-cron-hint\"",
            " required",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let html = Fields(&Errors::default()).input(&Input { name: "x", optional: true, ..Input::default() });
        let html = html.into_string();
        assert!(
            !html.contains("aria-invalid") && !html.contains("required") && html.contains("optional"),
            "{html}"
        );
    }

    #[test]
    fn no_value_leaves_its_place() {
        let errors = Errors::of("name", HOSTILE);
        let fields = Fields(&errors);
        let suggestions = [HOSTILE.to_owned()];
        let one = Input {
            name: "name",
            label: HOSTILE,
            hint: HOSTILE,
            value: HOSTILE,
            suggestions: &suggestions,
            ..Input::default()
        };
        let groups = [(HOSTILE.to_owned(), vec![(HOSTILE.to_owned(), HOSTILE.to_owned())])];
        let choice = Choice {
            name: "name",
            label: HOSTILE,
            hint: HOSTILE,
            value: "other\"",
            optional: true,
            groups: &groups,
        };
        let html = html! {
            (fields.input(&one)) (fields.input(&Input { lines: 3, ..one })) (fields.choice(&choice))
            (fields.checkbox("name", HOSTILE, HOSTILE, true)) (hidden("name", HOSTILE)) (submit(HOSTILE))
            (errors.summary(&[("name", HOSTILE)]))
        }
        .into_string();
        assert!(!html.contains("<script") && !html.contains("other\"\""), "{html}");
        assert!(html.contains("U+202E&#39;") || html.contains("U+202E'"), "{html}");
    }

    #[test]
    fn a_choice_keeps_what_was_sent() {
        let groups = [(String::new(), vec![("a".to_owned(), "A".to_owned())])];
        let html = |value| {
            let choice = Choice { name: "c", label: "C", hint: "", value, optional: false, groups: &groups };
            Fields(&Errors::default()).choice(&choice).into_string()
        };
        assert!(html("a").contains("<option value=\"a\" selected>A"), "{}", html("a"));
        assert!(html("b").contains("<option value=\"b\" selected>b"), "{}", html("b"));
        assert!(html("").contains("<option value=\"\" selected>Choose"), "{}", html(""));
    }

    #[test]
    fn the_first_line_of_a_text_is_kept() {
        // HTML drops a line break right after `<textarea>`.
        let html = Fields(&Errors::default())
            .input(&Input { name: "t", lines: 3, value: "\nx", ..Input::default() })
            .into_string();
        assert!(html.contains(">\n\nx</textarea>"), "{html}");
    }
}
