//! Where configuration, keys and write-ahead logs live.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Name of the configuration file, in a home and in a working folder.
pub(super) const CONFIG_FILE: &str = "sealtrail.yaml";

/// The folders of one user or service. None of them is created here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Holds `sealtrail.yaml`.
    pub config_dir: PathBuf,
    /// Holds the keys, one folder for each trail.
    pub keys_dir: PathBuf,
    /// Holds the write-ahead logs and the last seen ledger positions, one folder for each trail.
    pub state_dir: PathBuf,
    /// Holds what verifiers of this user remember of trails, one file for each.
    pub pins_dir: PathBuf,
    /// Holds the lists of places where copies of checkpoints are kept, one file for each trail.
    pub anchors_dir: PathBuf,
    /// Holds trails of who looked, for trails that this user may read but not write.
    pub access_dir: PathBuf,
    /// Holds this user's jobs, one folder for each.
    pub jobs_dir: PathBuf,
}

impl Home {
    /// The folders that the environment names: all under SEALTRAIL_HOME if it is set, else those of
    /// the XDG base directory specification.
    ///
    /// A relative SEALTRAIL_HOME counts from the working folder of the process. As that
    /// specification demands, relative XDG folders are ignored.
    ///
    /// # Errors
    /// [`Error::Usage`] if the variables that are set do not name all of the folders.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        if let Some(root) = sealtrail_home(env)? {
            return Ok(Self::at(&root));
        }
        let data = folder(env, "XDG_DATA_HOME", ".local/share")?;
        Ok(Self {
            config_dir: folder(env, "XDG_CONFIG_HOME", ".config")?,
            keys_dir: data.join("keys"),
            pins_dir: data.join("pins"),
            anchors_dir: data.join("anchors"),
            access_dir: data.join("access"),
            jobs_dir: data.join("jobs"),
            state_dir: folder(env, "XDG_STATE_HOME", ".local/state")?,
        })
    }

    /// Everything under one folder, as with SEALTRAIL_HOME.
    pub fn at(root: &Path) -> Self {
        Self {
            config_dir: root.to_owned(),
            keys_dir: root.join("keys"),
            state_dir: root.join("state"),
            pins_dir: root.join("pins"),
            anchors_dir: root.join("anchors"),
            access_dir: root.join("access"),
            jobs_dir: root.join("jobs"),
        }
    }

    /// The configuration file of this home, whether it exists or not.
    pub fn config_file(&self) -> PathBuf {
        self.config_dir.join(CONFIG_FILE)
    }
}

/// The configuration file of the home that the environment names; none if it names none.
/// Less than [`Home::from_env`] must be known for this.
pub(super) fn config_file(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<PathBuf>> {
    let folder = match sealtrail_home(env)? {
        Some(root) => Some(root),
        None => folder(env, "XDG_CONFIG_HOME", ".config").ok(),
    };
    Ok(folder.map(|folder| folder.join(CONFIG_FILE)))
}

fn sealtrail_home(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<PathBuf>> {
    let Some(root) = set(env, "SEALTRAIL_HOME") else { return Ok(None) };
    std::path::absolute(&root).map(Some).map_err(|source| Error::io(root, source))
}

/// The folder `sealtrail` under an XDG base folder.
fn folder(
    env: &dyn Fn(&str) -> Option<String>,
    variable: &str,
    below_home: &str,
) -> Result<PathBuf> {
    let absolute = |name: &str| set(env, name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .map(|base| base.join("sealtrail"))
        .ok_or_else(|| {
            Error::Usage(format!(
                "no home folder: set SEALTRAIL_HOME, or HOME or {variable} to an absolute path"
            ))
        })
}

/// An environment variable that is set to something.
pub(super) fn set(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
#[path = "tests/home.rs"]
mod tests;
