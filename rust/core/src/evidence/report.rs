//! What a check found.

use serde::Serialize;

use super::custody::Handover;
use super::manifest::Manifest;
use crate::Error;
use crate::proof::Signer;

/// Findings of one file that are listed; how many more there are is told.
const MOST: u64 = 100;

/// Something that is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// What the check of an export or package found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether everything that was checked is as it was signed.
    pub holds: bool,
    /// What is not.
    pub findings: Vec<Finding>,
    /// The manifest, if its signature holds.
    pub manifest: Option<Manifest>,
    /// Hex SHA-256 of the manifest's file: its name in custody logs and later exports.
    pub manifest_sha256: String,
    /// Who signed the manifest: a writer's id, or `owner`.
    pub signer: Option<String>,
    /// The writers that its signature rests on.
    pub signers: Vec<Signer>,
    /// Records whose proofs hold.
    pub proven: u64,
    /// Files whose bytes are those of the manifest.
    pub files: u64,
    /// The hand-overs, in order, as far as they hold.
    pub custody: Vec<Handover>,
    /// Hex SHA-256 of the last line of the custody log.
    pub custody_head: Option<String>,
    /// What was not checked, or cannot be.
    pub not_checked: Vec<String>,
    /// What is worth knowing and no finding.
    pub notes: Vec<String>,
}

impl Report {
    pub(super) fn new(manifest_sha256: String) -> Self {
        Self {
            holds: false,
            findings: Vec::new(),
            manifest: None,
            manifest_sha256,
            signer: None,
            signers: Vec::new(),
            proven: 0,
            files: 0,
            custody: Vec::new(),
            custody_head: None,
            not_checked: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The exit code that stands for it: 0, or 4 if anything does not hold.
    pub fn exit_code(&self) -> u8 {
        if self.holds { 0 } else { 4 }
    }

    /// Demands that the custody log ends with the line of this SHA-256 (hex), as it was told at the
    /// last hand-over: so it shows if lines were cut off its end.
    pub fn demand_custody_head(&mut self, head: &str) {
        let head = head.trim().to_ascii_lowercase();
        if self.custody_head.as_ref() != Some(&head) {
            self.find(super::CUSTODY, None, "it does not end with the line that was told");
        }
        self.not_checked.retain(|line| line != super::CUSTODY_END);
        self.holds = self.findings.is_empty();
    }

    pub(super) fn find(&mut self, file: &str, line: Option<u64>, what: impl Into<String>) {
        self.findings.push(Finding { file: file.to_owned(), line, what: what.into() });
    }

    /// Findings of one file: all of them, or the first ones and how many more there are.
    pub(super) fn find_all(&mut self, file: &str, findings: Findings) {
        let Findings { listed, count } = findings;
        for (line, what) in listed {
            self.find(file, line, what);
        }
        if count > MOST {
            self.find(file, None, format!("and {} more findings in it", count - MOST));
        }
    }

    /// What does not hold, and at which step, or a failure to read.
    pub(super) fn find_error(&mut self, file: &str, error: Error) -> Result<(), Error> {
        match error {
            Error::Integrity { place, message } => {
                self.find(file, None, format!("{place}: {message}"));
                Ok(())
            }
            other => Err(other),
        }
    }
}

/// Findings of one file, counted where they are too many to list.
#[derive(Debug, Default)]
pub(super) struct Findings {
    listed: Vec<(Option<u64>, String)>,
    count: u64,
}

impl Findings {
    pub(super) fn add(&mut self, line: Option<u64>, what: impl Into<String>) {
        self.count += 1;
        if self.count <= MOST {
            self.listed.push((line, what.into()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}
