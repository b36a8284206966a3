//! What a file is, from its first bytes: text that an importer can read, or something else with the way out.

use std::io::{self, BufRead, BufReader, Cursor, Read};

const HEAD_BYTES: u64 = 4096;

/// Text past its byte-order mark.
pub(super) struct Text<'r> {
    /// The whole text.
    pub(super) input: Box<dyn BufRead + 'r>,
    /// Whether it looks like JSON: its first visible character is `[` or `{`.
    pub(super) is_json: bool,
}

/// Looks at the first bytes of `input`; the inner error is why it is not text.
///
/// # Errors
/// Those of reading.
pub(super) fn open<'r>(input: &'r mut dyn Read) -> io::Result<Result<Text<'r>, &'static str>> {
    let mut head = Vec::new();
    (&mut *input).take(HEAD_BYTES).read_to_end(&mut head)?;
    if let Some(reason) = not_text(&head) {
        return Ok(Err(reason));
    }
    let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let first = head[start..].iter().copied().find(|b| !b.is_ascii_whitespace());
    match first {
        None => return Ok(Err("is empty: nothing was read")),
        Some(b'<') => return Ok(Err("is a web page or XML, perhaps an error page that was saved; export it again as JSON or CSV")),
        Some(_) => {}
    }
    let mut whole = Cursor::new(head);
    whole.set_position(start as u64);
    let input = Box::new(BufReader::with_capacity(1 << 16, whole.chain(input)));
    Ok(Ok(Text { input, is_json: matches!(first, Some(b'[' | b'{')) }))
}

fn not_text(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "is compressed with gzip; unpack it first (gunzip)"),
        (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first (unzstd)"),
        (b"PK\x03\x04", "is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV (UTF-8)"),
        (b"%PDF", "is a PDF; export it as JSON or CSV"),
        (b"\xff\xfe", "is UTF-16; save it as UTF-8"),
        (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
    ];
    let magic = known.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, reason)| reason);
    magic.or_else(|| {
        head.iter().take(4).any(|byte| *byte == 0).then_some("starts with NUL bytes: it is UTF-16 or not text at all; save it as UTF-8")
    })
}
