//! The objects of a seal's revision: certification signature, invisible field, and their place in the
//! form, on a page and in the structure tree (ISO 32000-1 §12.7, §12.8; PDF/A-3 and PDF/UA-1).

use crate::SealError;
use crate::pdf::write::Update;
use crate::pdf::{Dict, Document, Object, Reference, text};
use crate::seal::SealOptions;

/// Name of the field a seal stands in.
pub(crate) const FIELD: &str = "Seal";
/// Depth of a page tree or number tree.
const MAX_TREE_DEPTH: usize = 64;

type Result<T> = std::result::Result<T, SealError>;

/// A serialised signature dictionary and the places in it that are filled in last.
pub(crate) struct SignatureObject {
    pub(crate) body: Vec<u8>,
    /// First byte of the placeholder of `/ByteRange`, which is [`BYTE_RANGE_WIDTH`] long.
    pub(crate) byte_range: usize,
    /// The `<` of `/Contents`.
    pub(crate) contents: usize,
}

/// `[0 a b c]` with three numbers of at most 10 digits.
pub(crate) const BYTE_RANGE_WIDTH: usize = 2 + 1 + 3 * 11 + 1;

/// The signature dictionary (§12.8.1) with room for a container of `length` bytes.
pub(crate) fn signature(signer: &str, options: &SealOptions, length: usize) -> Result<SignatureObject> {
    let date = text::date(options.at)
        .ok_or(SealError::Unsupported { feature: "a signing time outside the years 0 to 9999" })?;
    let parameters = Dict::default()
        .with("Type", Object::name("TransformParams"))
        .with("P", options.permission.value())
        .with("V", Object::name("1.2"));
    let reference = Dict::default()
        .with("Type", Object::name("SigRef"))
        .with("TransformMethod", Object::name("DocMDP"))
        .with("TransformParams", parameters);
    let mut dict = Dict::default()
        .with("Type", Object::name("Sig"))
        .with("Filter", Object::name("Adobe.PPKLite"))
        .with("SubFilter", Object::name("ETSI.CAdES.detached"))
        .with("M", Object::string(date))
        .with("Name", text::encode(signer))
        .with("Reference", vec![Object::Dict(reference)]);
    if let Some(reason) = &options.reason {
        dict.set("Reason", text::encode(reason));
    }
    let mut body = Vec::new();
    dict.write(&mut body);
    body.truncate(body.len() - 2);
    body.extend_from_slice(b"/ByteRange ");
    let byte_range = body.len();
    body.resize(byte_range + BYTE_RANGE_WIDTH, b' ');
    body.extend_from_slice(b"/Contents ");
    let contents = body.len();
    body.push(b'<');
    body.resize(contents + 1 + 2 * length, b'0');
    body.extend_from_slice(b">>>");
    Ok(SignatureObject { body, byte_range, contents })
}

/// Adds the field, the form, the permissions and the tags that make `signature` part of the document.
pub(crate) fn place(document: &Document<'_>, update: &mut Update, signature: Reference) -> Result<()> {
    let (catalog_at, mut catalog) = document.catalog()?;
    if catalog.get("AcroForm").is_some() || catalog.get("Perms").is_some() {
        return Err(SealError::AlreadySealed);
    }
    let (page_at, mut page) = last_page(document, &catalog)?;
    let field_at = update.allocate();
    // §12.5.3: Print and Locked. A zero rectangle makes the field invisible (§12.7.4.5), and excuses it
    // from an appearance stream (PDF/A-3, 6.3.3).
    let mut field = Dict::default()
        .with("Type", Object::name("Annot"))
        .with("Subtype", Object::name("Widget"))
        .with("FT", Object::name("Sig"))
        .with("T", Object::string(FIELD))
        .with("TU", Object::string("Seal of this document"))
        .with("V", signature)
        .with("F", 132)
        .with("Rect", vec![Object::Integer(0); 4])
        .with("P", page_at);
    if let Some(key) = tag(document, update, &catalog, field_at, page_at)? {
        field.set("StructParent", key);
    }
    update.set(field_at, field);

    // A page's annotations may be an array of their own; the page then gets one that is its own.
    let mut annotations = document.get_array(&page, "Annots")?;
    annotations.push(field_at.into());
    page.set("Annots", annotations);
    page.set("Tabs", Object::name("S"));
    update.set(page_at, page);

    let form_at = update.allocate();
    // §12.7.2: SignaturesExist and AppendOnly.
    let form = Dict::default().with("Fields", vec![field_at.into()]).with("SigFlags", 3);
    update.set(form_at, form);
    catalog.set("AcroForm", form_at);
    catalog.set("Perms", Dict::default().with("DocMDP", signature));
    update.set(catalog_at, catalog);
    Ok(())
}

/// The last page: the sign-off page of a pack.
fn last_page(document: &Document<'_>, catalog: &Dict) -> Result<(Reference, Dict)> {
    let mut node = document.dict_at(catalog.get("Pages"), "the catalog has no /Pages")?;
    for _ in 0..MAX_TREE_DEPTH {
        let kids = document.get_array(&node.1, "Kids")?;
        match kids.last() {
            None if node.1.get("Type").is_some_and(|kind| kind.is_name("Page")) => return Ok(node),
            None => return Err(SealError::malformed(document.xref(), "the page tree has no last page")),
            kid => node = document.dict_at(kid, "a page is missing")?,
        }
    }
    Err(SealError::Limit { what: "a page tree deeper than 64" })
}

/// Puts the field into the structure tree of a tagged PDF, under a `Form` element, and returns its key
/// in the parent tree (§14.7.4.3, §14.7.4.4). `None` for a PDF without tags.
fn tag(
    document: &Document<'_>,
    update: &mut Update,
    catalog: &Dict,
    field: Reference,
    page: Reference,
) -> Result<Option<i64>> {
    if catalog.get("StructTreeRoot").is_none() {
        return Ok(None);
    }
    let (root_at, mut root) =
        document.dict_at(catalog.get("StructTreeRoot"), "the structure tree is missing")?;
    let element_at = update.allocate();
    let mut tree = document.get_dict(&root, "ParentTree")?.unwrap_or_default();
    let key = next_key(document, &root, &tree)?;

    let top = match document.get(&root, "K")? {
        Some(Object::Array(kids)) if kids.len() == 1 => kids.into_iter().next(),
        _ => root.get("K").cloned(),
    };
    let (top_at, mut top) = document.dict_at(top.as_ref(), "the structure tree has no single top element")?;
    let mut kids = match document.get(&top, "K")? {
        Some(Object::Array(kids)) => kids,
        Some(_) => top.get("K").cloned().into_iter().collect(),
        None => Vec::new(),
    };
    kids.push(element_at.into());
    top.set("K", kids);
    update.set(top_at, top);

    let content = Dict::default().with("Type", Object::name("OBJR")).with("Obj", field).with("Pg", page);
    let element = Dict::default()
        .with("Type", Object::name("StructElem"))
        .with("S", Object::name("Form"))
        .with("P", top_at)
        .with("Alt", Object::string("Seal of this document"))
        .with("Pg", page)
        .with("K", content);
    update.set(element_at, element);

    // Keys ascend; ours is the greatest, so it goes last.
    if tree.get("Kids").is_some() {
        let limits = vec![Object::Integer(key); 2];
        let leaf_at = update.allocate();
        let leaf = Dict::default()
            .with("Limits", limits)
            .with("Nums", vec![Object::Integer(key), element_at.into()]);
        update.set(leaf_at, leaf);
        let mut kids = document.get_array(&tree, "Kids")?;
        kids.push(leaf_at.into());
        tree.set("Kids", kids);
    } else {
        let mut pairs = document.get_array(&tree, "Nums")?;
        pairs.extend([Object::Integer(key), element_at.into()]);
        tree.set("Nums", pairs);
    }
    match root.get("ParentTree") {
        Some(&Object::Reference(tree_at)) => update.set(tree_at, tree),
        _ => root.set("ParentTree", tree),
    }
    root.set("ParentTreeNextKey", key + 1);
    update.set(root_at, root);
    Ok(Some(key))
}

/// A key of the parent tree greater than all there are.
fn next_key(document: &Document<'_>, root: &Dict, tree: &Dict) -> Result<i64> {
    let mut node = tree.clone();
    for _ in 0..MAX_TREE_DEPTH {
        if let Some(kid) = document.get_array(&node, "Kids")?.last() {
            node = document.dict_at(Some(kid), "a node of the parent tree is missing")?.1;
            continue;
        }
        let pairs = document.get_array(&node, "Nums")?;
        let last = pairs.chunks(2).last().and_then(|pair| match pair {
            [Object::Integer(key), _] => Some(*key),
            _ => None,
        });
        let stated = match root.get("ParentTreeNextKey") {
            Some(&Object::Integer(next)) => next,
            _ => 0,
        };
        return Ok(last.map_or(0, |last| last.saturating_add(1)).max(stated));
    }
    Err(SealError::Limit { what: "a parent tree deeper than 64" })
}
