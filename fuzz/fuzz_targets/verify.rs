//! Any bytes as a pack: no panic, and nothing verifies, since nobody is trusted.
//!
//! A PDF is full of offsets, and a mutation that moves a byte breaks them all. So three of four mutations are
//! followed by setting them right: the reader then gets past the tables, to what the mutation changed.
#![no_main]

use hexproof_sealer::{TrustStore, attachments, verify};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| {
    assert!(!verify(bytes, &TrustStore::default(), jiff::Timestamp::UNIX_EPOCH).is_valid());
    let _ = attachments(bytes);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    if seed.is_multiple_of(4) {
        return size;
    }
    match repaired(&data[..size]) {
        Some(repaired) if repaired.len() <= max_size => {
            data[..repaired.len()].copy_from_slice(&repaired);
            repaired.len()
        }
        _ => size,
    }
});

/// The file with a last cross-reference table that lists its objects, and with the ByteRange of its first
/// signature; nothing where it is too broken for either.
fn repaired(data: &[u8]) -> Option<Vec<u8>> {
    let table = rfind(data, b"\nxref\n")? + 1;
    let trailer = table + find(&data[table..], b"trailer")?;
    let end = trailer + rfind(&data[trailer..], b"startxref")?;
    let mut bytes = data[..table].to_vec();
    bytes.extend_from_slice(b"xref\n");
    for (number, generation, offset) in objects(&data[..table]) {
        bytes.extend_from_slice(format!("{number} 1\n{offset:010} {generation:05} n \n").as_bytes());
    }
    let previous = find(data, b"\nxref\n")? + 1;
    let text = &data[trailer..end];
    match find(text, b"/Prev ") {
        Some(at) => {
            let digits = text[at + 6..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            bytes.extend_from_slice(&text[..at + 6]);
            bytes.extend_from_slice(previous.to_string().as_bytes());
            bytes.extend_from_slice(&text[at + 6 + digits..]);
        }
        None => bytes.extend_from_slice(text),
    }
    bytes.extend_from_slice(format!("startxref\n{table}\n%%EOF\n").as_bytes());
    set_byte_range(&mut bytes);
    Some(bytes)
}

/// Number, generation and offset of every line that begins an object; the last of a number.
fn objects(data: &[u8]) -> Vec<(u32, u16, usize)> {
    let mut found = std::collections::BTreeMap::new();
    let mut offset = 0;
    for line in data.split(|&byte| byte == b'\n') {
        let header = line.iter().take(24).copied().map(char::from).collect::<String>();
        let mut words = header.split(' ');
        if let (Some(Ok(number)), Some(Ok(generation)), Some("obj")) =
            (words.next().map(str::parse), words.next().map(str::parse), words.next())
        {
            found.insert(number, (generation, offset));
        }
        offset += line.len() + 1;
    }
    found.into_iter().map(|(number, (generation, offset))| (number, generation, offset)).collect()
}

/// Writes `[0 a b c]` around the first `/Contents <...>`, in the place that is there for it.
fn set_byte_range(bytes: &mut [u8]) -> Option<()> {
    const KEY: &[u8] = b"/ByteRange [";
    let start = find(bytes, b"/Contents <")? + 10;
    let end = start + find(&bytes[start..], b">")? + 1;
    let place = find(bytes, KEY)? + KEY.len();
    let room = find(&bytes[place..], b"]")?;
    let range = format!("0 {start} {end} {}", bytes.len() - end);
    if range.len() > room {
        return None;
    }
    bytes[place..place + room].copy_from_slice(format!("{range:room$}").as_bytes());
    Some(())
}

fn find(data: &[u8], word: &[u8]) -> Option<usize> {
    data.windows(word.len()).position(|window| window == word)
}

fn rfind(data: &[u8], word: &[u8]) -> Option<usize> {
    data.windows(word.len()).rposition(|window| window == word)
}
