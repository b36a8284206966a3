//! Text made safe for where it goes: a terminal ([`visible`]), a spreadsheet ([`csv_cell`]), a column of
//! figures ([`grouped`]).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that move the cursor, turn the reading direction or show nothing, written as `\u{…}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if unseen(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// JSON in which such characters are written as `\uXXXX`: they stand in strings only, where that means the same.
pub fn json_visible(json: &str) -> Cow<'_, str> {
    let steers = |c: char| unseen(c) && c != '\n';
    if !json.chars().any(steers) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn unseen(c: char) -> bool {
    let format = matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{3164}' | '\u{FFA0}' | '\u{FEFF}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}'
    );
    c.is_control() || format
}

/// A CSV text cell no spreadsheet takes for a formula: a leading `= + - @`, TAB, CR, LF or full-width variant
/// gets a `'` before it.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let formula = |c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '\u{FF1D}' | '\u{FF0B}' | '\u{FF0D}' | '\u{FF20}');
    if text.starts_with(formula) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Whether the text is a plain decimal number: `-?digits[.digits]`.
pub fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

/// A decimal number with thousands separators and at least `places` decimals; no digit is lost. Anything that
/// is not a number is returned as it is.
pub fn grouped(number: &str, places: usize) -> String {
    if !is_number(number) {
        return number.to_owned();
    }
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut shown = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if places > 0 || !fraction.is_empty() {
        let _ = write!(shown, ".{fraction:0<places$}");
    }
    shown
}

/// `1 fill`, `2 fills`, `1,234 fills`.
pub fn count(n: u64, thing: &str) -> String {
    let plural = match (n, thing.strip_suffix('y')) {
        (1, _) => thing.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{thing}s"),
    };
    format!("{} {plural}", grouped(&n.to_string(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bidi_and_invisible_characters_are_written_out() {
        let cases = [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("tab\there\n", "tab\\u{9}here\\u{a}"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ];
        for (text, want) in cases {
            assert_eq!(visible(text), want);
        }
    }

    #[test]
    fn json_on_a_terminal_means_the_same() {
        let value = serde_json::json!({"notes": "a\u{9b}31m\u{202e}\u{e0041}\u{1b}é"});
        let raw = serde_json::to_string_pretty(&value).unwrap();
        let shown = json_visible(&raw);
        assert!(!shown.chars().any(|c| unseen(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn formulas_are_disarmed_and_numbers_are_not_touched() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"] {
            assert_eq!(csv_cell(text), format!("'{text}"));
        }
        assert_eq!(csv_cell("AAPL"), "AAPL");
        assert!(is_number("-12.50") && is_number("0"));
        for text in ["", "-", "1.", ".5", "1e5", "+1", "1,000", "١", "-1-1", "--1"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn figures_are_grouped_without_losing_a_digit() {
        let cases = [
            ("0", 2, "0.00"),
            ("-1234567.5", 2, "-1,234,567.50"),
            ("999", 0, "999"),
            ("1000", 0, "1,000"),
            ("0.123456789", 2, "0.123456789"),
            ("-100", 2, "-100.00"),
            ("n/a", 2, "n/a"),
        ];
        for (number, places, want) in cases {
            assert_eq!(grouped(number, places), want);
        }
    }

    #[test]
    fn counts_have_their_plural() {
        assert_eq!((count(1, "fill"), count(0, "fill"), count(1200, "entry")), ("1 fill".into(), "0 fills".into(), "1,200 entries".into()));
    }
}
