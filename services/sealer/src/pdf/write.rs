//! Incremental update (ISO 32000-1 §7.5.6): the original bytes stay an exact prefix of the result.

use std::collections::BTreeMap;

use super::object::{Dict, Object, Reference};

/// New versions of objects, gathered and then appended in one revision.
pub(crate) struct Update {
    bodies: BTreeMap<u32, (u16, Vec<u8>)>,
    next: u32,
}

/// The file after an update, and where the bodies of its objects start.
pub(crate) struct Appended {
    pub(crate) bytes: Vec<u8>,
    pub(crate) bodies: BTreeMap<u32, usize>,
}

impl Update {
    /// `next` is the first object number that is free.
    pub(crate) fn new(next: u32) -> Self {
        Self { bodies: BTreeMap::new(), next }
    }

    /// Takes a fresh object number.
    pub(crate) fn allocate(&mut self) -> Reference {
        let reference = Reference { number: self.next, generation: 0 };
        self.next += 1;
        reference
    }

    /// Sets the new value of an object.
    pub(crate) fn set(&mut self, reference: Reference, value: impl Into<Object>) {
        let mut body = Vec::new();
        value.into().write(&mut body);
        self.set_raw(reference, body);
    }

    /// Sets the new value of an object, already serialised.
    pub(crate) fn set_raw(&mut self, reference: Reference, body: Vec<u8>) {
        self.bodies.insert(reference.number, (reference.generation, body));
    }

    /// Appends the objects, a cross-reference table and a trailer. `trailer` is the one of the file;
    /// `/Size` and `/Prev` are set here.
    pub(crate) fn append(self, original: &[u8], previous_xref: usize, trailer: Dict) -> Appended {
        let added: usize = self.bodies.values().map(|(_, body)| body.len() + 64).sum();
        let mut bytes = Vec::with_capacity(original.len() + added + 512);
        bytes.extend_from_slice(original);
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let mut offsets = Vec::new();
        let mut places = BTreeMap::new();
        for (number, (generation, body)) in self.bodies {
            offsets.push((number, generation, bytes.len()));
            bytes.extend_from_slice(format!("{number} {generation} obj\n").as_bytes());
            places.insert(number, bytes.len());
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(b"\nendobj\n");
        }
        let xref = bytes.len();
        write_table(&offsets, &mut bytes);
        let trailer = trailer
            .with("Size", i64::from(self.next))
            .with("Prev", i64::try_from(previous_xref).unwrap_or(i64::MAX));
        bytes.extend_from_slice(b"trailer\n");
        trailer.write(&mut bytes);
        bytes.extend_from_slice(format!("\nstartxref\n{xref}\n%%EOF\n").as_bytes());
        Appended { bytes, bodies: places }
    }
}

/// A table of subsections of consecutive numbers; `objects` are in ascending order.
fn write_table(objects: &[(u32, u16, usize)], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"xref\n");
    for section in objects.chunk_by(|a, b| a.0 + 1 == b.0) {
        bytes.extend_from_slice(format!("{} {}\n", section[0].0, section.len()).as_bytes());
        for (_, generation, offset) in section {
            bytes.extend_from_slice(format!("{offset:010} {generation:05} n \n").as_bytes());
        }
    }
}
