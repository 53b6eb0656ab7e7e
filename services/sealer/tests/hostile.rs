//! Files made to break a reader: the verifier answers, in bounded time and memory, and not with "valid".

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::{PACK, check, identity, noon, sealed};
use hexproof_sealer::{
    Identity, SealError, SealOptions, StepName, Verdict, attachment_head, attachments, seal,
};
use proptest::prelude::*;

/// A PDF of these object bodies, numbered from 1; the first is the catalog.
fn pdf(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (index, body) in bodies.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    let xref = bytes.len();
    bytes.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", bodies.len() + 1).as_bytes());
    for offset in offsets {
        bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let size = bodies.len() + 1;
    bytes.extend_from_slice(
        format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n").as_bytes(),
    );
    bytes
}

fn texts(bodies: &[&str]) -> Vec<u8> {
    pdf(&bodies.iter().map(|body| body.as_bytes().to_vec()).collect::<Vec<_>>())
}

/// An untagged page with these attachments, each a filter and its bytes.
fn with_attachments(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: String = (0..files.len()).map(|file| format!("(f{file}) {} 0 R ", 4 + 2 * file)).collect();
    let mut bodies = vec![
        format!("<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[{names}]>>>>>>").into_bytes(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>".to_vec(),
    ];
    for (file, (entries, bytes)) in files.iter().enumerate() {
        let stream = 5 + 2 * file;
        bodies.push(format!("<</Type/Filespec/F(f{file})/EF<</F {stream} 0 R>>>>").into_bytes());
        let mut body = format!("<</Length {}{entries}>>\nstream\n", bytes.len()).into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\nendstream");
        bodies.push(body);
    }
    pdf(&bodies)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn seal_with(identity: &Identity, pdf: &[u8]) -> Vec<u8> {
    seal(pdf, identity, &SealOptions::new(noon())).unwrap()
}

#[test]
fn a_signed_bomb_is_unknown_and_ends_soon() {
    let identity = identity();
    let start = Instant::now();
    let bomb = with_attachments(&[("/Filter/FlateDecode", deflate(&vec![b' '; 32 << 20]))]);
    let sealed = seal_with(&identity, &bomb);
    let verification = check(&sealed, &identity);
    let step = verification.step(StepName::Attachments).unwrap();
    assert_eq!(step.verdict, Verdict::Unknown);
    assert!(step.sentence.contains("100-fold"), "{}", step.sentence);
    assert!(matches!(attachments(&sealed), Err(SealError::Limit { .. })));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn the_head_of_an_attachment_is_no_more_than_was_asked_for() {
    let file = with_attachments(&[("/Filter/FlateDecode", deflate(&vec![b'x'; 32 << 20]))]);
    let head = attachment_head(&file, "f0", 1 << 20).unwrap().unwrap();
    assert!((1 << 19..=1 << 20).contains(&head.len()), "{}", head.len());
    assert!(attachment_head(&file, "f1", 1 << 20).unwrap().is_none());
    let short = with_attachments(&[("/Filter/FlateDecode", deflate(b"short"))]);
    assert_eq!(attachment_head(&short, "f0", 1 << 20).unwrap().unwrap(), b"short");
    assert!(attachment_head(b"no file", "f0", 1).is_err());
}

#[test]
fn attachments_that_contradict_the_file_are_refused() {
    let identity = identity();
    let cases = [
        ("/Params<</Size 5/CheckSum<5d41402abc4b2a76b9719d911017c592>>>", Verdict::Valid),
        ("/Params<</Size 6>>", Verdict::Invalid),
        ("/Params<</Size(5)>>", Verdict::Invalid),
        ("/Params<</CheckSum<00>>>", Verdict::Invalid),
        ("/Filter/LZWDecode", Verdict::Unknown),
        ("/Filter/FlateDecode", Verdict::Invalid),
        ("/Filter[/ASCIIHexDecode/FlateDecode]", Verdict::Unknown),
    ];
    for (entries, verdict) in cases {
        let sealed = seal_with(&identity, &with_attachments(&[(entries, b"hello".to_vec())]));
        let verification = check(&sealed, &identity);
        assert_eq!(verification.step(StepName::Attachments).unwrap().verdict, verdict, "{entries}");
        assert_eq!(verification.verdict(), verdict, "{entries}");
    }
}

#[test]
fn two_files_of_one_name_and_files_beside_the_list_are_refused() {
    let identity = identity();
    let good = with_attachments(&[("", b"a".to_vec()), ("", b"b".to_vec())]);
    assert_eq!(attachments(&good).unwrap().len(), 2);
    let text = |from: &str, to: &str| {
        let mut changed = good.clone();
        let place = common::find(&good, from);
        changed[place..place + from.len()].copy_from_slice(to.as_bytes());
        changed
    };
    for changed in [
        text("/F(f1)", "/F(f0)"),
        text("/EF<</F 7 0 R", "/EF<</F 9 0 R"),
        text("<</F 7 0 R>>", "<</G 7 0 R>>"),
    ] {
        let verification = check(&seal_with(&identity, &changed), &identity);
        assert_eq!(verification.step(StepName::Attachments).unwrap().verdict, Verdict::Invalid);
    }
}

#[test]
fn loops_and_towers_of_references_end() {
    let identity = identity();
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 3 0 R/Names<</EmbeddedFiles 4 0 R>>>>";
    let pages = "<</Type/Pages/Kids[2 0 R]>>";
    let loops = [
        // A field, a name tree and a page tree that contain themselves.
        texts(&[
            catalog,
            pages,
            "<</Fields[3 0 R 3 0 R]/Kids[3 0 R 3 0 R]>>",
            "<</Kids[4 0 R 4 0 R 4 0 R]>>",
        ]),
        // References that only lead on.
        texts(&["2 0 R", "3 0 R", "2 0 R"]),
        texts(&[&catalog.replace("3 0 R", "5 0 R"), pages, "5 0 R", "4 0 R", "3 0 R"]),
        // An array of 2,000 references to a field with 2,000 references to it.
        texts(&[
            "<</AcroForm 2 0 R>>",
            &format!("<</Fields[{}]>>", "3 0 R ".repeat(2_000)),
            &format!("<</FT/Sig/Kids[{}]>>", "3 0 R ".repeat(2_000)),
        ]),
    ];
    for file in &loops {
        let start = Instant::now();
        assert!(!check(file, &identity).is_valid());
        assert!(attachments(file).is_ok_and(|found| found.is_empty()) || attachments(file).is_err());
        assert!(seal(file, &identity, &SealOptions::new(noon())).is_err());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

#[test]
fn objects_of_countless_values_stop_early() {
    let identity = identity();
    let many = "1 ".repeat(1_100_000);
    let signature = format!("<</Type/Sig/Contents<00>/X[{many}]>>");
    let form = "<</AcroForm<</Fields[2 0 R]>>>>";
    let file = texts(&[form, "<</FT/Sig/V 3 0 R>>", &signature]);
    let verification = check(&file, &identity);
    assert_eq!(verification.step(StepName::Structure).unwrap().verdict, Verdict::Unknown);
    assert!(verification.sentence().contains("1,000,000 values"), "{}", verification.sentence());
    // Fewer values each, but kept for each of many signatures.
    let signature = format!("<</Type/Sig/Contents<00>/X[{}]>>", "1 ".repeat(100_000));
    let fields: Vec<String> = (0..20).map(|field| format!("{} 0 R", 2 + 2 * field)).collect();
    let mut bodies = vec![format!("<</AcroForm<</Fields[{}]>>>>", fields.join(" "))];
    for field in 0..20 {
        bodies.push(format!("<</FT/Sig/V {} 0 R>>", 3 + 2 * field));
        bodies.push(signature.clone());
    }
    let file = texts(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    let verification = check(&file, &identity);
    assert_eq!(verification.step(StepName::Structure).unwrap().verdict, Verdict::Unknown);
    assert!(verification.sentence().contains("64 MiB"), "{}", verification.sentence());
}

#[test]
fn broken_cross_references_are_refused() {
    let identity = identity();
    let good = texts(&["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]>>", "<</Type/Page>>"]);
    assert!(seal(&good, &identity, &SealOptions::new(noon())).is_ok());
    let changed = |from: &str, to: &str| {
        let place = common::find(&good, from);
        let mut changed = good[..place].to_vec();
        changed.extend_from_slice(to.as_bytes());
        changed.extend_from_slice(&good[place + from.len()..]);
        changed
    };
    let xref = common::find(&good, "xref\n0 4");
    for broken in [
        changed("/Root 1 0 R", "/Root 9 0 R"),
        changed("/Root 1 0 R", &format!("/Root 1 0 R/Prev {xref}")),
        changed("/Root 1 0 R", "/Root 1 0 R/Prev 0"),
        changed("/Root 1 0 R", "/Root 1 0 R/Prev -5"),
        changed("/Root 1 0 R", "/Root 1 0 R/Encrypt<<>>"),
        changed("/Root 1 0 R", "/Root 1 0 R/XRefStm 5"),
        changed("/Size 4", "/Size 2"),
        changed("/Size 4", "/Size 4000000000"),
        changed("xref\n0 4", "xref\n0 4000000000"),
        changed("xref\n0 4", "xref\n0 9"),
        changed("startxref\n", "startxref\n9"),
        changed("%%EOF", "%%E"),
        changed("0000000000 65535 f", "000000000x 65535 f"),
        changed("%PDF-1.7", "%!PS-1.7"),
    ] {
        let sealing = seal(&broken, &identity, &SealOptions::new(noon()));
        assert!(sealing.is_err(), "{}", String::from_utf8_lossy(&broken));
        assert!(!check(&broken, &identity).is_valid());
    }
}

#[test]
fn hostile_names_stay_on_one_line() {
    let name = "(\u{202e}fdp.exe\n\u{1b}[31m../../etc/passwd)";
    let file = texts(&[
        "<</Type/Catalog/Names<</EmbeddedFiles<</Names[(a) 2 0 R]>>>>>>",
        &format!("<</Type/Filespec/UF(\u{feff}{})/EF<</F 3 0 R>>>>", &name[1..name.len() - 1]),
        "<</Length 1>>\nstream\na\nendstream",
    ]);
    let found = attachments(&file).unwrap();
    assert_eq!(found[0].name, "\u{fffd}fdp.exe\u{fffd}\u{fffd}[31m../../etc/passwd");
}

/// Pieces that PDF syntax is made of, so that random files get past the first byte.
fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("<<".to_owned()),
        Just(">>".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("<".to_owned()),
        Just("stream\n".to_owned()),
        Just("endobj".to_owned()),
        Just("xref\n".to_owned()),
        Just("trailer\n".to_owned()),
        Just("startxref\n".to_owned()),
        Just("%%EOF".to_owned()),
        "/(Root|Fields|AcroForm|Kids|V|FT|Sig|ByteRange|Contents|Names|EmbeddedFiles|Length|Prev|Size)",
        "[0-9]{1,3} 0 (R|obj)",
        "-?[0-9]{1,19}",
        "\\PC{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_changes_never_panic_and_never_verify(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0_usize..64), 1..8),
    ) {
        let identity = shared_identity();
        let good = shared_pack();
        let mut pdf = good.clone();
        for (index, byte, length) in changes {
            let at = index.index(pdf.len());
            match byte % 4 {
                0 => pdf[at] = byte,
                1 => pdf.insert(at, byte),
                2 => drop(pdf.drain(at..(at + length).min(pdf.len() - 1).max(at))),
                _ => {
                    let end = (at + length).min(pdf.len());
                    let piece = pdf[at..end].to_vec();
                    pdf.splice(at..at, piece);
                }
            }
        }
        prop_assume!(pdf != *good);
        prop_assert!(!check(&pdf, identity).is_valid());
        let _ = attachments(&pdf);
        let _ = seal(&pdf, identity, &SealOptions::new(noon()));
    }

    #[test]
    fn random_syntax_never_panics(tokens in proptest::collection::vec(token(), 0..200), sealed in any::<bool>()) {
        let identity = shared_identity();
        let text = tokens.join(" ");
        let mut file = if sealed { shared_pack().clone() } else { b"%PDF-1.7\n".to_vec() };
        let xref = file.len();
        file.extend_from_slice(text.as_bytes());
        file.extend_from_slice(format!("\nstartxref\n{xref}\n%%EOF\n").as_bytes());
        prop_assert!(!check(&file, identity).is_valid());
        let _ = attachments(&file);
        let object = texts(&[&text, &text]);
        prop_assert!(!check(&object, identity).is_valid());
        let _ = attachments(&object);
        let _ = seal(&object, identity, &SealOptions::new(noon()));
    }

    #[test]
    fn random_containers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0_usize..1200) {
        let mut file = shared_pack().clone();
        let start = common::find(&file, "/Contents <3") + "/Contents <".len();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let place = start + 2 * at;
        let original = file[place..place + hex.len()].to_vec();
        file[place..place + hex.len()].copy_from_slice(hex.as_bytes());
        prop_assume!(original != hex.as_bytes() && place + hex.len() < file.len() - 700);
        prop_assert!(!check(&file, shared_identity()).is_valid());
    }
}

fn shared_identity() -> &'static Identity {
    static IDENTITY: std::sync::OnceLock<Identity> = std::sync::OnceLock::new();
    IDENTITY.get_or_init(identity)
}

fn shared_pack() -> &'static Vec<u8> {
    static SEALED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SEALED.get_or_init(|| {
        assert!(PACK.len() > 1_000);
        sealed(shared_identity())
    })
}
