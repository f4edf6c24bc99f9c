use proptest::prelude::*;

use super::*;

fn leaf(at: u32) -> Hash {
    [at as u8; 32]
}

fn batch(rows: u32, positions: &[u32]) -> GoneBatch {
    let leaves = positions.iter().map(|at| leaf(*at)).collect();
    let left = (0..rows).filter(|at| !positions.contains(at));
    let salts = left.map(|at| [at as u8; 16]).collect();
    GoneBatch::new(rows, positions.to_vec(), leaves, salts).unwrap()
}

#[test]
fn a_sidecar_reads_back_and_gives_every_leaf_in_its_place() {
    let gone = Gone { batches: [(0, batch(9, &[0, 3, 8])), (7, batch(2, &[1]))].into() };
    let bytes = gone.to_bytes();
    assert_eq!(Gone::parse(&bytes).unwrap(), gone);
    let first = &gone.batches[&0];
    assert_eq!((first.rows(), first.gone()), (9, 3));
    let left: Vec<(u32, [u8; 16])> = first.left().collect();
    assert_eq!(left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 4, 5, 6, 7]);
    assert!(left.iter().all(|(at, salt)| *salt == [*at as u8; 16]));
    let leaves = first.leaves(left.iter().map(|(at, _)| leaf(*at)));
    assert_eq!(leaves, (0..9).map(leaf).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_is_refused() {
    assert!(GoneBatch::new(3, vec![1, 1], vec![leaf(1); 2], vec![[0; 16]]).is_err());
    assert!(GoneBatch::new(3, vec![3], vec![leaf(1)], vec![[0; 16]; 2]).is_err());
    assert!(GoneBatch::new(1, vec![0], vec![leaf(0)], Vec::new()).is_err(), "none is left");
    let bytes = Gone { batches: [(0, batch(9, &[0, 3])), (7, batch(2, &[1]))].into() }.to_bytes();
    for end in 0..bytes.len() {
        assert!(Gone::parse(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(Gone::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    let unused = 12 + 10 + 1;
    let mut set = bytes;
    set[unused] |= 0x80;
    assert!(Gone::parse(&set).is_err());
    assert!(Gone::parse(&Gone::default().to_bytes()).is_err(), "an empty one is none");
}

proptest! {
    #[test]
    fn damaged_sidecars_never_panic_and_never_read_as_two(
        at in 0..200_usize, flip in 1..=255_u8, rows in 2..20_u32,
    ) {
        let mut bytes = Gone { batches: [(3, batch(rows, &[rows - 1]))].into() }.to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(read) = Gone::parse(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}
