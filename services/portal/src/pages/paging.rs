//! Links through the pages of a list whose length is known.

use maud::{Markup, html};

use crate::words;

/// Where a reader is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    /// Rows of a page.
    pub(crate) each: u64,
    /// The page, from 1.
    pub(crate) page: u64,
    /// Rows of the list.
    pub(crate) fitting: u64,
}

impl Paging {
    fn pages(&self) -> u64 {
        self.fitting.div_ceil(self.each.max(1)).max(1)
    }
}

/// First, previous, next, last; nothing where one page has all.
pub(crate) fn paging(paging: &Paging, address: impl Fn(u64) -> String) -> Markup {
    let (page, pages) = (paging.page, paging.pages());
    if pages == 1 && page == 1 {
        return html! {};
    }
    let step = |to: u64, text: &str, rel: Option<&str>| {
        html! {
            @if to == page || to < 1 || to > pages { span.off aria-hidden="true" { (text) } }
            @else { a href=(address(to)) rel=[rel] { (text) } }
        }
    };
    html! {
        nav.pager aria-label="Pages of the list" {
            (step(1, "First", None))
            (step(page.saturating_sub(1).min(pages), "Previous", Some("prev")))
            span.here { "Page " (words::thousands(page)) " of " (words::thousands(pages)) }
            (step(page.saturating_add(1), "Next", Some("next")))
            (step(pages, "Last", None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(page: u64, fitting: u64) -> String {
        paging(&Paging { each: 50, page, fitting }, |page| format!("/x?page={page}")).0
    }

    #[test]
    fn links_lead_within_the_list_and_back_from_beyond_it() {
        assert_eq!(shown(1, 50), "");
        assert_eq!(shown(1, 0), "");
        let first = shown(1, 101);
        assert!(
            first.contains("Page 1 of 3") && first.contains("page=2") && first.contains("page=3"),
            "{first}"
        );
        assert!(!first.contains("page=0") && !first.contains("page=1\""), "{first}");
        let beyond = shown(99, 101);
        assert!(
            beyond.contains("page=3") && !beyond.contains("page=98") && !beyond.contains("page=100"),
            "{beyond}"
        );
    }
}
