//! Where a ledger's objects are in a bucket.
//!
//! `[prefix/]trade_ledger/YYYY/MM/DD/<account>.jsonl` is the first object of an account's UTC day,
//! `<account>.NNNNNN.jsonl` its numbered parts. An account id never holds a dot, so no part is another account's
//! first object.

use object_store::path::Path;
use trade_ledger_core::time::Timestamp;

const NANOS_A_DAY: i64 = 86_400_000_000_000;

/// What stands in the place of the account of fills that name none.
pub const NO_ACCOUNT: &str = "default";

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day of an instant.
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_nanos().div_euclid(NANOS_A_DAY))
    }

    /// The day before, this one, the day after.
    pub fn around(self) -> [Self; 3] {
        [Self(self.0 - 1), self, Self(self.0 + 1)]
    }

    /// `YYYY/MM/DD`.
    fn path(self) -> String {
        // the first day that has an instant begins before it
        let start = self.0.checked_mul(NANOS_A_DAY).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX });
        Timestamp::from_nanos(start).to_string()[..10].replace('-', "/")
    }

    fn parse(year: &str, month: &str, day: &str) -> Option<Self> {
        // noon: the first day an instant can name begins late, the last ends early
        let found = Self::of(Timestamp::parse(&format!("{year}-{month}-{day}T12:00:00Z")).ok()?);
        // one spelling a day
        (found.path() == format!("{year}/{month}/{day}")).then_some(found)
    }
}

/// An account's day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The day.
    pub day: Day,
    /// The account as its objects' names spell it.
    pub account: String,
}

/// The account's part of an object's name.
///
/// # Errors
/// What would be right.
pub fn account_name(account: Option<&str>) -> Result<&str, &'static str> {
    const WANTED: &str = "on S3 an account id is 1 to 64 of A-Z, a-z, 0-9, _ and -, and no device name of Windows";
    let Some(account) = account else { return Ok(NO_ACCOUNT) };
    let plain = account.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let upper = account.to_ascii_uppercase();
    let numbered = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    let device = matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || numbered.is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    if plain && !device && (1..=64).contains(&account.len()) { Ok(account) } else { Err(WANTED) }
}

/// The names below one prefix of one bucket.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Empty, or ends with a slash.
    prefix: String,
}

impl Layout {
    /// The layout below a prefix; slashes around it do not count.
    pub fn new(prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        Self { prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") } }
    }

    /// Below which all entries are.
    pub fn root(&self) -> Path {
        Path::from(format!("{}trade_ledger", self.prefix))
    }

    /// A name for the proof that the bucket can be trusted.
    pub fn probe(&self, name: &str) -> Path {
        Path::from(format!("{}trade_ledger_probe/{name}", self.prefix))
    }

    /// Below which the objects of a day are.
    pub fn day(&self, day: Day) -> Path {
        Path::from(format!("{}trade_ledger/{}", self.prefix, day.path()))
    }

    /// An object of an account's day: 0 is the first.
    pub fn object(&self, place: &Place, number: u32) -> Path {
        let (day, account) = (place.day.path(), &place.account);
        Path::from(match number {
            0 => format!("{}trade_ledger/{day}/{account}.jsonl", self.prefix),
            number => format!("{}trade_ledger/{day}/{account}.{number:06}.jsonl", self.prefix),
        })
    }

    /// What an object is; `None` when no writer of this layout named it.
    pub fn parse(&self, path: &Path) -> Option<(Place, u32)> {
        let rest = path.as_ref().strip_prefix(&self.prefix)?.strip_prefix("trade_ledger/")?;
        let mut parts = rest.splitn(4, '/');
        let day = Day::parse(parts.next()?, parts.next()?, parts.next()?)?;
        let name = parts.next()?.strip_suffix(".jsonl")?;
        let (account, number) = match name.split_once('.') {
            None => (name, 0),
            Some((account, digits)) => (account, digits.parse().ok().filter(|number| *number > 0)?),
        };
        let place = Place { day, account: account_name(Some(account)).ok()?.to_owned() };
        (self.object(&place, number) == *path).then_some((place, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of(Timestamp::parse(text).expect("an instant"))
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let layout = Layout::new("/books/live/");
        let place = Place { day: day("2024-01-15T23:59:59.999999999Z"), account: "PA-1_x".into() };
        for (number, name) in [(0, "PA-1_x.jsonl"), (1, "PA-1_x.000001.jsonl"), (1_234_567, "PA-1_x.1234567.jsonl")] {
            let path = layout.object(&place, number);
            assert_eq!(path.as_ref(), format!("books/live/trade_ledger/2024/01/15/{name}"));
            assert_eq!(layout.parse(&path), Some((place.clone(), number)));
        }
        let next = Place { day: place.day.around()[2], ..place };
        assert_eq!(Layout::new("").object(&next, 0).as_ref(), "trade_ledger/2024/01/16/PA-1_x.jsonl");
    }

    #[test]
    fn names_of_others_are_nobodys() {
        let layout = Layout::new("");
        for name in [
            "trade_ledger/2024/01/15/a.b.jsonl",
            "trade_ledger/2024/01/15/a.1.jsonl",
            "trade_ledger/2024/01/15/a.000000.jsonl",
            "trade_ledger/2024/1/15/a.jsonl",
            "trade_ledger/2024/02/30/a.jsonl",
            "trade_ledger/2024/01/15/x/a.jsonl",
            "trade_ledger/2024/01/15/a.json",
            "trade_ledger/2024/01/15/con.jsonl",
            "other/2024/01/15/a.jsonl",
        ] {
            assert_eq!(layout.parse(&Path::from(name)), None, "{name}");
        }
    }

    #[test]
    fn an_account_that_could_leave_its_place_is_refused() {
        for account in ["", ".", "..", "../x", "a/b", "a\\b", "a.b", "a b", "a\n", "\u{430}bc", "é", "con", "LPT1", &"a".repeat(65)] {
            assert!(account_name(Some(account)).is_err(), "{account:?}");
        }
        for account in ["PA123", "a-b_c", "default", "com10", &"a".repeat(64)] {
            assert_eq!(account_name(Some(account)), Ok(account));
        }
        assert_eq!(account_name(None), Ok("default"));
    }

    #[test]
    fn the_first_and_the_last_instant_have_a_day() {
        for at in [i64::MIN, i64::MAX] {
            let place = Place { day: Day::of(Timestamp::from_nanos(at)), account: "a".into() };
            let layout = Layout::new("");
            assert_eq!(layout.parse(&layout.object(&place, 0)), Some((place, 0)));
        }
    }
}
