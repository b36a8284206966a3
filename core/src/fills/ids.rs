//! Ids kept small: a canonical UUID as 128 bits, any other text in an arena.

use std::cmp::Ordering;
use std::fmt;

/// The text of an id, without allocating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdText<'a> {
    /// A lower-case hyphenated UUID.
    Uuid(u128),
    /// Any other text.
    Text(&'a str),
}

impl IdText<'_> {
    /// Whether it is this text.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Uuid(id) => parse_uuid(text) == Some(*id),
            Self::Text(own) => *own == text,
        }
    }
}

impl PartialOrd for IdText<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdText<'_> {
    /// As texts: hex digits at fixed places sort like the number they spell.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl fmt::Display for IdText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(id) => {
                let mut text = [b'-'; 36];
                let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
                for (place, byte) in places.zip(id.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15])) {
                    text[place] = b"0123456789abcdef"[usize::from(byte)];
                }
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }
    }
}

impl serde::Serialize for IdText<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The bits of a lower-case hyphenated UUID; `None` for any other text.
pub fn parse_uuid(text: &str) -> Option<u128> {
    let b: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if b[8] != b'-' || b[13] != b'-' || b[18] != b'-' || b[23] != b'-' {
        return None;
    }
    let groups = [
        [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]],
        [b[9], b[10], b[11], b[12], b[14], b[15], b[16], b[17]],
        [b[19], b[20], b[21], b[22], b[24], b[25], b[26], b[27]],
        [b[28], b[29], b[30], b[31], b[32], b[33], b[34], b[35]],
    ];
    let mut id = 0u128;
    for group in groups {
        id = (id << 32) | u128::from(eight_hex_digits(group)?);
    }
    Some(id)
}

/// Eight lower-case hex digits at once: each byte's nibble by arithmetic on all eight, proved by spelling it
/// again.
fn eight_hex_digits(digits: [u8; 8]) -> Option<u32> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_be_bytes(digits);
    let letters = (text >> 6) & ONES;
    let nibbles = (text & (ONES * 0x0f)).wrapping_add(letters * 9) & (ONES * 0x0f);
    let above_nine = ((nibbles + ONES * 6) >> 4) & ONES;
    if nibbles + ONES * 0x30 + above_nine * 39 != text {
        return None;
    }
    let pairs = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | (pairs >> 8)) & 0x0000_ffff_0000_ffff;
    u32::try_from((quads | (quads >> 16)) & 0xffff_ffff).ok()
}

/// Keeps `text` in the arena; gives its place.
pub fn into_arena(arena: &mut String, text: &str) -> u128 {
    let start = arena.len();
    arena.push_str(text);
    ((start as u128) << 64) | text.len() as u128
}

/// The text at a place [`into_arena`] gave; empty when the place is not in the arena.
pub fn from_arena(arena: &str, place: u128) -> IdText<'_> {
    let range = usize::try_from(place >> 64).ok().zip(usize::try_from(place & u128::from(u64::MAX)).ok());
    let text = range.and_then(|(start, len)| arena.get(start..start.checked_add(len)?)).unwrap_or_default();
    IdText::Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_spells_itself_again() {
        let text = "0123cdef-89ab-4000-8fed-ba9876543210";
        let id = parse_uuid(text).expect("a UUID");
        assert_eq!(id, 0x0123_cdef_89ab_4000_8fed_ba98_7654_3210);
        assert_eq!(IdText::Uuid(id).to_string(), text);
    }

    #[test]
    fn every_other_spelling_stays_text() {
        for text in [
            "0123CDEF-89AB-4000-8FED-BA9876543210",
            "0123cdef89ab40008fedba9876543210",
            "{0123cdef-89ab-4000-8fed-ba9876543210}",
            "0123cdef-89ab-4000-8fed-ba987654321g",
            "0123cdef-89ab-4000-8fed-ba987654321`",
            "0123cdef-89ab-4000-8fed-ba987654321/",
            "0123cdef-89ab-4000-8fed-ba987654321:",
            "",
        ] {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
    }

    #[test]
    fn every_byte_is_a_digit_or_refused() {
        for byte in 0..=255u8 {
            let expected = (byte as char).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            let got = eight_hex_digits([b'0', b'0', b'0', b'0', b'0', b'0', b'0', byte]);
            assert_eq!(got, expected, "{byte}");
        }
    }

    #[test]
    fn ids_sort_as_texts() {
        let (a, b) = (IdText::Uuid(1), IdText::Text("1"));
        assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        assert!(IdText::Uuid(0xa << 124) > IdText::Uuid(0x9 << 124));
    }
}
