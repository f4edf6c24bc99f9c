//! Every way to falsify a trail that we could think of, and that none passes.

mod alone;
mod described;
mod forge;
mod honest;
mod insider;
mod large;
mod liar;
mod maker;
mod moved;
mod origin;
mod outsider;
mod pinned;
mod positions;
mod runs;
mod sealed;
mod seals;
mod since;
mod snapshots;
mod statistics;
mod tombstones;

use maker::small;

use super::*;

fn kinds(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn a_sound_trail_is_verified() {
    let maker = small();
    for with_secret in [false, true] {
        let report = maker.verify(with_secret);
        assert_eq!(report.findings, [], "{:#?}", report.findings);
        assert_eq!(report.verdict, Verdict::Verified);
        assert_eq!((report.checked.entries, report.checked.records), (4, 34));
        assert_eq!(report.checked.segments, 4);
        assert_eq!(report.checked.hmacs, if with_secret { 8 } else { 0 });
        assert_eq!(report.checked.epoch_seals, u64::from(with_secret));
    }
    let quick = maker.verify_as(&maker.trust(true), Level::Quick);
    assert_eq!((quick.verdict, quick.checked.records), (Verdict::Verified, 0));
    assert_eq!((quick.checked.hmacs, quick.checked.epoch_seals), (8, 1));
}
