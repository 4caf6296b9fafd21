//! How large something may be, and what comes of that.

/// Least and most: characters of a text, bytes, items of a list, entries of a map. The most is the largest number when there is
/// no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

/// What is not known.
pub(super) const UNKNOWN: Range = Range { least: 0, most: u64::MAX };
/// What is not made of parts.
pub(super) const ONE: Range = exactly(1);

pub(super) const fn exactly(size: u64) -> Range {
    Range { least: size, most: size }
}

pub(super) const fn up_to(most: u64) -> Range {
    Range { least: 0, most }
}

impl Range {
    /// Either of them.
    pub(super) fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Both, one behind the other.
    pub(super) fn and(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// As often as the other says.
    pub(super) fn times(self, other: Self) -> Self {
        self.each(other, u64::saturating_mul)
    }

    fn each(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self { least: with(self.least, other.least), most: with(self.most, other.most) }
    }

    /// The most that it costs to walk through a text of that size: ten characters are one unit.
    pub(super) fn walked(self) -> u64 {
        self.most.div_ceil(10)
    }

    /// The same, and to make another one of it.
    pub(super) fn walked_twice(self) -> u64 {
        self.most.div_ceil(5)
    }

    /// The most that a pattern of that size multiplies the cost of a text by: four characters are thought to be one step.
    pub(super) fn as_pattern(self) -> u64 {
        self.most.div_ceil(4)
    }
}
