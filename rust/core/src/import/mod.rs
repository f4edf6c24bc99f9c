//! Importers: catalogue events out of other programs' logs.
//!
//! Two sources are read: the transcripts that Claude Code keeps ([`claude_code`]) and the files
//! that AWS CloudTrail delivers ([`cloudtrail`]). This module turns bytes into events and never
//! opens a trail.
//!
//! What holds for every importer:
//!
//! - **Ids come from the source.** `audit_id` is a prefix and the first 32 hex digits of SHA-256
//!   over the source's own ids, so importing twice gives the same ids. A caller that finds an id
//!   in its trail must treat the event as imported already: a second copy of the same message or
//!   record in another file has the same id and differs in `source` only.
//! - **Content is settled when an event is made.** A file is read from its first line on, and an
//!   event depends on nothing that comes after the line that finished it. Importing a file that
//!   was cut anywhere gives the first events of the whole file, byte for byte.
//! - **Files are named without their place.** `source.file` is a file's own name (for a
//!   subagent's transcript from the session's folder on), so content does not change when logs
//!   move. `source.line` counts from 1; `source.sha256` is over the bytes of the line without its
//!   terminator (of a CloudTrail record: over the record's own bytes).
//! - **Nothing stops an import.** What cannot be read is listed in [`FileImport::skipped`] with
//!   its line, the path of the bad field and a reason.

pub mod claude_code;
pub mod cloudtrail;
mod discover;
mod draft;
mod ids;
mod text;

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::Result;

pub use discover::discover;

/// The programs whose logs can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Transcripts of Claude Code, by default under `~/.claude/projects`.
    ClaudeCode,
    /// Log files of AWS CloudTrail.
    CloudTrail,
}

impl Source {
    /// The name used on the command line and in `source.tool`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::CloudTrail => "cloudtrail",
        }
    }
}

/// What an import takes along.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Keep the results of tool calls (`result.content`), not only their size and hash.
    pub include_content: bool,
    /// A tool input or result of more bytes than this is kept by size and hash only, so that one
    /// huge value does not get its whole event refused. 512 KiB by default.
    pub max_content_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { include_content: false, max_content_bytes: 512 * 1024 }
    }
}

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What events call it.
    pub name: String,
    /// Its size on disk.
    pub size_bytes: u64,
}

/// Files that are read together: a session with its subagents, or one CloudTrail file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceGroup {
    /// In reading order.
    pub files: Vec<SourceFile>,
}

/// One event and the line that it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEvent {
    /// The event, in the shape of the catalogue, with its `audit_id`.
    pub event: Map<String, Value>,
    /// 1-based line of the file.
    pub line: u64,
}

impl SourceEvent {
    /// The event's id.
    pub fn audit_id(&self) -> &str {
        self.event.get("audit_id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Something of a file that became no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// 1-based line, 0 for the whole file.
    pub line: u64,
    /// Path of the field that is wrong, empty for the whole line.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// What a file holds that is not finished yet and was left for the next import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// Model responses that may still get lines.
    pub messages: u64,
    /// Tool calls without a result.
    pub calls: u64,
    /// Tool results whose call is not in the file (yet).
    pub results: u64,
    /// A last line that is not complete (0 or 1).
    pub lines: u64,
}

impl Unfinished {
    /// All of it.
    pub fn total(self) -> u64 {
        self.messages + self.calls + self.results + self.lines
    }
}

/// What one file gave.
#[derive(Debug, Clone, Default)]
pub struct FileImport {
    /// Where the file is; empty when the bytes came from the caller.
    pub path: PathBuf,
    /// What events call the file.
    pub name: String,
    /// In the order in which the file finished them.
    pub events: Vec<SourceEvent>,
    /// What could not be read.
    pub skipped: Vec<SkippedLine>,
    /// What is left for the next import.
    pub unfinished: Unfinished,
    /// Events dropped because an earlier file of this import gave the same id.
    pub duplicates: u64,
    /// Lines read (of CloudTrail: records).
    pub lines: u64,
}

impl FileImport {
    fn unreadable(file: &SourceFile, reason: String) -> Self {
        Self {
            path: file.path.clone(),
            name: file.name.clone(),
            skipped: vec![SkippedLine { line: 0, path: String::new(), reason }],
            ..Self::default()
        }
    }
}

/// Reads the files of a group. A file that cannot be read gives a [`SkippedLine`] of line 0.
pub fn read_group(source: Source, group: &SourceGroup, options: &ImportOptions) -> Vec<FileImport> {
    let mut readable = Vec::new();
    let mut out = Vec::new();
    for file in &group.files {
        match text::read_file(&file.path) {
            Ok(bytes) => readable.push((file, bytes)),
            Err(error) => out.push(FileImport::unreadable(file, error.to_string())),
        }
    }
    let imports = match source {
        Source::ClaudeCode => {
            let named: Vec<_> =
                readable.iter().map(|(f, bytes)| (f.name.as_str(), bytes.as_slice())).collect();
            claude_code::read(&named, options)
        }
        Source::CloudTrail => {
            readable.iter().map(|(f, bytes)| cloudtrail::read(&f.name, bytes)).collect()
        }
    };
    for ((file, _), mut import) in readable.into_iter().zip(imports) {
        import.path.clone_from(&file.path);
        out.push(import);
    }
    out
}

/// Reads all files of an import, one [`FileImport`] at a time, each event id once.
///
/// Memory: the files of one group with their events, and the ids of all events so far.
#[derive(Debug)]
pub struct Importer {
    source: Source,
    options: ImportOptions,
    groups: VecDeque<SourceGroup>,
    ready: VecDeque<FileImport>,
    seen: HashSet<String>,
}

impl Importer {
    /// Finds the files under `paths`; see [`discover`] for what counts and what fails.
    pub fn open(source: Source, paths: &[PathBuf], options: ImportOptions) -> Result<Self> {
        Ok(Self {
            source,
            options,
            groups: discover(source, paths)?.into(),
            ready: VecDeque::new(),
            seen: HashSet::new(),
        })
    }

    /// Number and bytes of the files that are not read yet.
    pub fn remaining(&self) -> (u64, u64) {
        let files = self.groups.iter().flat_map(|group| &group.files);
        files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.size_bytes))
    }

    fn once(&mut self, mut import: FileImport) -> FileImport {
        let before = import.events.len();
        import.events.retain(|event| self.seen.insert(event.audit_id().to_owned()));
        import.duplicates += (before - import.events.len()) as u64;
        import
    }
}

impl Iterator for Importer {
    type Item = FileImport;

    fn next(&mut self) -> Option<FileImport> {
        loop {
            if let Some(import) = self.ready.pop_front() {
                return Some(self.once(import));
            }
            let group = self.groups.pop_front()?;
            self.ready.extend(read_group(self.source, &group, &self.options));
        }
    }
}

#[cfg(test)]
mod tests;
