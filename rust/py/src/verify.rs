//! Verification, with the keys that the caller has.

use std::path::PathBuf;

use pyo3::prelude::*;
use sealtrail_core::config::Home;
use sealtrail_core::storage::Storage;

use crate::errors::usage;

pub(crate) struct Wish<'a> {
    pub(crate) level: &'a str,
    pub(crate) key: Option<String>,
    pub(crate) owner_key: Option<PathBuf>,
    pub(crate) threads: usize,
    pub(crate) unsealed: u64,
}

pub(crate) fn verify(
    _py: Python<'_>,
    _storage: &Storage,
    _home: &Home,
    _wish: Wish<'_>,
    _progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    Err(usage("to come"))
}
