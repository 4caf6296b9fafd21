//! Amounts such as `500m`, `1.5Gi` or `2e3`: exact, compared by value, shown in one canonical form.
//!
//! The rules are those of Kubernetes' `resource.Quantity`: what is finer than a billionth is rounded up (away from zero),
//! what is larger than 2^63-1 counts as that.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde_json::Value;

/// Parts of one in which amounts are counted.
const NANO: i128 = 1_000_000_000;
/// Largest amount, in parts.
const MOST: i128 = (i64::MAX as i128) * NANO;
/// More digits than any amount in range has; longer text is refused before arithmetic.
const DIGITS_MAX: usize = 64;

/// Which suffixes an amount was given with, and is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `k`, `M`, `G`, … and `m`, `u`, `n`.
    Decimal,
    /// `Ki`, `Mi`, `Gi`, …
    Binary,
    /// `e3`, `e6`, …
    Exponent,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

/// Why a text is no quantity, in the words of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuantity {
    /// The text does not begin with a number.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Number,
    /// What follows the number is no known suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, form: Form::Decimal };

    /// Reads JSON: a text, or a number as YAML writers often leave it.
    ///
    /// # Errors
    /// When the text or number is no quantity.
    pub fn from_value(value: &Value) -> Result<Self, NotAQuantity> {
        match value {
            Value::String(text) => text.parse(),
            Value::Number(number) => number.to_string().parse(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NotAQuantity::Number),
        }
    }

    /// That many thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self { nanos: milli as i128 * (NANO / 1000), form: Form::Decimal }
    }

    /// That many billionths.
    #[must_use]
    pub const fn from_nano(nano: i64) -> Self {
        Self { nanos: nano as i128, form: Form::Decimal }
    }

    /// That many bytes, shown with binary suffixes.
    #[must_use]
    pub const fn from_bytes(bytes: i64) -> Self {
        Self { nanos: bytes as i128 * NANO, form: Form::Binary }
    }

    /// Thousandths, rounded away from zero; the outermost `i64` when there are more.
    #[must_use]
    pub fn milli(self) -> i64 {
        nearest(divide_up(self.nanos, NANO / 1000))
    }

    /// Whole units, such as bytes, rounded away from zero; the outermost `i64` when there are more.
    #[must_use]
    pub fn bytes(self) -> i64 {
        nearest(divide_up(self.nanos, NANO))
    }

    /// The same amount with nothing finer than thousandths, rounded up.
    #[must_use]
    pub fn rounded_to_milli(self) -> Self {
        Self { nanos: divide_up(self.nanos, NANO / 1000) * (NANO / 1000), form: self.form }
    }

    /// The amount as a number that ratios can be made of; large ones lose digits.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "ratios are compared and shown, not stored")]
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is a whole number of units.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    /// Whether it is so many times the other amount; nothing but zero is so many times zero.
    #[must_use]
    pub fn is_multiple_of(self, other: Self) -> bool {
        if other.nanos == 0 { self.nanos == 0 } else { self.nanos % other.nanos == 0 }
    }

    fn capped(nanos: i128, form: Form) -> Self {
        Self { nanos: nanos.clamp(-MOST, MOST), form }
    }
}

/// The number of 64 bits that is nearest.
fn nearest(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// Division that rounds away from zero, as limits must never shrink.
fn divide_up(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + (dividend % divisor).signum()
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') || number.len() > DIGITS_MAX {
            return Err(NotAQuantity::Number);
        }
        let (form, ten, two) = scale(suffix)?;
        let nanos = parts(whole, fraction, ten, two);
        Ok(Self::capped(if negative { -nanos } else { nanos }, form))
    }
}

/// The form of a suffix, and its powers of ten and of two.
fn scale(suffix: &str) -> Result<(Form, i32, u32), NotAQuantity> {
    if let Some((_, two)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Ok((Form::Binary, 0, *two));
    }
    if let Some((_, ten)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok((Form::Decimal, *ten, 0));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(NotAQuantity::Suffix)?;
    let ten: i32 = exponent.parse().map_err(|_| NotAQuantity::Suffix)?;
    Ok((Form::Exponent, ten, 0))
}

/// Billionths of `whole.fraction * 10^ten * 2^two`, rounded up, at most [`MOST`].
fn parts(whole: &str, fraction: &str, ten: i32, two: u32) -> i128 {
    // Digits are consumed from the most significant on; `place` is the power of ten of the digit at hand, in billionths.
    let first = i64::try_from(whole.len()).unwrap_or(i64::MAX) - 1 + i64::from(ten) + 9;
    let mut sum: i128 = 0;
    let mut fine: Vec<u8> = Vec::new();
    for (nth, digit) in (0_i64..).zip(whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0')) {
        let place = first - nth;
        if digit == 0 {
            continue;
        }
        match u32::try_from(place) {
            // 10^38 alone is more than any amount.
            Ok(place) => match 10_i128.checked_pow(place).and_then(|unit| unit.checked_mul(digit.into())) {
                Some(part) => sum = sum.saturating_add(part),
                None => return MOST,
            },
            Err(_) => {
                fine.resize(usize::try_from(-place - 1).unwrap_or(DIGITS_MAX).min(DIGITS_MAX), 0);
                fine.push(digit);
            }
        }
    }
    let scaled = sum.checked_mul(1_i128 << two).unwrap_or(MOST);
    scaled.saturating_add(fine_parts(&fine, two)).min(MOST)
}

/// Billionths of `0.digits * 2^two` billionths, rounded up. Only a binary suffix makes such fine digits count for more than
/// one; 18 of them are exact for every suffix up to `Gi`, and finer ones are below a billionth of a byte.
fn fine_parts(digits: &[u8], two: u32) -> i128 {
    const EXACT: usize = 18;
    if digits.iter().all(|digit| *digit == 0) {
        return 0;
    }
    let mut numerator: i128 = 0;
    for nth in 0..EXACT {
        numerator = numerator * 10 + i128::from(digits.get(nth).copied().unwrap_or_default());
    }
    let beyond = digits.iter().skip(EXACT).any(|digit| *digit != 0);
    let product = (numerator + i128::from(beyond)).saturating_mul(1_i128 << two);
    divide_up(product, 10_i128.pow(18))
}

/// The canonical form: no fraction, and the largest suffix that keeps the amount exact.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Below 1024, and with a fraction, a binary amount is shown in decimal.
        let binary = self.form == Form::Binary && self.is_whole() && self.nanos.abs() >= 1024 * NANO;
        if binary {
            let units = self.nanos / NANO;
            let fits = BINARY.iter().rev().find(|(_, two)| units % (1_i128 << two) == 0);
            return match fits {
                Some((suffix, two)) => write!(f, "{}{suffix}", units >> two),
                None => write!(f, "{units}"),
            };
        }
        if self.nanos == 0 {
            return f.write_str("0");
        }
        // DECIMAL begins at billionths, so the nth suffix stands for 1000^n parts.
        let (mut count, mut nth) = (self.nanos, 0);
        while count % 1000 == 0 && nth + 1 < DECIMAL.len() {
            count /= 1000;
            nth += 1;
        }
        let (suffix, ten) = DECIMAL[nth];
        match self.form {
            Form::Exponent if ten != 0 => write!(f, "{count}e{ten}"),
            Form::Exponent | Form::Decimal | Form::Binary => write!(f, "{count}{suffix}"),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// The sum keeps the form of the first amount that is not nothing.
impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self::capped(self.nanos + other.nanos, form)
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self::capped(self.nanos - other.nanos, form)
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, canonical: &str, milli: i64, bytes: i64) {
        let quantity: Quantity = text.parse().unwrap();
        assert_eq!(
            (quantity.to_string().as_str(), quantity.milli(), quantity.bytes()),
            (canonical, milli, bytes),
            "{text}"
        );
    }

    #[test]
    fn amounts_have_one_form_and_round_up() {
        check("0", "0", 0, 0);
        check("100m", "100m", 100, 1);
        check("0.5", "500m", 500, 1);
        check("1000m", "1", 1000, 1);
        check("1.5", "1500m", 1500, 2);
        check("1500", "1500", 1_500_000, 1500);
        check("12000", "12k", 12_000_000, 12_000);
        check("1Gi", "1Gi", 1_073_741_824_000, 1 << 30);
        check("1.5Gi", "1536Mi", 1_610_612_736_000, 1_610_612_736);
        check("1024Mi", "1Gi", 1_073_741_824_000, 1 << 30);
        check("0.5Ki", "512", 512_000, 512);
        check("1000Ki", "1000Ki", 1_024_000_000, 1_024_000);
        check("128974848", "128974848", 128_974_848_000, 128_974_848);
        check("129e6", "129e6", 129_000_000_000, 129_000_000);
        check("1E", "1E", i64::MAX, 1_000_000_000_000_000_000);
        check("-1.5", "-1500m", -1500, -2);
        check("1n", "1n", 1, 1);
        check("0.0000000001", "1n", 1, 1);
        check(".5", "500m", 500, 1);
        check("5.", "5", 5000, 5);
        check("99999999999999999999999", "9223372036854775807", i64::MAX, i64::MAX);
        check("-8Ei", "-9223372036854775807", i64::MIN, -i64::MAX);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "-", ".", "a", "1.2.3", "Mi", " 1"] {
            assert_eq!(text.parse::<Quantity>(), Err(NotAQuantity::Number), "{text}");
        }
        for text in ["1x", "1ki", "1e", "1e1.5", "1 ", "1mm", "1e99999999999"] {
            assert_eq!(text.parse::<Quantity>(), Err(NotAQuantity::Suffix), "{text}");
        }
    }

    #[test]
    fn order_is_by_value_whatever_the_form() {
        let mut amounts: Vec<Quantity> = ["1Gi", "1G", "1e3", "999m", "1"].map(|text| text.parse().unwrap()).into();
        amounts.sort();
        let shown: Vec<String> = amounts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["999m", "1", "1e3", "1G", "1Gi"]);
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_read_back_and_stays(text in r"-?[0-9]{1,12}(\.[0-9]{0,12})?(n|u|m|k|M|G|T|Ki|Mi|Gi|Ti|e-?[0-9]|)") {
            let quantity: Quantity = text.parse().unwrap();
            let again: Quantity = quantity.to_string().parse().unwrap();
            prop_assert_eq!(again, quantity);
            prop_assert_eq!(again.to_string(), quantity.to_string());
        }

        #[test]
        fn whole_numbers_are_themselves(number in any::<i32>()) {
            let quantity: Quantity = number.to_string().parse().unwrap();
            prop_assert_eq!(quantity.bytes(), i64::from(number));
            prop_assert_eq!(quantity.milli(), i64::from(number) * 1000);
        }

        #[test]
        fn sums_are_exact(a in 0_u32.., b in 0_u32..) {
            let quantity = |n: u32| format!("{n}m").parse::<Quantity>().unwrap();
            prop_assert_eq!((quantity(a) + quantity(b)).milli(), i64::from(a) + i64::from(b));
            prop_assert_eq!((quantity(a) + quantity(b)) - quantity(b), quantity(a));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[-+0-9.eEinumkKMGTPi]{0,80}|\\PC{0,10}") {
            let _answered = text.parse::<Quantity>().map(|quantity| quantity.to_string());
        }
    }
}
