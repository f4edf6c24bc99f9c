//! Which lines of a file are not those that it had.

use std::collections::HashMap;

use super::part::MARK;
use super::report::Findings;

type Mark = [u8; MARK];

/// Names the lines that were changed, taken out, put in or moved. `was` are the marks that the
/// lines had, `is` those that they have.
pub(super) fn name(was: &[Mark], is: &[Mark], findings: &mut Findings) {
    let same = |(a, b): &(&Mark, &Mark)| a == b;
    let before = was.iter().zip(is).take_while(same).count();
    let (was, is) = (&was[before..], &is[before..]);
    let after = was.iter().rev().zip(is.iter().rev()).take_while(same).count();
    let (was, is) = (&was[..was.len() - after], &is[..is.len() - after]);
    let line = |at: usize| (before + at + 1) as u64;
    if was.len() == is.len() {
        let first: HashMap<&Mark, usize> =
            was.iter().enumerate().rev().map(|(at, mark)| (mark, at)).collect();
        for (at, mark) in is.iter().enumerate().filter(|(at, mark)| was[*at] != **mark) {
            let what = match first.get(mark) {
                Some(from) => format!("it holds what was line {}", line(*from)),
                None => "it was changed".to_owned(),
            };
            findings.add(Some(line(at)), what);
        }
        return;
    }
    for at in beyond(is, was) {
        findings.add(Some(line(at)), "it was added, or changed: no such line was exported");
    }
    for at in beyond(was, is) {
        findings.add(None, format!("what was line {} is missing, or changed", line(at)));
    }
}

/// Places in `these` of what `those` do not have, or not as often.
fn beyond(these: &[Mark], those: &[Mark]) -> Vec<usize> {
    let mut left: HashMap<&Mark, usize> = HashMap::new();
    those.iter().for_each(|mark| *left.entry(mark).or_default() += 1);
    let mut is_known = |mark: &Mark| match left.get_mut(mark) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    (0..these.len()).filter(|at| !is_known(&these[*at])).collect()
}
