//! Input of any bytes to `record`: each row becomes an entry or a rejection, none vanishes, and the same bytes give
//! the same answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use trade_ledger::core::line;
use trade_ledger::import::{Defaults, Format, Imported, import};

fn record(bytes: &[u8]) -> Imported {
    import(Format::Entries, Defaults::default(), [("input".to_owned(), bytes)]).expect("memory can be read")
}

/// How many rows there are, where another reader can be sure of it: sound JSON lines, a sound JSON array, CSV without a
/// quote whose header was taken.
fn rows_of(bytes: &[u8], taken: &Imported) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows: Vec<&str> = text.lines().filter(|line| !line.trim_ascii().is_empty()).collect();
    match text.trim_ascii_start().bytes().next()? {
        b'{' => {
            let whole = |row: &&str| row.starts_with('{') && serde_json::from_str::<&RawValue>(row).is_ok();
            rows.iter().all(whole).then_some(rows.len())
        }
        b'[' => serde_json::from_str::<Vec<&RawValue>>(text).ok().map(|rows| rows.len()),
        _ => {
            let header_refused = taken.entries.is_empty() && taken.rejected.first().is_none_or(|first| first.line <= 1);
            let plain = !header_refused && !text.contains('"') && text.lines().next().is_some_and(|first| rows.first() == Some(&first));
            plain.then(|| rows.len() - 1)
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let taken = record(bytes);
    assert_eq!(record(bytes), taken, "the same bytes give the same answer");
    if let Some(rows) = rows_of(bytes, &taken) {
        assert_eq!(taken.entries.len() + taken.rejected.len(), rows, "every row is an entry or a rejection: {:?}", taken.rejected);
    }
    for located in &taken.entries {
        let mut written = Vec::new();
        line::write(&located.entry, &mut written);
        let read = line::read(&written[..written.len() - 1]).expect("what is recorded can be read");
        // white space inside a value that is no field of ours is kept, but on one line
        let mut fields = located.entry.clone().into_fields();
        fields.extra.iter_mut().for_each(|(_, raw)| *raw = raw.replace(['\n', '\r'], " ").into());
        let entry = fields.check().expect("still valid");
        assert_eq!(read.entry, entry);
        let again = record(&written);
        assert_eq!(again.rejected, []);
        assert_eq!(again.entries.len(), 1);
        assert_eq!(again.entries[0].entry, entry, "a ledger's line can be recorded");
    }
});
