//! Changes as fuzzers make them, by seed.

/// Bytes and numbers that lengths and tags break at.
const ODD: [&[u8]; 12] = [
    &[0],
    &[0xff],
    &[0x7f],
    &[0x80],
    &[0xff; 4],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0xff; 8],
    b"\"",
    b"\\u0000",
    b"[[[[[[[[[[[[[[[[",
    b"1e999",
    b"\n\n",
];

pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    /// A piece of a text, not long.
    fn piece(&mut self, of: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(of.len());
        let most = 1 << self.below(8);
        from..(from + 1 + self.below(most)).min(of.len())
    }

    /// One of the corpus with one to eight changes.
    pub(crate) fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len() + 1);
            let range = self.piece(&bytes);
            match self.below(8) {
                0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < bytes.len() => bytes[at] = ODD[self.below(4)][0],
                3 => drop(bytes.drain(range)),
                4 => {
                    let again = bytes[range].to_vec();
                    bytes.splice(at..at, again);
                }
                5 => {
                    let odd = ODD[self.below(ODD.len())];
                    let end = (at + odd.len() * self.below(2)).min(bytes.len());
                    bytes.splice(at..end, odd.iter().copied());
                }
                6 => {
                    let other = &corpus[self.below(corpus.len())];
                    let piece = other[self.piece(other)].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }
}
