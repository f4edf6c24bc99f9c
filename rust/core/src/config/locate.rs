//! Which configuration file counts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::home::{self, CONFIG_FILE};
use crate::{Error, Result};

/// The configuration file that counts: the first that exists, in this order.
///
/// 1. `explicit` (`--config`)
/// 2. the file that SEALTRAIL_CONFIG names
/// 3. `sealtrail.yaml` in SEALTRAIL_HOME or, if that is not set, in the XDG configuration folder
///    `sealtrail`
/// 4. `.claude/config/audit.yaml` in the working folder `cwd`
/// 5. `sealtrail.yaml` in the working folder
///
/// Files are never merged: an audited agent may own the last two, and must not be able to change
/// single settings of the others. Relative paths of 1 and 2 count from `cwd`.
///
/// # Errors
/// [`Error::Config`] if a file that 1 or 2 names does not exist. [`Error::Io`] if it cannot be told
/// whether a file exists; going on to the next one would let it take over.
pub fn locate(
    explicit: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    cwd: &Path,
) -> Result<Option<PathBuf>> {
    if let Some(path) = explicit {
        return named(cwd.join(path), "--config").map(Some);
    }
    if let Some(path) = home::set(env, "SEALTRAIL_CONFIG") {
        return named(cwd.join(path), "SEALTRAIL_CONFIG").map(Some);
    }
    let own = home::config_file(env)?;
    let shared = [cwd.join(".claude/config/audit.yaml"), cwd.join(CONFIG_FILE)];
    for path in own.into_iter().chain(shared) {
        if exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn named(path: PathBuf, by: &str) -> Result<PathBuf> {
    if exists(&path)? {
        return Ok(path);
    }
    Err(Error::Config {
        path: path.display().to_string(),
        line: 0,
        column: 0,
        message: format!("there is no such file; {by} names it"),
    })
}

/// A link counts even if its target is missing: reading it then fails, and nothing takes its place.
fn exists(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(source) => Err(Error::io(path, source)),
    }
}

#[cfg(test)]
#[path = "tests/locate.rs"]
mod tests;
