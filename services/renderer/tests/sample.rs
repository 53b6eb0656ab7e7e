//! The sample of `reports/` renders without a warning, is deterministic and carries its attachments.
#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails, as it should")]

mod common;

use common::{attachment, text_of};
use hexproof_renderer::{RenderError, Report, render, render_with};

fn sample() -> Report {
    serde_json::from_str(include_str!("../../../reports/sample.json")).unwrap()
}

#[test]
fn the_sample_renders_and_the_same_input_gives_the_same_bytes() {
    let files = [attachment("assessment.json", b"{\"a\": 1}"), attachment("population.json", b"[]")];
    let first = render(&sample(), &files).unwrap();
    assert!(first.starts_with(b"%PDF-1.7"));
    assert!(first == render(&sample(), &files).unwrap(), "two renders differ");
    let document = lopdf::Document::load_mem(&first).unwrap();
    let text = format!("{:?}", document.trailer);
    assert!(text.contains("ID"), "{text}");
}

#[test]
fn every_attachment_is_inside_with_type_relationship_and_digest() {
    let files =
        [attachment("assessment.json", b"{\"a\": 1}"), attachment("catalogue.txt", b"digest  file\n")];
    let pdf = render(&sample(), &files).unwrap();
    let document = lopdf::Document::load_mem(&pdf).unwrap();
    let mut found = Vec::new();
    for object in document.objects.values() {
        let Ok(spec) = object.as_dict() else { continue };
        if spec.get(b"Type").and_then(lopdf::Object::as_name).is_ok_and(|name| name == b"Filespec") {
            let name = lopdf::decode_text_string(spec.get(b"UF").unwrap()).unwrap();
            assert_eq!(spec.get(b"AFRelationship").unwrap().as_name().unwrap(), b"Data");
            assert!(spec.has(b"Desc"), "{name} has no description");
            let stream =
                spec.get(b"EF").unwrap().as_dict().unwrap().get(b"F").unwrap().as_reference().unwrap();
            let stream = document.get_object(stream).unwrap().as_stream().unwrap();
            assert_eq!(stream.dict.get(b"Subtype").unwrap().as_name().unwrap(), b"application/json");
            assert!(stream.dict.get(b"Params").unwrap().as_dict().unwrap().has(b"ModDate"));
            let bytes = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
            found.push((name, bytes));
        }
    }
    found.sort();
    let expected: Vec<(String, Vec<u8>)> = files.iter().map(|f| (f.name.clone(), f.bytes.clone())).collect();
    assert_eq!(found, expected);
    let Some(text) = text_of(&pdf, None) else { return };
    for file in &files {
        assert!(
            text.contains(&hexproof_core::Digest::of(&file.bytes).hex()),
            "digest of {} is not printed",
            file.name
        );
    }
}

#[test]
fn the_file_says_what_it_is() {
    let pdf = render(&sample(), &[]).unwrap();
    let document = lopdf::Document::load_mem(&pdf).unwrap();
    let catalog = document.catalog().unwrap();
    assert!(catalog.has(b"MarkInfo") && catalog.has(b"StructTreeRoot") && catalog.has(b"Metadata"));
    let language = catalog.get(b"Lang").unwrap().as_str().unwrap();
    assert_eq!(language, b"en");
    let metadata = document.get_object(catalog.get(b"Metadata").unwrap().as_reference().unwrap()).unwrap();
    let xmp = metadata.as_stream().unwrap();
    let xmp = xmp.decompressed_content().unwrap_or_else(|_| xmp.content.clone());
    let xmp = String::from_utf8(xmp).unwrap();
    for part in
        ["<pdfaid:part>3<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<", "Evidence pack of weak-shop"]
    {
        assert!(xmp.contains(part), "{part} is not in {xmp}");
    }
}

/// The tags of the structure element `object` and of all below it.
fn tags(document: &lopdf::Document, object: &lopdf::Object, found: &mut Vec<String>) {
    let Ok((_, object)) = document.dereference(object) else { return };
    match object {
        lopdf::Object::Array(items) => items.iter().for_each(|item| tags(document, item, found)),
        lopdf::Object::Dictionary(element) => {
            if let Ok(tag) = element.get(b"S").and_then(lopdf::Object::as_name) {
                found.push(String::from_utf8_lossy(tag).into_owned());
            }
            if let Ok(below) = element.get(b"K") {
                tags(document, below, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_table_has_a_head_and_every_figure_a_text() {
    let pdf = render(&sample(), &[attachment("assessment.json", b"{}")]).unwrap();
    let document = lopdf::Document::load_mem(&pdf).unwrap();
    let (mut tables, mut figures) = (0, 0);
    for object in document.objects.values() {
        let Ok(element) = object.as_dict() else { continue };
        let tag = element.get(b"S").and_then(lopdf::Object::as_name).unwrap_or_default();
        if tag == b"Table" {
            tables += 1;
            let mut below = Vec::new();
            tags(&document, object, &mut below);
            assert!(below.iter().any(|tag| tag == "TH"), "a table without a head: {below:?}");
        } else if tag == b"Figure" {
            figures += 1;
            assert!(element.has(b"Alt"), "a figure without a text");
        }
    }
    assert!(tables > 10 && figures > 42, "{tables} tables, {figures} figures");
}

#[test]
fn a_template_that_warns_is_an_error_that_names_the_place() {
    let warns = [("pack.typ", "#set document(title: \"t\")\n#set text(font: \"Nowhere Sans\")\nx")];
    let error = render_with(&warns, &sample(), &[]).unwrap_err();
    let RenderError::Typst(messages) = &error else { panic!("{error}") };
    assert!(messages.iter().any(|m| m.starts_with("pack.typ:2: ") && m.contains("font")), "{messages:?}");
}

#[test]
fn a_template_reaches_no_file_and_no_package() {
    for source in [
        "#read(\"/etc/passwd\")",
        "#read(\"../../../etc/passwd\")",
        "#import \"@preview/example:0.1.0\": *",
        "#datetime.today()",
        "#read(\"attachments/0\")",
    ] {
        let error = render_with(&[("pack.typ", source)], &sample(), &[]).unwrap_err();
        assert!(matches!(error, RenderError::Typst(_)), "{source}");
    }
}

#[test]
fn a_report_with_an_unknown_field_is_refused() {
    let mut value: serde_json::Value =
        serde_json::from_str(include_str!("../../../reports/sample.json")).unwrap();
    value["summary"]["colour"] = "red".into();
    let error = serde_json::from_value::<Report>(value).unwrap_err().to_string();
    assert!(error.contains("colour"), "{error}");
}
