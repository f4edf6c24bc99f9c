//! What is kept of the removed rows of a segment's batches: the sidecar `<path>.gone`
//! (FORMAT section 5).

use std::collections::BTreeMap;

use crate::merkle::Hash;
use crate::segment::MAX_BATCH_ROWS;

const MAGIC: &[u8; 8] = b"SEALGON1";

/// A batch that lost some of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoneBatch {
    /// Rows when the batch was made.
    rows: u32,
    /// Positions of the removed rows, ascending.
    positions: Vec<u32>,
    /// Their leaves.
    leaves: Vec<Hash>,
    /// Salts of the rows that are left, in the order of their positions.
    salts: Vec<[u8; 16]>,
}

/// The batches of a segment that lost rows, by ordinal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) batches: BTreeMap<u16, GoneBatch>,
}

impl GoneBatch {
    /// A batch of `rows` rows, of which those at `positions` with these leaves are removed.
    ///
    /// # Errors
    /// What does not fit.
    pub(crate) fn new(
        rows: u32,
        positions: Vec<u32>,
        leaves: Vec<Hash>,
        salts: Vec<[u8; 16]>,
    ) -> Result<Self, String> {
        let ascending = positions.windows(2).all(|pair| pair[0] < pair[1]);
        let within = positions.last().is_some_and(|last| *last < rows);
        if !ascending || !within || rows as usize > MAX_BATCH_ROWS {
            return Err("positions of removed rows that cannot be".to_owned());
        }
        let left = rows as usize - positions.len();
        if leaves.len() != positions.len() || salts.len() != left || left == 0 {
            return Err("not as many leaves or salts as rows".to_owned());
        }
        Ok(Self { rows, positions, leaves, salts })
    }

    /// Number of removed rows.
    pub(crate) fn gone(&self) -> u64 {
        self.positions.len() as u64
    }

    /// Number of rows when the batch was made.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.into()
    }

    /// Position and salt of each row that is left, in order.
    pub(crate) fn left(&self) -> impl Iterator<Item = (u32, [u8; 16])> + '_ {
        let mut gone = self.positions.iter().peekable();
        let left = (0..self.rows).filter(move |at| gone.next_if_eq(&at).is_none());
        left.zip(self.salts.iter().copied())
    }

    /// Position and leaf of each removed row, in order.
    pub(crate) fn removed(&self) -> impl Iterator<Item = (u32, Hash)> + '_ {
        self.positions.iter().copied().zip(self.leaves.iter().copied())
    }

    /// All leaves in the order of positions, where `left` are those of the rows that are left.
    pub(crate) fn leaves(&self, left: impl IntoIterator<Item = Hash>) -> Vec<Hash> {
        let (mut left, mut removed) = (left.into_iter(), self.removed().peekable());
        let next = |at: u32| match removed.next_if(|(gone, _)| *gone == at) {
            Some((_, leaf)) => Some(leaf),
            None => left.next(),
        };
        (0..self.rows).map_while(next).collect()
    }
}

impl Gone {
    /// Reads a sidecar.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = Rest(bytes);
        if rest.take(MAGIC.len())? != MAGIC {
            return Err("it does not begin as a sidecar does".to_owned());
        }
        let count = rest.u32()?;
        let mut batches = BTreeMap::new();
        for _ in 0..count {
            let (ordinal, rows, gone) = (rest.u16()?, rest.u32()?, rest.u32()?);
            if rows as usize > MAX_BATCH_ROWS || gone == 0 || gone >= rows {
                return Err("a batch of impossible size".to_owned());
            }
            let bits = rest.take((rows as usize).div_ceil(8))?;
            let set = |at: u32| bits[at as usize / 8] >> (at % 8) & 1 == 1;
            if (rows..rows.next_multiple_of(8)).any(set) {
                return Err("an unused bit is set".to_owned());
            }
            let positions: Vec<u32> = (0..rows).filter(|at| set(*at)).collect();
            let leaves = rest.take(gone as usize * 32)?.as_chunks::<32>().0.to_vec();
            let salts = rest.take((rows - gone) as usize * 16)?.as_chunks::<16>().0.to_vec();
            let batch = GoneBatch::new(rows, positions, leaves, salts)?;
            if batches.last_key_value().is_some_and(|(last, _)| *last >= ordinal) {
                return Err("its batches are not in order".to_owned());
            }
            batches.insert(ordinal, batch);
        }
        match rest.0.is_empty() && count > 0 {
            true => Ok(Self { batches }),
            false => Err("it does not end where it should".to_owned()),
        }
    }

    /// The sidecar's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend((self.batches.len() as u32).to_be_bytes());
        for (ordinal, batch) in &self.batches {
            out.extend(ordinal.to_be_bytes());
            out.extend(batch.rows.to_be_bytes());
            out.extend((batch.positions.len() as u32).to_be_bytes());
            let mut bits = vec![0_u8; (batch.rows as usize).div_ceil(8)];
            for at in &batch.positions {
                bits[*at as usize / 8] |= 1 << (at % 8);
            }
            out.extend(bits);
            out.extend(batch.leaves.iter().flatten());
            out.extend(batch.salts.iter().flatten());
        }
        out
    }
}

/// Bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?.try_into().map_err(|_| "it is cut off")?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?.try_into().map_err(|_| "it is cut off")?;
        Ok(u16::from_be_bytes(bytes))
    }
}

#[cfg(test)]
#[path = "gone_tests.rs"]
mod tests;
