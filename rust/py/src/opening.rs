//! Which trail, which folders, which settings: the arguments of `init`, `open` and `verify`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use sealtrail_core::config::{self, Home, Loaded};
use sealtrail_core::encryption::MasterSource;
use sealtrail_core::keys::{OwnerKey, Passphrase, PrivacySource};
use sealtrail_core::ledger::is_archive;
use sealtrail_core::trail::{OpenOptions, Settings};
use sealtrail_core::{Error, Result};

use crate::errors::Raise;

/// Names a trail where the caller does not.
const TRAIL_VARIABLE: &str = "SEALTRAIL_TRAIL";

/// The surroundings of a call: environment, folders, configuration.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) loaded: Arc<Loaded>,
    /// The home and the configuration file that the caller named.
    pub(crate) root: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    /// Folders or URLs of archives that the caller named.
    pub(crate) archives: BTreeMap<String, String>,
}

impl Place {
    /// Reads the configuration; what it says without effect becomes warnings.
    pub(crate) fn find(
        py: Python<'_>,
        home: Option<PathBuf>,
        config: Option<&Path>,
    ) -> PyResult<Self> {
        let place = Self::read(home, config).map_err(|error| error.raise(py))?;
        let category = py.get_type::<PyUserWarning>();
        for warning in &place.loaded.warnings {
            let text = std::ffi::CString::new(warning.replace('\0', " "))?;
            PyErr::warn(py, &category, &text, 2)?;
        }
        Ok(place)
    }

    fn read(home: Option<PathBuf>, config: Option<&Path>) -> Result<Self> {
        let home = home.map(std::path::absolute).transpose();
        let home = home.map_err(|error| Error::io("home", error))?;
        let root = home.as_ref().map(|home| home.to_string_lossy().into_owned());
        let env = |name: &str| match name {
            "SEALTRAIL_HOME" if root.is_some() => root.clone(),
            _ => variable(name),
        };
        let cwd = std::env::current_dir().map_err(|error| Error::io(".", error))?;
        let loaded = config::load(config, &env, &cwd)?;
        let (home, root) = match home {
            Some(root) => (Home::at(&root), Some(root)),
            None => (Home::from_env(&env)?, None),
        };
        let config = config.map(|path| cwd.join(path));
        Ok(Self { home, loaded: Arc::new(loaded), root, config, archives: BTreeMap::new() })
    }

    /// With archives that the caller named.
    pub(crate) fn with_archives(
        self,
        py: Python<'_>,
        archives: BTreeMap<String, String>,
    ) -> PyResult<Self> {
        for (name, url) in &archives {
            if !is_archive(name) || url.is_empty() {
                let message = format!(
                    "archives: {name:?} is no name of an archive (1-64 characters of a-z, 0-9 and \
                     -), or has no place"
                );
                return Err(Error::Usage(message).raise(py));
            }
        }
        Ok(Self { archives, ..self })
    }

    /// The trail that is meant: the given one, else SEALTRAIL_TRAIL, else the configuration's.
    pub(crate) fn url(&self, given: Option<String>) -> String {
        given
            .or_else(|| variable(TRAIL_VARIABLE))
            .unwrap_or_else(|| self.loaded.config.trail.url_or_default().to_owned())
    }

    /// The settings of configuration and environment for the trail at `url`.
    pub(crate) fn settings(&self, url: &str) -> Result<Settings> {
        let mut settings = Settings::from_loaded(&self.loaded, url);
        settings.access = settings.access.with_env(&variable)?;
        settings.archives.extend(self.archives.clone());
        Ok(settings)
    }

    /// How to open the trail at `url`.
    pub(crate) fn options(&self, url: &str) -> Result<OpenOptions> {
        let settings = self.settings(url)?;
        Ok(OpenOptions {
            home: self.home.clone(),
            privacy: PrivacySource::new(settings.redaction.key.as_deref(), &variable),
            master: MasterSource::new(settings.encryption.key.as_deref(), &variable),
            settings,
            owner: owner_of_environment()?.map(Arc::new),
            passphrase: passphrase(),
        })
    }
}

/// The owner's key of SEALTRAIL_OWNER_KEY or SEALTRAIL_OWNER_KEY_COMMAND.
pub(crate) fn owner_of_environment() -> Result<Option<OwnerKey>> {
    OwnerKey::from_env(&variable, &passphrase())
}

/// The owner's key that an argument names: a file, `env:NAME` or `cmd:COMMAND`.
pub(crate) fn owner_of(reference: &str) -> Result<OwnerKey> {
    OwnerKey::from_reference(reference, &variable, &passphrase())
}

/// What opens a locked key.
pub(crate) fn passphrase() -> Passphrase {
    Passphrase::from_env(&variable)
}

/// An environment variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
