//! A trail of many entries: random changes, and every earlier state of it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::maker::{Maker, event, set, store, verify_in};
use crate::note::Checkpoint;
use crate::storage::Storage;
use crate::verify::{Level, Trust, Verdict};

/// Changed bytes; `.ci/nightly` changes more.
const FLIPS: u64 = 2_000;
const ENTRIES: u64 = 24;

type Objects = BTreeMap<String, Vec<u8>>;

/// A trail in three epochs, and its objects as they were after each entry.
fn large() -> (Maker, Vec<Objects>) {
    let mut maker = Maker::new();
    let mut states = vec![maker.objects.clone()];
    for n in 1..ENTRIES {
        let kinds = ["data.file_read", "auth.user_login", "workflow.decision"];
        let kind = kinds[usize::try_from(n).unwrap() % 3];
        let events: Vec<_> = (n * 28..n * 28 + 27).map(|i| event(i, kind)).collect();
        maker.append(&events, n % 10 == 0);
        states.push(maker.objects.clone());
    }
    (maker, states)
}

/// SplitMix64.
pub(super) fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn deep(storage: &Storage, trust: &Trust) -> (Verdict, Vec<String>) {
    let report = verify_in(storage, trust, Level::Deep);
    (report.verdict, report.findings.iter().map(|f| f.object.clone()).collect())
}

#[test]
fn random_flips_are_found_and_named() {
    let (maker, _) = large();
    let trust = maker.trust(true);
    let flips = std::env::var("SEALTRAIL_FLIPS")
        .map_or(FLIPS, |text| text.parse().expect("SEALTRAIL_FLIPS is a number"));
    let total: usize = maker.objects.values().map(Vec::len).sum();
    let missed: Vec<String> = (0..flips)
        .into_par_iter()
        .map_init(
            || store(&maker.objects),
            |storage, seed| {
                let mut at = usize::try_from(random(seed) % total as u64).unwrap();
                let mut objects = maker.objects.iter();
                let (path, bytes) = loop {
                    let (path, bytes) = objects.next().unwrap();
                    match at.checked_sub(bytes.len()) {
                        Some(rest) => at = rest,
                        None => break (path, bytes),
                    }
                };
                let mask = 1 + u8::try_from(random(!seed) % 255).unwrap();
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                set(storage, path, &changed);
                let (verdict, named) = deep(storage, &trust);
                set(storage, path, bytes);
                let found = verdict == Verdict::Tampered && named.contains(path);
                (!found).then(|| format!("{path} {at} {mask:#x}: {verdict:?} {named:?}"))
            },
        )
        .flatten()
        .collect();
    assert_eq!(missed, Vec::<String>::new(), "of {flips}");
}

fn checkpoint(objects: &Objects) -> Checkpoint {
    let note = String::from_utf8(objects["checkpoint"].clone()).unwrap();
    Checkpoint::parse(&note).unwrap().checkpoint
}

#[test]
fn every_earlier_state_is_a_rollback_for_whoever_saw_a_later_one() {
    let (maker, states) = large();
    for (size, older) in states.iter().enumerate() {
        let storage = store(older);
        let alone = deep(&storage, &maker.trust(true));
        assert_eq!(alone, (Verdict::Verified, vec![]), "the store alone cannot tell: {size}");
        for (pinned, newer) in states.iter().enumerate() {
            let trust = Trust { pins: vec![checkpoint(newer)], ..maker.trust(true) };
            let expected = if pinned > size { Verdict::RolledBack } else { Verdict::Verified };
            assert_eq!(deep(&storage, &trust).0, expected, "{size} for {pinned}");
        }
    }
}

#[test]
fn a_ledger_that_was_cut_contradicts_its_own_checkpoint() {
    let (maker, states) = large();
    let newest = &states[states.len() - 1]["checkpoint"];
    for (size, older) in states[..states.len() - 1].iter().enumerate() {
        let storage = store(older);
        set(&storage, "checkpoint", newest);
        let (verdict, named) = deep(&storage, &maker.trust(false));
        assert_eq!(verdict.exit_code(), 4, "{size}: {verdict:?} {named:?}");
    }
}

#[test]
fn another_history_is_a_fork_for_whoever_saw_any_state_of_it() {
    let (maker, states) = large();
    let (stranger, others) = large();
    assert_ne!(maker.info.trail_id, stranger.info.trail_id);
    let storage = store(&maker.objects);
    for (seen, other) in states.iter().zip(&others) {
        let (seen, other) = (checkpoint(seen), checkpoint(other));
        let forked = Checkpoint { origin: seen.origin.clone(), ..other };
        for pins in [vec![forked.clone()], vec![seen, forked]] {
            let trust = Trust { pins, ..maker.trust(false) };
            assert_eq!(deep(&storage, &trust).0, Verdict::Forked);
        }
    }
}
