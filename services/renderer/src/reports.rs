//! The folder `reports/`, compiled in: templates and fonts are data, but no file is read at run time.

macro_rules! embed {
    ($kind:ident, $($path:literal),+ $(,)?) => { &[$(($path, $kind!(concat!("../../../reports/", $path)))),+] };
}

/// The templates by their path in the virtual project.
pub(crate) const TEMPLATES: &[(&str, &str)] = embed!(
    include_str,
    "pack.typ",
    "frame.typ",
    "parts.typ",
    "theme.typ",
    "pages/annex.typ",
    "pages/changes.typ",
    "pages/cover.typ",
    "pages/finding.typ",
    "pages/frameworks.typ",
    "pages/layer.typ",
    "pages/method.typ",
    "pages/passed.typ",
    "pages/population.typ",
    "pages/signoff.typ",
    "pages/summary.typ",
    "pages/waivers.typ",
);

/// The fonts, those of the text first.
pub(crate) const FONTS: &[(&str, &[u8])] = embed!(
    include_bytes,
    "fonts/IBMPlexSans-Regular.ttf",
    "fonts/IBMPlexSans-Medium.ttf",
    "fonts/IBMPlexSans-SemiBold.ttf",
    "fonts/IBMPlexSans-Bold.ttf",
    "fonts/IBMPlexSansCondensed-Regular.ttf",
    "fonts/IBMPlexMono-Regular.ttf",
    "fonts/IBMPlexMono-SemiBold.ttf",
    "fonts/NotoSansArabic-Regular.ttf",
    "fonts/NotoSansHebrew-Regular.ttf",
    "fonts/NotoSansThai-Regular.ttf",
    "fonts/NotoSansDevanagari-Regular.ttf",
    "fonts/DroidSansFallback.ttf",
    "fonts/NotoEmoji-Regular.ttf",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn files(folder: &Path, root: &Path, extension: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, root, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn every_template_and_font_of_the_folder_is_compiled_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports");
        let names = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let mut templates = BTreeSet::new();
        files(&root, &root, "typ", &mut templates);
        assert_eq!(templates, names(TEMPLATES.iter().map(|(path, _)| *path).collect()));
        let mut fonts = BTreeSet::new();
        files(&root, &root, "ttf", &mut fonts);
        assert_eq!(fonts, names(FONTS.iter().map(|(path, _)| *path).collect()));
    }

    #[test]
    fn the_fonts_stay_below_eight_megabytes() {
        assert!(FONTS.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 8 << 20);
    }
}
