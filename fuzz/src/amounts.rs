//! Amounts.

use std::cmp::Ordering;

use api::quantity::Quantity;

/// An amount comes back from its canonical form, which is the only one; two amounts have one order, in which neither sums nor
/// roundings turn around.
pub(crate) fn quantity(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (one, other) = text.split_once('\n').unwrap_or((text, "1"));
    let (Ok(one), Ok(other)) = (one.parse::<Quantity>(), other.parse::<Quantity>()) else { return };
    for amount in [one, other] {
        let shown = amount.to_string();
        let again: Quantity = shown.parse().unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert_eq!((again, again.to_string()), (amount, shown));
        assert!(amount.rounded_to_milli().to_string().len() < 64);
    }
    assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
    assert_eq!(one == other, one.cmp(&other) == Ordering::Equal);
    let (less, more) = if one <= other { (one, other) } else { (other, one) };
    assert!(less.milli() <= more.milli() && less.bytes() <= more.bytes());
    assert!(less + one <= more + one);
}
