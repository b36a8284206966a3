//! Exact decimal numbers, and the three kinds of them the accounting knows.
//!
//! [`Decimal`] is an integer mantissa times a power of ten, 16 bytes in all. It is the only place in the product where raw
//! decimal arithmetic happens. Invariants:
//!
//! 1. No operation rounds, except [`Decimal::mul_div`] and [`Decimal::div`], which round once, to the number
//!    of decimal places their caller names, half to even.
//! 2. No operation wraps, saturates or panics: what does not fit is [`Overflow`].
//! 3. Equality, order and hash look at the value: `1.10` equals `1.1`. The written digits survive beside it,
//!    so that an entry prints as it was read.
//!
//! [`Quantity`], [`Price`] and [`Money`] wrap it so that the compiler keeps shares, dollars per share and
//! dollars apart.

mod wide;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use wide::{mul_div_round, product, unsigned_product, wide_div, wide_mul};

/// The result does not fit into 36 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the exact result needs more than 36 digits")]
pub struct Overflow;

/// Why a text is not a [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// Not of the form `-?digits[.digits][e±digits]`, for example empty, `1_000`, `+1`, `.5`, `NaN`.
    #[error("not a decimal number (want digits, optionally a point and digits, such as 12.50)")]
    Form,
    /// More integer digits or decimal places than the field can hold exactly.
    #[error("more digits than can be held exactly (at most {MAX_INTEGER_DIGITS} before the point, {MAX_DECIMALS} after it, 36 in all)")]
    Digits,
}

/// The most digits a number read from outside may have before its point.
pub const MAX_INTEGER_DIGITS: u32 = 18;
/// The most decimal places a number read from outside may have.
pub const MAX_DECIMALS: u32 = 26;

const MAX_SCALE: u8 = 38;

const POW10: [i128; 39] = {
    let mut table = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// A decimal number held exactly: `mantissa × 10^-scale`, the scale in the low six bits.
#[derive(Clone, Copy)]
pub struct Decimal(i128);

const SCALE_BITS: u32 = 6;
const SCALE_MASK: i128 = (1 << SCALE_BITS) - 1;
/// The largest number of 36 digits; it fits beside the scale.
const MAX_MANTISSA: i128 = POW10[36] - 1;

/// A decimal whose mantissa and scale fit 64 bits, for keeping many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShortDecimal(i64);

impl From<ShortDecimal> for Decimal {
    #[inline]
    fn from(short: ShortDecimal) -> Self {
        Self(i128::from(short.0))
    }
}

impl Decimal {
    /// The same in 64 bits, where it fits.
    #[inline]
    pub(crate) fn short(self) -> Option<ShortDecimal> {
        i64::try_from(self.0).ok().map(ShortDecimal)
    }

    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1 << SCALE_BITS);

    /// `mantissa × 10^-scale`; `None` when the mantissa has more than 36 digits or the scale is above 38.
    #[inline]
    pub const fn new(mantissa: i128, scale: u8) -> Option<Self> {
        let fits = scale <= MAX_SCALE && mantissa <= MAX_MANTISSA && mantissa >= -MAX_MANTISSA;
        if fits { Some(Self((mantissa << SCALE_BITS) | scale as i128)) } else { None }
    }

    #[inline]
    const fn fitting(mantissa: i128, scale: u8) -> Result<Self, Overflow> {
        match Self::new(mantissa, scale) {
            Some(number) => Ok(number),
            None => Err(Overflow),
        }
    }

    /// Reads `-?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?`, keeping trailing zeros.
    ///
    /// # Errors
    /// [`ParseDecimalError::Form`] for any other text; [`ParseDecimalError::Digits`] beyond
    /// [`MAX_INTEGER_DIGITS`] or [`MAX_DECIMALS`]. Nothing is ever rounded.
    pub fn parse(text: &str) -> Result<Self, ParseDecimalError> {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes.first() {
            Some(b'-') => (true, &bytes[1..]),
            _ => (false, bytes),
        };
        let integer_len = leading_digits(digits);
        let (integer, mut rest) = digits.split_at(integer_len);
        if integer.is_empty() || (integer.len() > 1 && integer[0] == b'0') {
            return Err(ParseDecimalError::Form);
        }
        let mut fraction: &[u8] = &[];
        if let Some((b'.', after)) = rest.split_first() {
            let len = leading_digits(after);
            (fraction, rest) = after.split_at(len);
            if fraction.is_empty() {
                return Err(ParseDecimalError::Form);
            }
        }
        let exponent = parse_exponent(rest)?;
        if integer.len() + fraction.len() <= 18 && exponent == 0 {
            let append = |mantissa: i64, byte: &u8| mantissa * 10 + i64::from(byte - b'0');
            let mantissa = fraction.iter().fold(integer.iter().fold(0, append), append);
            let mantissa = i128::from(if negative { -mantissa } else { mantissa });
            // at most 18 digits, so the scale fits
            let scale = u8::try_from(fraction.len()).unwrap_or(MAX_SCALE);
            return Self::new(mantissa, scale).ok_or(ParseDecimalError::Digits);
        }
        Self::assemble(negative, integer, fraction, exponent)
    }

    fn assemble(negative: bool, integer: &[u8], fraction: &[u8], exponent: i64) -> Result<Self, ParseDecimalError> {
        let mut mantissa: i128 = 0;
        for byte in integer.iter().chain(fraction) {
            mantissa = mantissa.checked_mul(10).and_then(|m| m.checked_add(i128::from(byte - b'0'))).ok_or(ParseDecimalError::Digits)?;
        }
        let places = i64::try_from(fraction.len()).map_err(|_| ParseDecimalError::Digits)? - exponent;
        let places = if mantissa == 0 { places.clamp(0, i64::from(MAX_DECIMALS)) } else { places };
        if places > i64::from(MAX_DECIMALS) {
            return Err(ParseDecimalError::Digits);
        }
        let (mantissa, scale) = if places < 0 {
            let shift = usize::try_from(-places).map_err(|_| ParseDecimalError::Digits)?;
            let factor = POW10.get(shift).ok_or(ParseDecimalError::Digits)?;
            (mantissa.checked_mul(*factor).ok_or(ParseDecimalError::Digits)?, 0)
        } else {
            (mantissa, u8::try_from(places).map_err(|_| ParseDecimalError::Digits)?)
        };
        let bound = (MAX_INTEGER_DIGITS + u32::from(scale)).min(38);
        if POW10.get(bound as usize).is_some_and(|limit| mantissa >= *limit) {
            return Err(ParseDecimalError::Digits);
        }
        Self::new(if negative { -mantissa } else { mantissa }, scale).ok_or(ParseDecimalError::Digits)
    }

    /// The digits without the point, signed.
    #[inline]
    pub const fn mantissa(self) -> i128 {
        self.0 >> SCALE_BITS
    }

    /// How many of the digits stand after the point, trailing zeros included.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "masked to six bits")]
    pub const fn scale(self) -> u8 {
        (self.0 & SCALE_MASK) as u8
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.0 >> SCALE_BITS == 0
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the value is above zero.
    pub const fn is_positive(self) -> bool {
        self.0 >> SCALE_BITS > 0
    }

    /// The same value without trailing zeros after the point.
    #[must_use]
    pub fn normalized(self) -> Self {
        let (mut mantissa, mut scale) = (self.mantissa(), self.scale());
        if let Ok(mut small) = i64::try_from(mantissa) {
            while scale > 0 && small % 10 == 0 {
                small /= 10;
                scale -= 1;
            }
            return Self((i128::from(small) << SCALE_BITS) | i128::from(scale));
        }
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self((mantissa << SCALE_BITS) | i128::from(scale))
    }

    /// The same value with exactly `scale` places; `None` when that would drop a digit or not fit.
    pub fn with_scale(self, scale: u8) -> Option<Self> {
        if scale >= self.scale() {
            let factor = POW10.get(usize::from(scale - self.scale()))?;
            return Self::new(self.mantissa().checked_mul(*factor)?, scale);
        }
        let short = self.normalized();
        if short.scale() <= scale { short.with_scale(scale) } else { None }
    }

    #[inline]
    fn aligned(self, other: Self) -> Result<(i128, i128, u8), Overflow> {
        if self.scale() == other.scale() {
            return Ok((self.mantissa(), other.mantissa(), self.scale()));
        }
        self.raised(other)
    }

    fn raised(self, other: Self) -> Result<(i128, i128, u8), Overflow> {
        if self.scale() > other.scale() {
            return other.raised(self).map(|(b, a, scale)| (a, b, scale));
        }
        let factor = POW10[usize::from(other.scale() - self.scale())];
        match product(self.mantissa(), factor) {
            Some(raised) => Ok((raised, other.mantissa(), other.scale())),
            None => self.aligned_shortest(other),
        }
    }

    fn aligned_shortest(self, other: Self) -> Result<(i128, i128, u8), Overflow> {
        let (a, b) = (self.normalized(), other.normalized());
        let scale = a.scale().max(b.scale());
        match (a.with_scale(scale), b.with_scale(scale)) {
            (Some(a), Some(b)) => Ok((a.mantissa(), b.mantissa(), scale)),
            _ => Err(Overflow),
        }
    }

    /// The exact sum.
    ///
    /// # Errors
    /// [`Overflow`] when it needs more than 36 digits.
    #[inline]
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        if self.scale() == other.scale() {
            // 36 digits and the scale leave a bit over
            return Self::in_range(self.0 + (other.0 & !SCALE_MASK));
        }
        let (a, b, scale) = self.raised(other)?;
        Self::fitting(a.checked_add(b).ok_or(Overflow)?, scale)
    }

    /// Mantissa and scale as they are held, the mantissa still to be checked.
    #[inline]
    const fn in_range(held: i128) -> Result<Self, Overflow> {
        const MOST: i128 = MAX_MANTISSA << SCALE_BITS | SCALE_MASK;
        const LEAST: i128 = -MAX_MANTISSA << SCALE_BITS;
        if held <= MOST && held >= LEAST { Ok(Self(held)) } else { Err(Overflow) }
    }

    /// The exact difference.
    ///
    /// # Errors
    /// [`Overflow`] when it needs more than 36 digits.
    #[inline]
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        if self.scale() == other.scale() {
            return Self::in_range(self.0 - (other.0 & !SCALE_MASK));
        }
        let (a, b, scale) = self.raised(other)?;
        Self::fitting(a.checked_sub(b).ok_or(Overflow)?, scale)
    }

    /// The exact product.
    ///
    /// # Errors
    /// [`Overflow`] when it needs more than 36 digits.
    #[inline]
    pub fn times(self, other: Self) -> Result<Self, Overflow> {
        let scale = self.scale() + other.scale();
        match product(self.mantissa(), other.mantissa()).and_then(|product| Self::new(product, scale)) {
            Some(product) => Ok(product),
            None => self.times_shortest(other),
        }
    }

    fn times_shortest(self, other: Self) -> Result<Self, Overflow> {
        let (a, b) = (self.normalized(), other.normalized());
        let mantissa = a.mantissa().checked_mul(b.mantissa()).ok_or(Overflow)?;
        Self::fitting(mantissa, a.scale() + b.scale())
    }

    /// The same size with the other sign.
    #[must_use]
    #[inline]
    pub const fn negated(self) -> Self {
        Self((-self.mantissa() << SCALE_BITS) | (self.0 & SCALE_MASK))
    }

    /// The distance from zero.
    #[must_use]
    #[inline]
    pub const fn abs(self) -> Self {
        if self.0 < 0 { self.negated() } else { self }
    }

    /// `self × numerator ÷ denominator`, rounded once to `places` decimal places, half to even.
    ///
    /// # Errors
    /// [`Overflow`] when the result does not fit or the denominator is zero.
    pub fn mul_div(self, numerator: Self, denominator: Self, places: u8) -> Result<Self, Overflow> {
        // value = (a·b / c) · 10^(places - sa - sb + sc) in units of 10^-places
        let (n, d, _) = numerator.aligned(denominator)?;
        let negative = (self.mantissa() < 0) ^ (n < 0) ^ (d < 0);
        let mut top = self.mantissa().unsigned_abs();
        let mut bottom = d.unsigned_abs();
        if places >= self.scale() {
            let factor = POW10.get(usize::from(places - self.scale())).ok_or(Overflow)?.unsigned_abs();
            top = unsigned_product(top, factor).ok_or(Overflow)?;
        } else {
            let factor = POW10[usize::from(self.scale() - places)].unsigned_abs();
            bottom = unsigned_product(bottom, factor).ok_or(Overflow)?;
        }
        let magnitude = mul_div_round(top, n.unsigned_abs(), bottom)?;
        let magnitude = i128::try_from(magnitude).map_err(|_| Overflow)?;
        Self::new(if negative { -magnitude } else { magnitude }, places).ok_or(Overflow)
    }

    /// The whole number of `10^-step` in `self × part ÷ whole`, as a decimal, and the remainder of that division,
    /// comparable between calls with equal `whole` when all three share their decimal places. All non-negative.
    ///
    /// # Errors
    /// [`Overflow`] when something does not fit or `whole` is zero.
    pub fn share_floor(self, part: Self, whole: Self, step: u8) -> Result<(Self, u128), Overflow> {
        let units = self.with_scale(step).ok_or(Overflow)?.mantissa().unsigned_abs();
        let (part, whole, _) = part.aligned(whole)?;
        let (part, whole) = (part.unsigned_abs(), whole.unsigned_abs());
        let (quotient, remainder) = match unsigned_product(units, part) {
            Some(product) if whole > 0 => (product / whole, product % whole),
            _ => wide_div(wide_mul(units, part), whole)?,
        };
        let mantissa = i128::try_from(quotient).map_err(|_| Overflow)?;
        Ok((Self::fitting(mantissa, step)?, remainder))
    }

    /// `self ÷ divisor`, rounded once to `places` decimal places, half to even; `None` when the divisor is
    /// zero or the result does not fit.
    pub fn div(self, divisor: Self, places: u8) -> Option<Self> {
        self.mul_div(Self::ONE, divisor, places).ok()
    }
}

fn leading_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn parse_exponent(rest: &[u8]) -> Result<i64, ParseDecimalError> {
    let Some((b'e' | b'E', after)) = rest.split_first() else {
        return if rest.is_empty() { Ok(0) } else { Err(ParseDecimalError::Form) };
    };
    let (negative, digits) = match after.first() {
        Some(b'-') => (true, &after[1..]),
        Some(b'+') => (false, &after[1..]),
        _ => (false, after),
    };
    if digits.is_empty() || leading_digits(digits) != digits.len() {
        return Err(ParseDecimalError::Form);
    }
    if digits.len() > 4 {
        return Err(ParseDecimalError::Digits);
    }
    let size = digits.iter().fold(0i64, |sum, b| sum * 10 + i64::from(b - b'0'));
    Ok(if negative { -size } else { size })
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale() == other.scale() {
            return self.0.cmp(&other.0);
        }
        match self.raised(*other) {
            Ok((a, b, _)) => a.cmp(&b),
            // too far apart for one scale: at 36 digits the whole parts differ then
            Err(Overflow) => {
                let whole = |number: &Self| number.mantissa() / POW10[usize::from(number.scale())];
                whole(self).cmp(&whole(other))
            }
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let short = self.normalized();
        short.mantissa().hash(state);
        short.scale().hash(state);
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa().unsigned_abs().to_string();
        let scale = usize::from(self.scale());
        let sign = if self.mantissa() < 0 { "-" } else { "" };
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        if digits.len() > scale {
            let (integer, fraction) = digits.split_at(digits.len() - scale);
            write!(f, "{sign}{integer}.{fraction}")
        } else {
            write!(f, "{sign}0.{digits:0>scale$}")
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Decimal {
    /// A decimal is a string in JSON, so that no reader turns it into a float.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.normalized())
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(i128::from(value) << SCALE_BITS)
    }
}

impl std::str::FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// The exact sum.
            ///
            /// # Errors
            /// [`Overflow`] when it needs more than 36 digits.
            #[inline]
            pub fn plus(self, other: Self) -> Result<Self, Overflow> {
                self.0.plus(other.0).map(Self)
            }

            /// The exact difference.
            ///
            /// # Errors
            /// [`Overflow`] when it needs more than 36 digits.
            #[inline]
            pub fn minus(self, other: Self) -> Result<Self, Overflow> {
                self.0.minus(other.0).map(Self)
            }

            /// The same size with the other sign.
            #[must_use]
            #[inline]
            pub const fn negated(self) -> Self {
                Self(self.0.negated())
            }

            /// Whether it is zero.
            pub const fn is_zero(self) -> bool {
                self.0.is_zero()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

amount! {
    /// Shares, contracts or coins. Signed where a position is meant: negative is short.
    Quantity
}
amount! {
    /// Currency per share, contract or coin.
    Price
}
amount! {
    /// An amount of the account's currency.
    Money
}

impl Price {
    /// The exact value of `quantity` at this price.
    ///
    /// # Errors
    /// [`Overflow`] when it needs more than 36 digits.
    #[inline]
    pub fn times(self, quantity: Quantity) -> Result<Money, Overflow> {
        self.0.times(quantity.0).map(Money)
    }
}

/// Decimal places of an amount that had to be divided: a fee split by quantity, an average price, a ratio.
pub const DIVISION_PLACES: u8 = 12;

impl Money {
    /// The share of this amount that belongs to `part` of `whole`: rounded once, to the finer of the amount's
    /// own places and [`DIVISION_PLACES`], half to even. All of it when `part` equals `whole`.
    ///
    /// # Errors
    /// [`Overflow`] when the share does not fit or `whole` is zero.
    pub fn share(self, part: Quantity, whole: Quantity) -> Result<Self, Overflow> {
        if part == whole || self.is_zero() {
            return Ok(self);
        }
        self.0.mul_div(part.0, whole.0, self.0.scale().max(DIVISION_PLACES)).map(Self)
    }

    /// This amount per unit of `quantity`, to [`DIVISION_PLACES`]; `None` when the quantity is zero.
    pub fn per(self, quantity: Quantity) -> Option<Price> {
        self.0.div(quantity.0, DIVISION_PLACES.max(self.0.scale())).map(Price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn written_digits_survive_and_do_not_matter_for_equality() {
        for text in ["0", "1.10", "0.00000100", "-7.50", "123456789012345678.123456789012345678"] {
            assert_eq!(d(text).to_string(), text);
        }
        assert_eq!(d("1.10"), d("1.1"));
        assert_eq!(d("1e2").to_string(), "100");
        assert_eq!(d("3.8275e-9").to_string(), "0.0000000038275");
        assert_eq!(d("1E-7"), d("0.0000001"));
        assert_eq!(d("-0"), Decimal::ZERO);
        assert_eq!(d("0E-10"), Decimal::ZERO);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "", " 1", "1 ", "+1", "1_000", "1,000", ".5", "1.", "00012", "NaN", "Infinity", "0x10", "١", "１", "--1", "1e", "1e+", "e5",
            "1.2.3", "-",
        ] {
            assert_eq!(Decimal::parse(text), Err(ParseDecimalError::Form), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_held_is_refused_not_rounded() {
        assert_eq!(Decimal::parse("0.123456789012345678901234567"), Err(ParseDecimalError::Digits));
        assert_eq!(d("0.12345678901234567890123456").to_string(), "0.12345678901234567890123456");
        for text in ["1000000000000000000", "1e18", "1e309", "1e-400", "1e99999", &"9".repeat(38), &"9".repeat(60)] {
            assert_eq!(Decimal::parse(text), Err(ParseDecimalError::Digits), "{text}");
        }
        assert_eq!(d("999999999999999999"), Decimal::from(999_999_999_999_999_999));
    }

    #[test]
    fn sums_and_products_are_exact() {
        assert_eq!(d("0.1").plus(d("0.2")), Ok(d("0.3")));
        assert_eq!(d("1").minus(d("0.00000001")), Ok(d("0.99999999")));
        // 2300.00000000 × 0.8738 = 2009.74
        assert_eq!(d("2300.00000000").times(d("0.8738")), Ok(d("2009.74")));
        assert_eq!(
            d("999999999999999999").times(d("999999999999999999")).map(|p| p.to_string()),
            Ok("999999999999999998000000000000000001".into())
        );
    }

    #[test]
    fn division_rounds_once_half_to_even() {
        assert_eq!(d("1").div(d("3"), 4), Some(d("0.3333")));
        assert_eq!(d("0.5").div(d("1"), 0), Some(d("0")));
        assert_eq!(d("1.5").div(d("1"), 0), Some(d("2")));
        assert_eq!(d("-1").div(d("8"), 2), Some(d("-0.12")));
        assert_eq!(d("1").div(d("0"), 2), None);
    }

    #[test]
    fn a_product_past_38_digits_is_divided_exactly() {
        // 10^26 × 10^17 ÷ 10^20 = 10^23: the product alone has 44 digits
        let a = Decimal::new(10i128.pow(26), 0).expect("scale 0");
        let b = Decimal::new(10i128.pow(17), 0).expect("scale 0");
        let c = Decimal::new(10i128.pow(20), 0).expect("scale 0");
        assert_eq!(a.mul_div(b, c, 0), Ok(Decimal::new(10i128.pow(23), 0).expect("scale 0")));
        // (2^100 − 1) × (2^90 + 1) ÷ (2^90 + 1) is 2^100 − 1 again
        let (x, y) = ((1u128 << 100) - 1, (1u128 << 90) + 1);
        assert_eq!(mul_div_round(x, y, y), Ok(x));
    }

    #[test]
    fn comparing_numbers_too_far_apart_to_align_still_works() {
        let big = d("999999999999999999");
        let small = d("0.00000000000000000000000001");
        assert!(big > small && big.negated() < small);
        let tiny = Decimal::new(1, 38).expect("scale 38");
        assert!(big > tiny);
    }

    #[test]
    fn shares_of_an_amount_sum_to_it_when_the_last_takes_the_rest() {
        let fee = Money(d("1.00"));
        let (third, whole) = (Quantity(d("1")), Quantity(d("3")));
        let first = fee.share(third, whole).expect("fits");
        assert_eq!(first, Money(d("0.333333333333")));
        assert_eq!(fee.minus(first), Ok(Money(d("0.666666666667"))));
        assert_eq!(fee.share(whole, whole), Ok(fee));
    }
}
