//! Proofs, checked without a trail.

use pyo3::prelude::*;
use sealtrail_core::proof;

use crate::bridge;
use crate::trail::to_json;
use crate::verify::vkey_text;

/// What the proof of a record shows, as JSON.
#[pyfunction]
pub(crate) fn check_proof(py: Python<'_>, proof: &[u8], key: &str) -> PyResult<Vec<u8>> {
    let shown = bridge::wait(py, async { proof::check(proof, &vkey_text(key)?) })?;
    to_json(py, &shown)
}

/// What a proof of consistency shows, as JSON.
#[pyfunction]
pub(crate) fn check_consistency(py: Python<'_>, proof: &[u8], key: &str) -> PyResult<Vec<u8>> {
    let shown = bridge::wait(py, async { proof::check_consistency(proof, &vkey_text(key)?) })?;
    to_json(py, &shown)
}
