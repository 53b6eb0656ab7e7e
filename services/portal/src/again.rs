//! Forms that came when their session had ended: what was typed is shown again, to be checked and sent.
//!
//! A page that knows the form fills it in ([`crate::viewer::Viewer::refill`]); any other one shows what was typed as a
//! list, with a button that sends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hexproof_access::{Csrf, Draft};
use maud::{Markup, html};

use crate::forms::{hidden_as, submit};
use crate::marks;

/// What is told of such a form.
const TOLD: &str = "Your session had ended; nothing was sent yet. Check and send.";
/// Fields that people did not fill in.
const SILENT: [&str; 4] = [Csrf::FIELD, "request", "version", "intent"];

/// A form that the access layer kept for the page that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    draft: Arc<Draft>,
    filled: Arc<AtomicBool>,
}

impl Kept {
    pub(crate) fn new(draft: Draft) -> Self {
        Self { draft: Arc::new(draft), filled: Arc::default() }
    }

    /// The form, for the page that fills it in.
    pub(crate) fn take(&self, action: &str) -> Option<&Draft> {
        let ours = self.draft.action == action;
        self.filled.fetch_or(ours, Ordering::Relaxed);
        ours.then_some(&*self.draft)
    }

    /// What stands at the top of the page.
    pub(crate) fn show(&self, csrf: &str) -> Markup {
        html! {
            p.notice role="status" { (TOLD) }
            @if !self.filled.load(Ordering::Relaxed) { (resend(&self.draft, csrf, "Send")) }
        }
    }
}

/// What was typed, and a button that sends it with a token.
pub(crate) fn resend(draft: &Draft, csrf: &str, button: &str) -> Markup {
    let shown =
        || draft.fields.iter().filter(|(name, value)| !SILENT.contains(&name.as_str()) && !value.is_empty());
    html! {
        section aria-labelledby="again" {
            h2 #again { "What you sent" }
            dl.facts {
                @for (name, value) in shown() { dt { (marks::name(&label(name))) } dd { (marks::name(value)) } }
            }
            form method="post" action=(draft.action) {
                (hidden_as(Csrf::FIELD, csrf))
                @for (name, value) in &draft.fields {
                    @if name != Csrf::FIELD { (hidden_as(name, value)) }
                }
                div.actions { (submit(button)) }
            }
        }
    }
}

/// A form that no cookie holds: it waits in this page until its person has logged in elsewhere.
pub(crate) fn waiting(draft: &Draft, login: &str) -> Markup {
    html! {
        p.actions { a.button.primary href=(login) target="_blank" rel="noopener" { "Log in in a new tab" } }
        (resend(draft, draft.get(Csrf::FIELD).unwrap_or_default(), "Send again"))
    }
}

fn label(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str()).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let fields = [
            ("reason", "<b>\"x\""),
            ("time_zone", "UTC"),
            ("intent", "pause"),
            ("csrf", "old"),
            ("owner", ""),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Draft { action: "/waivers".to_owned(), fields }
    }

    #[test]
    fn everything_is_sent_again_with_the_token_of_now() {
        let html = resend(&draft(), "new", "Send").into_string();
        for part in [
            "name=\"csrf\" value=\"new\"",
            "name=\"reason\" value=\"&lt;b&gt;&quot;x&quot;\"",
            "name=\"intent\" value=\"pause\"",
            "name=\"owner\" value=\"\"",
            ">Time zone</span></dt>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("old") && !html.contains("<b>") && !html.contains("<dt>Intent"), "{html}");
        assert!(waiting(&draft(), "/login").into_string().contains("value=\"old\""));
    }

    #[test]
    fn a_form_that_its_page_fills_in_is_not_listed_too() {
        let kept = Kept::new(draft());
        assert!(kept.take("/schedules").is_none());
        assert!(kept.show("new").into_string().contains("What you sent"));
        assert!(kept.clone().take("/waivers").is_some());
        let html = kept.show("new").into_string();
        assert!(html.contains(TOLD) && !html.contains("What you sent"), "{html}");
    }
}
