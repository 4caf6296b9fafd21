//! Ranges of IP addresses.

use std::fmt;
use std::net::IpAddr;

/// A range of addresses as its text says it: the address may have bits beyond the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// An address of the range.
    pub address: IpAddr,
    /// Bits that addresses of the range share.
    pub length: u8,
}

impl Range {
    /// Reads `10.9.8.0/24`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let range = Self { address: address.parse().ok()?, length: length.parse().ok()? };
        (range.length <= range.width()).then_some(range)
    }

    /// Bits of an address of its family.
    #[must_use]
    pub const fn width(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// The lowest address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.at(self.bounds().0)
    }

    /// Whether the address is one of the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (first, last) = self.bounds();
        address.is_ipv4() == self.address.is_ipv4() && (first..=last).contains(&bits(address))
    }

    /// The lowest and the highest address, as numbers.
    pub(crate) fn bounds(&self) -> (u128, u128) {
        let rest = u32::from(self.width().saturating_sub(self.length));
        // A shift by all bits of the number is none.
        let beyond = u128::MAX.checked_shl(rest).map_or(u128::MAX, |network| !network);
        let address = bits(self.address);
        (address & !beyond, address | beyond)
    }

    /// The address of the range's family that is this number.
    pub(crate) fn at(&self, number: u128) -> IpAddr {
        if self.address.is_ipv4() {
            IpAddr::V4(u32::try_from(number).unwrap_or(u32::MAX).into())
        } else {
            IpAddr::V6(number.into())
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.length)
    }
}

/// An address as a number.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_shares_its_first_bits() {
        let range = Range::parse("10.1.2.3/8").unwrap();
        assert_eq!(range.first().to_string(), "10.0.0.0");
        for (address, inside) in [("10.255.0.1", true), ("11.0.0.1", false), ("::1", false)] {
            assert_eq!(range.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(Range::parse("0.0.0.0/0").unwrap().contains("1.2.3.4".parse().unwrap()));
        assert!(Range::parse("::/0").unwrap().contains("fd00::1".parse().unwrap()));
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "/"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
        assert_eq!(range.to_string(), "10.0.0.0/8");
    }
}
