//! Forms that work without scripts: fields with their labels, hints and errors, what is wrong with what was sent, and
//! the one-time notice after something was done.
//!
//! A form is sent with `POST`. If it cannot be used, the same page comes back with every value kept and each error
//! tied to its field; if it can, the answer leads to a page that tells what was done.

mod checked;
mod errors;
mod fields;
mod kept;
mod notice;
mod once;
pub(crate) mod upload;

pub(crate) use checked::{CheckedForm, FOREIGN, csrf};
pub(crate) use errors::Errors;
pub(crate) use fields::{Choice, Fields, Input, hidden, hidden_as, submit, submit_as};
pub(crate) use kept::Kept;
pub(crate) use notice::{Notice, told};
pub(crate) use once::request_id;

/// A text as a browser sends it, as it is kept: lines end with LF alone, without blanks at either end.
pub(crate) fn cleaned(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// What was filled in, or nothing.
pub(crate) fn filled(text: &str) -> Option<String> {
    Some(cleaned(text)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_without_what_browsers_add() {
        assert_eq!(cleaned(" one\r\ntwo \r\n"), "one\ntwo");
        assert_eq!(filled(" \r\n"), None);
        assert_eq!(filled("a\rb").as_deref(), Some("a\rb"), "a lone CR is not ours to judge");
    }
}
