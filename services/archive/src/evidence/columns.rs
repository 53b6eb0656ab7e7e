//! A table as bytes: column by column, compressed, and believed nothing when it is read.

use std::sync::Arc;

use hexproof_core::scale::Outcome;

use super::envelope::Unfit;
use super::table::{Block, Row, Table, Texts};

/// Columns compress well; more than this is no table of ours.
const LONGEST: usize = 512 << 20;
const LEVEL: i32 = 3;

/// A table, compressed.
pub(super) fn write(table: &Table) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(table.bytes() + (64 << 10));
    strings(&mut out, table.measures.iter().map(|measure| measure.as_str()));
    strings(&mut out, table.namespaces.iter().map(String::as_str));
    texts(&mut out, &table.subjects);
    column(&mut out, table.placed.iter().map(|at| at.to_le_bytes()));
    texts(&mut out, &table.reasons);
    column(&mut out, table.rows.iter().map(|row| row.measure.to_le_bytes()));
    column(&mut out, table.rows.iter().map(|row| [row.outcome << 1 | u8::from(row.waived)]));
    column(&mut out, table.rows.iter().map(|row| row.subject.to_le_bytes()));
    column(&mut out, table.rows.iter().map(|row| row.reason.to_le_bytes()));
    column(&mut out, table.blocks.iter().map(|block| block.first.to_le_bytes()));
    column(&mut out, table.blocks.iter().map(|block| block.length.to_le_bytes()));
    column(&mut out, table.blocks.iter().map(|block| block.plain.to_le_bytes()));
    column(&mut out, table.blocks.iter().map(|block| block.digest));
    zstd::bulk::compress(&out, LEVEL)
}

/// Reads a table back; what is inconsistent is refused.
pub(super) fn read(packed: &[u8]) -> Result<Table, Unfit> {
    let length = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().ok_or(Unfit::Damaged)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST).ok_or(Unfit::Damaged)?;
    let plain = zstd::bulk::decompress(packed, length).map_err(|_| Unfit::Damaged)?;
    parse(&plain).ok_or(Unfit::Damaged)
}

fn parse(plain: &[u8]) -> Option<Table> {
    let mut left = Left(plain);
    let measures = left.strings()?.iter().map(|measure| measure.parse().ok()).collect::<Option<Vec<_>>>()?;
    let namespaces = left.strings()?;
    let subjects = left.texts()?;
    let placed: Vec<u32> = left.column::<4>()?.map(u32::from_le_bytes).collect();
    let reasons = left.texts()?;
    let measure = left.column::<2>()?.map(u16::from_le_bytes);
    let flags = left.column::<1>()?;
    let subject = left.column::<4>()?.map(u32::from_le_bytes);
    let reason = left.column::<4>()?.map(u32::from_le_bytes);
    let count = measure.len();
    if [flags.len(), subject.len(), reason.len()] != [count; 3] || placed.len() != subjects.len() {
        return None;
    }
    let rows = measure.zip(flags).zip(subject.zip(reason)).map(|((measure, [flags]), (subject, reason))| {
        Row { measure, outcome: flags >> 1, waived: flags & 1 == 1, subject, reason }
    });
    let rows: Vec<Row> = rows.collect();
    let sound = |row: &Row| {
        usize::from(row.measure) < measures.len()
            && usize::from(row.outcome) < Outcome::ALL.len()
            && (row.subject as usize) < subjects.len()
            && (row.reason as usize) < reasons.len()
    };
    let sorted = namespaces.windows(2).all(|pair| pair[0] < pair[1]);
    if !rows.iter().all(sound) || !placed.iter().all(|at| (*at as usize) < namespaces.len()) || !sorted {
        return None;
    }
    let blocks = blocks(&mut left, rows.len())?;
    left.0.is_empty().then_some(())?;
    Some(Table { measures, namespaces: Arc::new(namespaces), subjects, placed, reasons, rows, blocks })
}

fn blocks(left: &mut Left<'_>, rows: usize) -> Option<Vec<Block>> {
    let firsts: Vec<u32> = left.column::<4>()?.map(u32::from_le_bytes).collect();
    let lengths: Vec<u32> = left.column::<4>()?.map(u32::from_le_bytes).collect();
    let plains: Vec<u32> = left.column::<4>()?.map(u32::from_le_bytes).collect();
    let digests: Vec<[u8; 32]> = left.column::<32>()?.collect();
    if [lengths.len(), plains.len(), digests.len()] != [firsts.len(); 3] {
        return None;
    }
    let ascending = firsts.windows(2).all(|pair| pair[0] < pair[1]);
    let whole = match (firsts.first(), firsts.last()) {
        (Some(first), Some(last)) => *first == 0 && (*last as usize) < rows,
        (_, _) => rows == 0,
    };
    if !ascending || !whole {
        return None;
    }
    let mut offset = 0;
    let block = |(((first, length), plain), digest): (((u32, u32), u32), [u8; 32])| {
        let block = Block { first, offset, length, plain, digest };
        offset = block.range().end;
        block
    };
    Some(firsts.into_iter().zip(lengths).zip(plains).zip(digests).map(block).collect())
}

/// A number of items, and the items.
fn column<const N: usize>(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = [u8; N]>) {
    out.extend_from_slice(&(items.len() as u64).to_le_bytes());
    items.for_each(|item| out.extend_from_slice(&item));
}

fn texts(out: &mut Vec<u8>, texts: &Texts) {
    column(out, texts.ends.iter().map(|end| end.to_le_bytes()));
    column(out, texts.all.bytes().map(|byte| [byte]));
}

fn strings<'a>(out: &mut Vec<u8>, strings: impl Iterator<Item = &'a str>) {
    let mut all = Texts::default();
    for text in strings {
        all.push(text);
    }
    texts(out, &all);
}

/// What is still to be read.
struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    fn column<const N: usize>(&mut self) -> Option<impl ExactSizeIterator<Item = [u8; N]> + use<'a, N>> {
        let count = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
        let bytes = usize::try_from(count).ok()?.checked_mul(N)?;
        let (items, _) = self.take(bytes)?.as_chunks::<N>();
        Some(items.iter().copied())
    }

    fn texts(&mut self) -> Option<Texts> {
        let ends: Vec<u32> = self.column::<4>()?.map(u32::from_le_bytes).collect();
        let count = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
        let all = std::str::from_utf8(self.take(usize::try_from(count).ok()?)?).ok()?.to_owned();
        let mut start = 0;
        for end in &ends {
            let end = *end as usize;
            if end < start || !all.is_char_boundary(end) {
                return None;
            }
            start = end;
        }
        (start == all.len()).then_some(Texts { all, ends })
    }

    fn strings(&mut self) -> Option<Vec<String>> {
        Some(self.texts()?.iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use hexproof_testkit::evidence::Sample;

    use super::*;

    fn table() -> Table {
        let sample =
            Sample::weak(&"shop".parse().unwrap(), "2026-11-24T10:00:00Z".parse().unwrap()).hostile();
        let mut table = Table::of(&sample.assessment().observations);
        let block = |first, offset| Block { first, offset, length: 5, plain: 9, digest: [7; 32] };
        table.blocks = vec![block(0, 0), block(9, 5), block(20, 10)];
        table
    }

    #[test]
    fn a_table_comes_back_as_it_was() {
        let table = table();
        assert_eq!(read(&write(&table).unwrap()).unwrap(), table);
        let empty = Table::of(&[]);
        assert_eq!(read(&write(&empty).unwrap()).unwrap(), empty);
    }

    #[test]
    fn what_is_inconsistent_is_refused_and_never_panics() {
        let plain = zstd::decode_all(&write(&table()).unwrap()[..]).unwrap();
        assert!(parse(&plain).is_some());
        for cut in (0..plain.len()).step_by(7) {
            assert!(parse(&plain[..cut]).is_none(), "{cut}");
        }
        for at in 0..plain.len() {
            let mut wrong = plain.clone();
            wrong[at] ^= 0xff;
            if let Some(table) = parse(&wrong) {
                // It may pass for one, and must then be usable without harm.
                table.select(&Default::default(), None, 0, 50);
                assert!(table.block_of(u32::MAX).is_none());
            }
        }
    }
}
