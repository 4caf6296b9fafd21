//! Variations of inputs: always the same ones of the same input.

/// Longest variation, in bytes.
const LONGEST: usize = 4096;
/// Most changes that make one variation.
const CHANGES: u64 = 4;
/// What parsers stumble over.
const PIECES: [&[u8]; 16] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-1",
    b"9223372036854775808",
    b"1e400",
    b"\\",
    b"\xff",
    b"\0",
    b"$patch",
    b"\xe2\x80\xa8",
];

/// Makes inputs out of seeds; a generator of xorshift numbers, so that every run of a test sees the same.
#[derive(Clone, Debug)]
pub struct Variations<'a> {
    seeds: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Variations<'a> {
    /// Of these seeds, of which there must be one.
    #[must_use]
    pub fn of(seeds: &'a [Vec<u8>]) -> Self {
        Self { seeds, state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % end.max(1) as u64).unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(16)).min(input.len());
        match self.below(5) {
            0 => drop(input.drain(at..end)),
            1 => {
                let piece = PIECES[self.below(PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
            2 => {
                let copy = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            3 if at < input.len() => input[at] ^= 1 << self.below(8),
            _ => {
                let seed = &self.seeds[self.below(self.seeds.len())];
                let from = self.below(seed.len());
                input.splice(at..end, seed[from..].iter().copied());
            }
        }
        input.truncate(LONGEST);
    }
}

impl Iterator for Variations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let nth = self.below(self.seeds.len());
        let mut input = self.seeds[nth].clone();
        for _ in 0..=self.below(usize::try_from(CHANGES).unwrap_or_default()) {
            self.change(&mut input);
        }
        Some(input)
    }
}
