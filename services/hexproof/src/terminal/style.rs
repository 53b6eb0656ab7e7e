//! Colours of ratings in a terminal, and when there are none.

use std::env;
use std::io::IsTerminal;

use hexproof_core::Rating;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// No escape sequences at all.
    Plain,
    /// The 16 colours every terminal has.
    Sixteen,
    /// The 256 colours of xterm.
    Full,
}

/// A style of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Headings and names.
    Bold,
    /// Notes.
    Dim,
    /// The tile of a rating.
    Tile(Rating),
}

impl Palette {
    /// The palette for standard output: none without a terminal, with `NO_COLOR` (no-color.org) or `TERM=dumb`.
    pub(crate) fn detect() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let term = env::var("TERM").unwrap_or_default();
        if set("NO_COLOR") || term == "dumb" || !std::io::stdout().is_terminal() {
            Self::Plain
        } else if term.contains("256color") || set("COLORTERM") {
            Self::Full
        } else {
            Self::Sixteen
        }
    }

    /// `text` in a style.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match (self, style) {
            (Self::Plain, _) => return text.to_owned(),
            (_, Style::Bold | Style::Tile(Rating::A | Rating::B)) => "1",
            (_, Style::Dim) => "2",
            (_, Style::Tile(Rating::NotAssessed)) => return text.to_owned(),
            (Self::Full, Style::Tile(Rating::C)) => "38;5;16;48;5;220",
            (Self::Full, Style::Tile(Rating::D)) => "38;5;16;48;5;208",
            (Self::Full, Style::Tile(Rating::E)) => "1;38;5;231;48;5;160",
            (Self::Sixteen, Style::Tile(Rating::C)) => "33",
            (Self::Sixteen, Style::Tile(Rating::D)) => "7;33",
            (Self::Sixteen, Style::Tile(Rating::E)) => "7;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Columns of the terminal; 80 where there is none, and never fewer.
pub(crate) fn columns() -> usize {
    let stated = env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    let (_, seen) = console::Term::stdout().size();
    let width = if std::io::stdout().is_terminal() { Some(usize::from(seen)) } else { stated };
    width.unwrap_or(80).clamp(80, 400)
}
