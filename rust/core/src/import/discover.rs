//! Finding the files of an import.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::draft::text;
use super::{Source, SourceFile, SourceGroup};
use crate::{Error, Result};

/// The files that `paths` name, grouped and in a stable order (by name).
///
/// A path is a file, taken as it is, or a folder, searched through all its subfolders (links to
/// folders are not followed). In folders, transcripts are `*.jsonl`; CloudTrail files are
/// `*.json`, `*.jsonl` and both with `.gz`, outside `CloudTrail-Digest` folders. A session's
/// transcript brings the transcripts of its subagents (`<session>/subagents/**/agent-*.jsonl`).
///
/// # Errors
/// [`Error::NotFound`] when a path does not exist, [`Error::Io`] when a folder cannot be read.
pub fn discover(source: Source, paths: &[PathBuf]) -> Result<Vec<SourceGroup>> {
    let mut found = BTreeSet::new();
    for path in paths {
        let path = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
        if path.is_dir() {
            walk(source, &path, &mut found)?;
        } else if path.exists() {
            if source == Source::ClaudeCode {
                let subagents = path.with_extension("").join("subagents");
                if !is_agent(&path) && subagents.is_dir() {
                    walk(source, &subagents, &mut found)?;
                }
            }
            found.insert(path);
        } else {
            return Err(Error::NotFound(format!("{}: no such file or folder", path.display())));
        }
    }
    let mut groups: BTreeMap<String, SourceGroup> = BTreeMap::new();
    for path in found {
        let key = match source {
            Source::ClaudeCode => session_key(&path),
            Source::CloudTrail => path.to_string_lossy().into_owned(),
        };
        let size_bytes = path.metadata().map_err(|error| Error::io(&path, error))?.len();
        let name = stable_name(&path);
        groups.entry(key).or_default().files.push(SourceFile { path, name, size_bytes });
    }
    for group in groups.values_mut() {
        group.files.sort_by_cached_key(|file| (is_agent(&file.path), file.name.clone()));
    }
    Ok(groups.into_values().collect())
}

fn walk(source: Source, folder: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| Error::io(&folder, error))? {
            let entry = entry.map_err(|error| Error::io(&folder, error))?;
            let kind = entry.file_type().map_err(|error| Error::io(entry.path(), error))?;
            let path = entry.path();
            if kind.is_dir() {
                if entry.file_name() != "CloudTrail-Digest" {
                    folders.push(path);
                }
            } else if wanted(source, &path) && path.is_file() {
                found.insert(path);
            }
        }
    }
    Ok(())
}

fn wanted(source: Source, path: &Path) -> bool {
    let name = file_name(path);
    match source {
        Source::ClaudeCode => name.ends_with(".jsonl"),
        Source::CloudTrail => {
            let plain = name.strip_suffix(".gz").unwrap_or(&name);
            plain.ends_with(".json") || plain.ends_with(".jsonl")
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_agent(path: &Path) -> bool {
    super::claude_code::agent_of_file(&file_name(path)).is_some()
}

/// The folder that holds `<session>/subagents`, if the path is in there.
fn session_folder(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| file_name(folder) == "subagents")?.parent()
}

/// The file's name, from the session's folder on for a subagent's transcript.
fn stable_name(path: &Path) -> String {
    let base = session_folder(path).and_then(Path::parent);
    match base.and_then(|base| path.strip_prefix(base).ok()) {
        Some(inner) => {
            let parts: Vec<_> =
                inner.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            parts.join("/")
        }
        None => file_name(path),
    }
}

/// The session that a transcript belongs to.
fn session_key(path: &Path) -> String {
    if let Some(folder) = session_folder(path) {
        return folder.to_string_lossy().into_owned();
    }
    let session = if is_agent(path) { first_session(path) } else { None };
    match session {
        Some(session) => path.with_file_name(session).to_string_lossy().into_owned(),
        None => path.with_extension("").to_string_lossy().into_owned(),
    }
}

/// The session named by the first line: older versions kept the transcripts of subagents beside
/// those of the sessions.
fn first_session(path: &Path) -> Option<String> {
    use std::io::BufRead;
    let mut line = String::new();
    std::io::BufReader::new(std::fs::File::open(path).ok()?).read_line(&mut line).ok()?;
    let line: serde_json::Value = serde_json::from_str(&line).ok()?;
    let session = text(&line, "sessionId")?;
    session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-').then(|| session.to_owned())
}
