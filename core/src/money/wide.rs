//! Products and quotients of 128-bit integers, through 256 bits where they need it.

use super::Overflow;

/// One machine multiplication where both are small, as they nearly always are.
#[inline]
pub(super) fn product(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

/// As [`product`], without a sign.
#[inline]
pub(super) fn unsigned_product(a: u128, b: u128) -> Option<u128> {
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(u128::from(a) * u128::from(b)),
        _ => a.checked_mul(b),
    }
}

/// `a × b ÷ c`, half to even, with a 256-bit product in between.
pub(super) fn mul_div_round(a: u128, b: u128, c: u128) -> Result<u128, Overflow> {
    if c == 0 {
        return Err(Overflow);
    }
    let (quotient, remainder) = match unsigned_product(a, b) {
        Some(product) => match (u64::try_from(product), u64::try_from(c)) {
            (Ok(product), Ok(c)) => (u128::from(product / c), u128::from(product % c)),
            _ => (product / c, product % c),
        },
        None => wide_div(wide_mul(a, b), c)?,
    };
    let twice = remainder.checked_mul(2);
    let up = match twice {
        Some(twice) if twice < c => false,
        Some(twice) if twice == c => quotient % 2 == 1,
        _ => true,
    };
    if up { quotient.checked_add(1).ok_or(Overflow) } else { Ok(quotient) }
}

const LOW: u128 = u64::MAX as u128;

/// The 256-bit product as (high, low).
pub(super) fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a0 * b0;
    let (mid, carry) = (a1 * b0).overflowing_add(a0 * b1);
    let (low, carry_low) = low.overflowing_add(mid << 64);
    let high = a1 * b1 + (mid >> 64) + (u128::from(carry) << 64) + u128::from(carry_low);
    (high, low)
}

/// 256-bit by 128-bit long division, bit by bit: only reached when a product passes 36 digits.
pub(super) fn wide_div((high, low): (u128, u128), c: u128) -> Result<(u128, u128), Overflow> {
    if high >= c {
        return Err(Overflow);
    }
    let (mut remainder, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        let carry = remainder >> 127;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry == 1 || remainder >= c {
            remainder = remainder.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Ok((quotient, remainder))
}
