//! The fonts of `reports/fonts`: the only ones a document can use.

use std::sync::LazyLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;

use crate::error::RenderError;
use crate::reports;

/// The fonts, parsed once a process.
pub(crate) struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
}

static FONTS: LazyLock<Result<Fonts, &'static str>> = LazyLock::new(|| {
    let fonts: Vec<Font> = reports::FONTS
        .iter()
        .map(|(name, bytes)| Font::new(Bytes::new(*bytes), 0).ok_or(*name))
        .collect::<Result<_, _>>()?;
    Ok(Fonts { book: LazyHash::new(FontBook::from_fonts(&fonts)), fonts })
});

/// The fonts.
///
/// # Errors
/// A built-in file that is no font.
pub(crate) fn fonts() -> Result<&'static Fonts, RenderError> {
    FONTS.as_ref().map_err(|name| RenderError::Font(name))
}

impl Fonts {
    /// Whether some font has a glyph for `c`.
    pub(crate) fn cover(&self, c: char) -> bool {
        self.fonts.iter().map(Font::info).any(|info: &FontInfo| info.coverage.contains(u32::from(c)))
    }
}
