//! Instants: nanoseconds since 1970-01-01T00:00:00Z, read from and written as RFC 3339.
//!
//! 1. An offset is required on input and only decides the instant; output is always UTC (`+00:00`).
//! 2. Nanoseconds survive a round trip; a finer fraction, a leap second and an instant outside
//!    1677-09-21 … 2262-04-11 are refused, never rounded or clamped.

use std::fmt;

/// An instant in UTC with nanosecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not a [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseTimestampError {
    /// Not `YYYY-MM-DDTHH:MM:SS[.fraction]±HH:MM`.
    #[error("not an RFC 3339 instant (want 2024-01-15T14:30:00+00:00 or 2024-01-15T14:30:00.123456789Z)")]
    Form,
    /// Date and time without `Z` or an offset.
    #[error("no offset: the instant is ambiguous (append Z for UTC, or an offset such as -05:00)")]
    NoOffset,
    /// A date that does not exist, an hour above 23, a second above 59.
    #[error("no such date or time of day")]
    NoSuchTime,
    /// More than nine digits after the second's point.
    #[error("finer than a nanosecond (at most 9 digits after the point)")]
    TooFine,
    /// Outside what 64 bits of nanoseconds hold.
    #[error("outside 1677-09-21 to 2262-04-11")]
    Range,
}

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// An instant from nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date and time with an offset; a space may stand for the `T`.
    ///
    /// # Errors
    /// See [`ParseTimestampError`].
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        use ParseTimestampError::{Form, NoOffset, NoSuchTime, Range};
        let b = text.as_bytes();
        if b.len() < 19 {
            return Err(Form);
        }
        let punctuated = b[4] == b'-' && b[7] == b'-' && matches!(b[10], b'T' | b't' | b' ') && b[13] == b':' && b[16] == b':';
        if !punctuated {
            return Err(Form);
        }
        let year = number(&b[0..4])?;
        let (month, day) = (number(&b[5..7])?, number(&b[8..10])?);
        let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
        let (nanos, offset) = fraction(&b[19..])?;
        let offset = match offset {
            [b'Z' | b'z'] => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (h, m) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
                if h > 23 || m > 59 {
                    return Err(NoSuchTime);
                }
                let size = h * 3600 + m * 60;
                if *sign == b'-' { -size } else { size }
            }
            [] => return Err(NoOffset),
            _ => return Err(Form),
        };
        let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month) && hour < 24 && minute < 60 && second < 60;
        if !valid {
            return Err(NoSuchTime);
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        let total = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos);
        i64::try_from(total).map(Self).map_err(|_| Range)
    }
}

fn number(digits: &[u8]) -> Result<i64, ParseTimestampError> {
    digits
        .iter()
        .try_fold(0i64, |sum, b| if b.is_ascii_digit() { Ok(sum * 10 + i64::from(b - b'0')) } else { Err(ParseTimestampError::Form) })
}

/// Nanoseconds of an optional `.digits`, and what follows it.
fn fraction(rest: &[u8]) -> Result<(i64, &[u8]), ParseTimestampError> {
    let Some((b'.', after)) = rest.split_first() else {
        return Ok((0, rest));
    };
    let len = after.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = after.split_at(len);
    if digits.is_empty() {
        return Err(ParseTimestampError::Form);
    }
    let (kept, finer) = digits.split_at(digits.len().min(9));
    if finer.iter().any(|b| *b != b'0') {
        return Err(ParseTimestampError::TooFine);
    }
    let mut nanos = number(kept)?;
    for _ in kept.len()..9 {
        nanos *= 10;
    }
    Ok((nanos, rest))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Writes the last decimal digits of a non-negative number, as many as there is room for.
fn spell(room: &mut [u8], mut value: i64) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(value % 10).unwrap_or_default()];
        value /= 10;
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with 0, 3, 6 or 9 fraction digits, whichever is the shortest exact form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.div_euclid(NANOS), self.0.rem_euclid(NANOS));
        let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        let mut text = *b"0000-00-00T00:00:00.000000000";
        let parts = [(0..4, year), (5..7, month), (8..10, day), (11..13, hour), (14..16, minute), (17..19, second), (20..29, nanos)];
        for (place, value) in parts {
            spell(&mut text[place], value);
        }
        let length = match nanos {
            0 => 19,
            nanos if nanos % 1_000_000 == 0 => 23,
            nanos if nanos % 1000 == 0 => 26,
            _ => 29,
        };
        f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)?;
        f.write_str("+00:00")
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn known_instants() {
        assert_eq!(t("1970-01-01T00:00:00Z").as_nanos(), 0);
        // date -u -d 2024-01-15T14:30:00 +%s = 1705329000
        assert_eq!(t("2024-01-15T14:30:00+00:00").as_nanos(), 1_705_329_000_000_000_000);
        assert_eq!(t("2024-02-29T23:59:59.999999999-05:00").to_string(), "2024-03-01T04:59:59.999999999+00:00");
        assert_eq!(t("1969-12-31T23:59:59.5Z").as_nanos(), -500_000_000);
        assert_eq!(t("2000-01-01 00:00:00z"), t("1999-12-31T19:00:00-05:00"));
    }

    #[test]
    fn every_day_for_six_centuries_round_trips() {
        for day in -106_000..106_000 {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
            assert!(d >= 1 && d <= days_in_month(y, m));
        }
    }

    #[test]
    fn printing_is_the_shortest_exact_form() {
        for text in ["2024-01-15T14:30:00", "2024-01-15T14:30:00.120", "2024-01-15T14:30:00.000001", "2024-01-15T14:30:00.000000001"] {
            assert_eq!(t(&format!("{text}Z")).to_string(), format!("{text}+00:00"));
        }
    }

    #[test]
    fn bad_instants_name_what_is_wrong() {
        use ParseTimestampError::*;
        for (text, error) in [
            ("2024-01-15T14:30:00", NoOffset),
            ("2024-01-15", Form),
            ("1705329000", Form),
            ("2024-02-30T00:00:00Z", NoSuchTime),
            ("2023-02-29T00:00:00Z", NoSuchTime),
            ("2024-01-15T24:00:00Z", NoSuchTime),
            ("2016-12-31T23:59:60Z", NoSuchTime),
            ("2024-01-15T14:30:00+99:99", NoSuchTime),
            ("2024-01-15T14:30:00.0000000001Z", TooFine),
            ("2024-01-15T14:30:00.Z", Form),
            ("2263-01-01T00:00:00Z", Range),
            ("0000-01-01T00:00:00Z", Range),
            ("9999-12-31T23:59:59Z", Range),
            ("2024-01-15T14:30:00+0000", Form),
            ("２０24-01-15T14:30:00Z", Form),
        ] {
            assert_eq!(Timestamp::parse(text), Err(error), "{text}");
        }
    }
}
