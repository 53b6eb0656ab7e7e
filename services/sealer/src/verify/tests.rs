//! Forgeries: packs signed for real, by keys the verifier trusts or not, with one thing wrong each.
//! They need the crate's insides to be made; what a file can suffer from outside is tested in `tests/`.

use der::Encode;
use der::oid::ObjectIdentifier;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

use super::{StepName, TrustStore, Verdict, Verification, signatures, verify};
use crate::container;
use crate::pdf::object::write_hex;
use crate::pdf::write::Update;
use crate::pdf::{Dict, Document, Object, Reference};
use crate::seal::sign;
use crate::{Identity, Permission, SealOptions, form, seal};

const PACK: &[u8] = include_bytes!("../../tests/fixtures/pack.pdf");

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// An authority of our own making and what it issues.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = params("Leaf");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::ContentCommitment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])];
    params
}

impl Authority {
    fn new() -> Self {
        Self { issuer: CertifiedIssuer::self_signed(authority_params("Root"), key()).unwrap() }
    }

    fn trust(&self) -> TrustStore {
        TrustStore::from_pems([self.issuer.pem()]).unwrap()
    }

    /// An identity with just this leaf, whatever it may be.
    fn issue(&self, params: &CertificateParams) -> Identity {
        let key = key();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Identity::unchecked(&leaf.pem(), &key.serialize_pem())
    }

    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = leaf_params();
        change(&mut params);
        self.issue(&params)
    }
}

fn sealed(identity: &Identity) -> Vec<u8> {
    seal(PACK, identity, &SealOptions::new(noon())).unwrap()
}

#[track_caller]
fn refused(verification: &Verification, step: StepName, verdict: Verdict, words: &str) {
    assert!(!verification.is_valid());
    let step = verification.step(step).unwrap();
    assert_eq!(step.verdict, verdict, "{verification:#?}");
    assert!(step.sentence.contains(words), "{verification:#?}");
}

/// The numbers of a file's only ByteRange, and where its `[` and its end are.
fn byte_range(pdf: &[u8]) -> ([usize; 3], std::ops::Range<usize>) {
    let marker = b"/ByteRange ";
    let start = pdf.windows(marker.len()).rposition(|window| window == marker).unwrap() + marker.len();
    let end = start + form::BYTE_RANGE_WIDTH;
    let text = String::from_utf8(pdf[start..end].to_vec()).unwrap();
    let numbers: Vec<usize> = text
        .trim()
        .trim_matches(['[', ']'])
        .split(' ')
        .skip(1)
        .map(|number| number.parse().unwrap())
        .collect();
    (numbers.try_into().unwrap(), start..end)
}

/// Signs the file again as its (last) ByteRange stands, or as `numbers` say.
fn sign_again(pdf: &mut [u8], identity: &Identity, certificates: &Identity, numbers: Option<[usize; 3]>) {
    let (stands, place) = byte_range(pdf);
    let [first, second, length] = numbers.unwrap_or(stands);
    let text = format!("[0 {first} {second} {length}]");
    pdf[place.clone()].fill(b' ');
    pdf[place.start..place.start + text.len()].copy_from_slice(text.as_bytes());
    let digest = crate::sha256_without(&pdf[..second + length], &(first..second));
    let attributes = container::signed_attributes(digest.as_ref(), certificates.leaf()).unwrap();
    let signature = sign(identity, &attributes).unwrap();
    let bytes = container::build(certificates.chain(), digest.as_ref(), &signature).unwrap();
    put(pdf, stands[0]..stands[1], &bytes);
}

fn put(pdf: &mut [u8], gap: std::ops::Range<usize>, container: &[u8]) {
    let mut hex = Vec::new();
    write_hex(container, &mut hex);
    hex.resize(gap.len() - 2, b'0');
    pdf[gap.start + 1..gap.end - 1].copy_from_slice(&hex);
}

#[test]
fn an_authority_of_ones_own_works_and_so_does_an_intermediate() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    assert!(verify(&sealed(&leaf), &root.trust(), noon()).is_valid());

    let middle_key = key();
    let middle = CertifiedIssuer::signed_by(authority_params("Middle"), middle_key, &root.issuer).unwrap();
    let key = key();
    let leaf = leaf_params().signed_by(&key, &middle).unwrap();
    let chain = leaf.pem() + &middle.pem();
    let identity = Identity::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let verification = verify(&sealed(&identity), &root.trust(), noon());
    assert!(verification.is_valid(), "{verification:#?}");
    // Without the intermediate nobody can tell.
    let identity = Identity::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let verification = verify(&sealed(&identity), &root.trust(), noon());
    refused(&verification, StepName::Certificate, Verdict::Unknown, "`Middle` is not a trusted authority");
}

#[test]
fn a_byte_range_that_leaves_out_more_than_the_signature_is_refused() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    let original = sealed(&leaf);
    let ([first, second, length], _) = byte_range(&original);
    for numbers in [
        [first - 10, second, length],
        [first, second + 10, length - 10],
        [first + 1, second - 1, length + 1],
        [10, 20, original.len() - 20],
    ] {
        let mut forged = original.clone();
        sign_again(&mut forged, &leaf, &leaf, Some(numbers));
        let verification = verify(&forged, &root.trust(), noon());
        refused(&verification, StepName::Coverage, Verdict::Invalid, "its ByteRange leaves out");
    }
    let mut forged = original.clone();
    sign_again(&mut forged, &leaf, &leaf, Some([first, second, length - 1]));
    let verification = verify(&forged, &root.trust(), noon());
    refused(&verification, StepName::Coverage, Verdict::Invalid, "1 bytes from offset");
}

#[test]
fn a_container_by_another_key_is_refused() {
    let root = Authority::new();
    let (leaf, other) = (root.leaf(|_| {}), root.leaf(|_| {}));
    let mut forged = sealed(&leaf);
    sign_again(&mut forged, &other, &leaf, None);
    let verification = verify(&forged, &root.trust(), noon());
    refused(&verification, StepName::Signature, Verdict::Invalid, "not signed by the key of its certificate");
}

#[test]
fn a_certificate_of_the_same_name_from_another_authority_is_refused() {
    let (root, forger) = (Authority::new(), Authority::new());
    let verification = verify(&sealed(&forger.leaf(|_| {})), &root.trust(), noon());
    refused(
        &verification,
        StepName::Certificate,
        Verdict::Invalid,
        "not signed by the trusted authority it names",
    );
}

#[test]
fn certificates_that_are_no_part_of_the_chain_are_refused() {
    let (root, stranger) = (Authority::new(), Authority::new());
    let key = key();
    let leaf = leaf_params().signed_by(&key, &root.issuer).unwrap();
    let chain = leaf.pem() + &stranger.issuer.pem();
    let identity = Identity::unchecked(&chain, &key.serialize_pem());
    let verification = verify(&sealed(&identity), &root.trust(), noon());
    refused(&verification, StepName::Certificate, Verdict::Invalid, "no part of the chain");
}

#[test]
fn certificates_for_other_purposes_are_refused() {
    let root = Authority::new();
    let cases: [(Identity, &str); 6] = [
        (root.leaf(|leaf| leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature]), "lacks nonRepudiation"),
        (root.leaf(|leaf| leaf.key_usages.clear()), "lacks nonRepudiation"),
        (
            root.leaf(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "extended key usage",
        ),
        (
            root.leaf(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            "sign certificates, not documents",
        ),
        (
            root.leaf(|leaf| leaf.not_after = date_time_ymd(2026, 11, 1)),
            "was not valid when the seal was made",
        ),
        (
            root.leaf(|leaf| {
                let mut unknown =
                    rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                unknown.set_criticality(true);
                leaf.custom_extensions.push(unknown);
            }),
            "extension 1.3.6.1.4.1.99999.1 is not understood",
        ),
    ];
    for (identity, words) in cases {
        // The sealer refuses a time outside the validity: then it seals earlier, and the date is forged.
        let pdf = seal(PACK, &identity, &SealOptions::new(noon())).unwrap_or_else(|_| {
            let at = "2026-10-01T12:00:00Z".parse().unwrap();
            let mut pdf = seal(PACK, &identity, &SealOptions::new(at)).unwrap();
            let date = b"/M (D:20261001120000Z)";
            let place = pdf.windows(date.len()).rposition(|window| window == date).unwrap();
            pdf[place..place + date.len()].copy_from_slice(b"/M (D:20261123120000Z)");
            sign_again(&mut pdf, &identity, &identity, None);
            pdf
        });
        let verification = verify(&pdf, &root.trust(), noon());
        refused(&verification, StepName::Certificate, Verdict::Invalid, words);
    }
}

#[test]
fn an_intermediate_that_is_no_authority_is_refused() {
    let root = Authority::new();
    let middle_key = key();
    let mut middle_params = leaf_params();
    middle_params.distinguished_name.push(DnType::CommonName, "Not an authority");
    let middle = middle_params.signed_by(&middle_key, &root.issuer).unwrap();
    let issuer = rcgen::Issuer::from_params(&middle_params, &middle_key);
    let key = key();
    let leaf = leaf_params().signed_by(&key, &issuer).unwrap();
    let identity = Identity::unchecked(&(leaf.pem() + &middle.pem()), &key.serialize_pem());
    let verification = verify(&sealed(&identity), &root.trust(), noon());
    refused(&verification, StepName::Certificate, Verdict::Invalid, "no authority's certificate");
}

#[test]
fn a_path_length_constraint_is_kept() {
    let mut root_params = authority_params("Narrow root");
    root_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = CertifiedIssuer::self_signed(root_params, key()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority_params("Middle"), key(), &root).unwrap();
    let key = key();
    let leaf = leaf_params().signed_by(&key, &middle).unwrap();
    let identity = Identity::unchecked(&(leaf.pem() + &middle.pem()), &key.serialize_pem());
    let verification = verify(&sealed(&identity), &TrustStore::from_pems([root.pem()]).unwrap(), noon());
    refused(&verification, StepName::Certificate, Verdict::Invalid, "fewer than 1 authorities below it");
}

#[test]
fn other_encodings_of_a_good_signature_are_refused() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    let original = sealed(&leaf);
    let ([first, second, _], _) = byte_range(&original);

    let mut upper = original.clone();
    upper[first..second].make_ascii_uppercase();
    let verification = verify(&upper, &root.trust(), noon());
    refused(&verification, StepName::Signature, Verdict::Invalid, "one permitted way");
}

/// For each ECDSA signature (r, s), (r, n - s) verifies as well: anybody can compute it.
#[test]
fn the_twin_of_a_good_signature_is_refused() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    let digest = [7; 32];
    let signature = sign(&leaf, &container::signed_attributes(&digest, leaf.leaf()).unwrap()).unwrap();
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut twin = signature[..36].to_vec();
    let mut borrow = 0;
    let mut s = [0; 32];
    for at in (0..32).rev() {
        let value = i16::from(order[at]) - i16::from(signature[38 + at]) - borrow;
        borrow = i16::from(value < 0);
        s[at] = u8::try_from(value.rem_euclid(256)).unwrap();
    }
    twin[1] += 1;
    twin.extend([2, 33, 0]);
    twin.extend(s);
    let bytes = container::build(leaf.chain(), &digest, &twin).unwrap();
    let read = container::Container::parse(&bytes).unwrap();
    assert_eq!(read.check_signature(), Ok(()));
    assert!(read.check_form(&bytes).unwrap_err().contains("in its one form"));
}

#[test]
fn a_container_with_padding_is_refused() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    // A gap made for a chain that is longer than the one used leaves zeros.
    let key = key();
    let certificate = leaf_params().signed_by(&key, &root.issuer).unwrap();
    let long = Identity::unchecked(&(certificate.pem() + &root.issuer.pem()), &key.serialize_pem());
    let mut padded = sealed(&long);
    sign_again(&mut padded, &leaf, &leaf, None);
    let verification = verify(&padded, &root.trust(), noon());
    refused(&verification, StepName::Signature, Verdict::Invalid, "malformed");
}

#[test]
fn a_container_without_the_attribute_that_names_its_certificate_is_refused() {
    let root = Authority::new();
    let (leaf, other) = (root.leaf(|_| {}), root.leaf(|_| {}));
    let mut pdf = sealed(&leaf);
    let ([first, second, _], _) = byte_range(&pdf);
    let digest = crate::sha256_without(&pdf, &(first..second));
    // Attributes that name another certificate than the container holds.
    let attributes = container::signed_attributes(digest.as_ref(), other.leaf()).unwrap();
    let signature = sign(&leaf, &attributes).unwrap();
    let good = container::build(leaf.chain(), digest.as_ref(), &signature).unwrap();
    let (from, to) = (crate::sha256(&leaf.leaf().der), crate::sha256(&other.leaf().der));
    let place = good.windows(32).position(|window| window == from.as_ref()).unwrap();
    let mut forged = good.clone();
    forged[place..place + 32].copy_from_slice(to.as_ref());
    put(&mut pdf, first..second, &forged);
    let verification = verify(&pdf, &root.trust(), noon());
    refused(&verification, StepName::Signature, Verdict::Invalid, "signed for another certificate");
    // And with another attribute in its place.
    let oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47").to_der().unwrap();
    let place = good.windows(oid.len()).position(|window| window == oid).unwrap();
    let mut forged = good;
    forged[place + oid.len() - 1] += 1;
    put(&mut pdf, first..second, &forged);
    let verification = verify(&pdf, &root.trust(), noon());
    refused(
        &verification,
        StepName::Signature,
        Verdict::Invalid,
        "lacks the signed attribute signing-certificate-v2",
    );
}

/// Adds a signed signature field in one more revision, after `change` had its way with the update.
fn countersign(pdf: &[u8], identity: &Identity, change: impl FnOnce(&Document<'_>, &mut Update)) -> Vec<u8> {
    let document = Document::open(pdf).unwrap();
    let mut update = Update::new(document.next_number().unwrap());
    let (signature_at, field_at) = (update.allocate(), update.allocate());
    let length = container::length(identity.chain()).unwrap();
    let signature = form::signature(&identity.signer_name(), &SealOptions::new(noon()), length).unwrap();
    update.set_raw(signature_at, signature.body.clone());
    let field = Dict::default()
        .with("Type", Object::name("Annot"))
        .with("Subtype", Object::name("Widget"))
        .with("FT", Object::name("Sig"))
        .with("T", Object::string("Auditor"))
        .with("V", signature_at)
        .with("F", 132)
        .with("Rect", vec![Object::Integer(0); 4]);
    update.set(field_at, field);
    let (_, catalog) = document.catalog().unwrap();
    let (form_at, mut form) = document.dict_at(catalog.get("AcroForm"), "form").unwrap();
    let mut fields = document.get_array(&form, "Fields").unwrap();
    fields.push(field_at.into());
    form.set("Fields", fields);
    update.set(form_at, form);
    change(&document, &mut update);
    let appended = update.append(pdf, document.xref(), document.trailer().clone());
    let mut bytes = appended.bytes;
    let start = appended.bodies[&signature_at.number] + signature.contents;
    let end = start + 2 * length + 2;
    let place = appended.bodies[&signature_at.number] + signature.byte_range;
    let text = format!("[0 {start} {end} {}]", bytes.len() - end);
    bytes[place..place + text.len()].copy_from_slice(text.as_bytes());
    sign_again(&mut bytes, identity, identity, None);
    bytes
}

#[test]
fn a_countersigned_pack_is_valid_and_names_both() {
    let root = Authority::new();
    let auditor = root.leaf(|leaf| leaf.distinguished_name.push(DnType::CommonName, "Auditor"));
    let pack = sealed(&root.leaf(|_| {}));
    let countersigned = countersign(&pack, &auditor, |_, _| {});
    let verification = verify(&countersigned, &root.trust(), noon());
    assert_eq!(
        verification.sentence(),
        "Valid: signed by Leaf; covers the whole file; countersigned by Auditor."
    );
    assert_eq!(verification.covered_bytes, Some(pack.len() as u64));
    assert_eq!(verification.attachments.len(), 2);
}

#[test]
fn a_countersignature_by_a_stranger_is_unknown_and_one_after_a_final_seal_is_refused() {
    let (root, stranger) = (Authority::new(), Authority::new());
    let leaf = root.leaf(|_| {});
    let by_stranger = {
        let mut params = authority_params("Elsewhere");
        params.not_after = date_time_ymd(2028, 1, 1);
        let elsewhere = Authority { issuer: CertifiedIssuer::self_signed(params, key()).unwrap() };
        countersign(&sealed(&leaf), &elsewhere.leaf(|_| {}), |_, _| {})
    };
    let verification = verify(&by_stranger, &root.trust(), noon());
    refused(&verification, StepName::Revisions, Verdict::Unknown, "`Elsewhere` is not a trusted authority");
    assert_eq!(verification.step(StepName::Certificate).unwrap().verdict, Verdict::Valid);

    let by_impostor = countersign(&sealed(&leaf), &stranger.leaf(|_| {}), |_, _| {});
    let verification = verify(&by_impostor, &root.trust(), noon());
    refused(
        &verification,
        StepName::Revisions,
        Verdict::Invalid,
        "not signed by the trusted authority it names",
    );

    let mut options = SealOptions::new(noon());
    options.permission = Permission::Final;
    let last = countersign(&seal(PACK, &leaf, &options).unwrap(), &leaf, |_, _| {});
    let verification = verify(&last, &root.trust(), noon());
    refused(&verification, StepName::Revisions, Verdict::Invalid, "permits no further signatures");
}

#[test]
fn a_countersignature_that_comes_with_changes_is_not_valid() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    let pack = sealed(&leaf);
    let page = |document: &Document<'_>| {
        let (_, catalog) = document.catalog().unwrap();
        let (_, pages) = document.dict_at(catalog.get("Pages"), "pages").unwrap();
        let kids = document.get_array(&pages, "Kids").unwrap();
        document.dict_at(kids.first(), "page").unwrap()
    };
    let other_page = countersign(&pack, &leaf, |document, update| {
        let (at, mut dict) = page(document);
        dict.set("MediaBox", vec![Object::Integer(1); 4]);
        update.set(at, dict);
    });
    let verification = verify(&other_page, &root.trust(), noon());
    refused(&verification, StepName::Revisions, Verdict::Unknown, "was changed after the seal");

    let note = countersign(&pack, &leaf, |document, update| {
        let (at, mut dict) = page(document);
        let note_at = update.allocate();
        update.set(note_at, Dict::default().with("Subtype", Object::name("FreeText")));
        let mut annotations = document.get_array(&dict, "Annots").unwrap();
        annotations.push(note_at.into());
        dict.set("Annots", annotations);
        update.set(at, dict);
    });
    let verification = verify(&note, &root.trust(), noon());
    refused(&verification, StepName::Revisions, Verdict::Unknown, "was changed after the seal");

    let other_catalog = countersign(&pack, &leaf, |document, update| {
        let (at, mut catalog) = document.catalog().unwrap();
        catalog.set("AF", Vec::new());
        update.set(at, catalog);
    });
    let verification = verify(&other_catalog, &root.trust(), noon());
    refused(&verification, StepName::Revisions, Verdict::Unknown, "was changed after the seal");
}

#[test]
fn no_flipped_byte_of_a_countersigned_pack_is_valid() {
    let root = Authority::new();
    let leaf = root.leaf(|_| {});
    let pack = sealed(&leaf);
    let good = countersign(&pack, &leaf, |_, _| {});
    let trust = root.trust();
    assert!(verify(&good, &trust, noon()).is_valid());
    // Within the seal's own revision every flip is found by both signatures; here the rest counts.
    for offset in pack.len()..good.len() {
        for mask in [0x01, 0x20] {
            let mut flipped = good.clone();
            flipped[offset] ^= mask;
            assert!(!verify(&flipped, &trust, noon()).is_valid(), "offset {offset} mask {mask:#x}");
        }
    }
}

#[test]
fn an_unsigned_revision_after_the_seal_is_refused() {
    let root = Authority::new();
    let pack = sealed(&root.leaf(|_| {}));
    let document = Document::open(&pack).unwrap();
    let mut update = Update::new(document.next_number().unwrap());
    let at = update.allocate();
    update.set(at, Dict::default().with("Type", Object::name("Nothing")));
    let changed = update.append(&pack, document.xref(), document.trailer().clone()).bytes;
    let verification = verify(&changed, &root.trust(), noon());
    refused(&verification, StepName::Coverage, Verdict::Invalid, "are covered by no signature");
    refused(&verification, StepName::Revisions, Verdict::Invalid, "without a signature");
}

/// A pack to which a revision was added that has `count` more signature fields, each with the value that `value`
/// gives for the seal's signature.
fn with_fields(
    pack: &[u8],
    count: usize,
    mut value: impl FnMut(Reference, &Document<'_>, &mut Update) -> Reference,
) -> Vec<u8> {
    let document = Document::open(pack).unwrap();
    let mut update = Update::new(document.next_number().unwrap());
    let seal = signatures::find(&document).unwrap()[0].at;
    let (form_at, mut form) =
        document.dict_at(document.catalog().unwrap().1.get("AcroForm"), "form").unwrap();
    let mut fields = document.get_array(&form, "Fields").unwrap();
    for _ in 0..count {
        let value = value(seal, &document, &mut update);
        let field = update.allocate();
        update.set(field, Dict::default().with("FT", Object::name("Sig")).with("V", value));
        fields.push(field.into());
    }
    form.set("Fields", fields);
    update.set(form_at, form);
    update.append(pack, document.xref(), document.trailer().clone()).bytes
}

#[test]
fn many_signatures_do_not_make_a_file_expensive() {
    let root = Authority::new();
    let pack = sealed(&root.leaf(|_| {}));
    // Each would be a digest of the whole file.
    let shared = with_fields(&pack, 1, |seal, _, _| seal);
    let verification = verify(&shared, &root.trust(), noon());
    refused(&verification, StepName::Structure, Verdict::Invalid, "two fields have the same signature");
    let copies = with_fields(&pack, 64, |seal, document, update| {
        let copy = update.allocate();
        update.set(copy, document.object(seal).unwrap());
        copy
    });
    let verification = verify(&copies, &root.trust(), noon());
    refused(&verification, StepName::Structure, Verdict::Unknown, "more than 64 signatures");
}
