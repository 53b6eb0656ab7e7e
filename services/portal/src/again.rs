//! Forms that came when their session had ended: what was typed is shown again, to be checked and sent.
//!
//! A page that has fields for it fills them in ([`crate::forms::Kept`]); any other one shows what was typed as a list, with
//! a button that sends it.

use hexproof_access::{Csrf, Draft};
use maud::{Markup, html};

use crate::forms::{hidden_as, submit};
use crate::marks;
use crate::viewer::Viewer;

/// What is told of such a form.
const TOLD: &str = "Your session had ended; nothing was sent yet. Check and send.";
/// Fields that people did not fill in.
const SILENT: [&str; 4] = [Csrf::FIELD, "request", "version", "intent"];

/// What stands at the top of a page that cannot fill in the form which was kept for it.
pub(crate) fn told(viewer: &Viewer) -> Markup {
    html! {
        @if let Some(draft) = &viewer.kept {
            p.notice role="status" { (TOLD) }
            (resend(draft, &viewer.csrf, "Send"))
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
}
