//! Draws `reports/sample.json` with the templates on disk: for those who design pages.
//!
//! `cargo run -p hexproof-renderer --example sample -- OUT.pdf [REPORT.json]`

use std::path::{Path, PathBuf};
use std::time::Instant;

use hexproof_renderer::{Attachment, Relationship, Report, render_with};

fn templates(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            templates(&path, root, found)?;
        } else if path.extension().is_some_and(|extension| extension == "typ") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.push((name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports");
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().ok_or("usage: sample OUT.pdf [REPORT.json]")?);
    let json = arguments.next().map_or_else(|| root.join("sample.json"), PathBuf::from);
    let report: Report = serde_json::from_slice(&std::fs::read(json)?)?;
    let mut found = Vec::new();
    templates(&root, &root, &mut found)?;
    let found: Vec<(&str, &str)> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let attachment = Attachment {
        name: "assessment.json".into(),
        mime: "application/json".into(),
        relationship: Relationship::Data,
        description: "A sample, without content".into(),
        bytes: b"{}".to_vec(),
    };
    let start = Instant::now();
    let pdf = render_with(&found, &report, &[attachment])?;
    eprintln!("{} bytes in {:?}", pdf.len(), start.elapsed());
    Ok(std::fs::write(out, pdf)?)
}
