//! Exports and evidence packages: what they say of themselves, and checking it with nothing but
//! the owner's public key (FORMAT sections 20 to 22).

mod check;
mod collect;
mod custody;
mod differ;
mod facts;
mod html;
mod make;
mod manifest;
mod package;
mod part;
mod pdf;
mod records;
mod report;
mod signed;
mod zip;

#[cfg(test)]
mod package_tests;
#[cfg(test)]
mod tests;

pub use check::{check, claimed_trail};
pub use collect::{Collector, RecordKey};
pub(crate) use collect::{Origin, paths_in_list};
pub use custody::{Handover, NewHandover};
pub use make::{Maker, add_handover, pack};
pub use manifest::{
    AskedBy, ExportFormat, FileItem, FileRole, Manifest, PolicyInForce, Position, SignedManifest,
    Since, TimeWindow,
};
pub use package::{
    CUSTODY, Layout, MANIFEST, MANIFEST_SUFFIX, Member, PROOFS_SUFFIX, Package, Reader,
};
pub(crate) use part::{Part, Shared};
pub use report::{Finding, Report};
pub(crate) use signed::{Context, SignedFile, signed_bytes};

/// The records of a package.
pub const RECORDS: &str = "records.jsonl";
/// Their salts and proofs.
pub const PROOFS: &str = "proofs.jsonl";
const CHECKPOINT: &str = "checkpoint";
const PROGRAM: &str = "verify.py";
const SUMMARY_HTML: &str = "summary.html";
const SUMMARY_PDF: &str = "summary.pdf";
/// What nobody can see from a custody log alone.
const CUSTODY_END: &str = "that no line was cut off the end of the custody log: compare its head \
    with what was told at the last hand-over";

/// Whether a character shows nothing of itself, or changes how others are shown.
fn is_hidden(c: char) -> bool {
    let bidi = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{feff}'];
    let marks = '\u{202a}'..='\u{202e}';
    c.is_control()
        || bidi.contains(&c)
        || marks.contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}
