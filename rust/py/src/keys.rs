//! The keys of a trail: who may write.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use sealtrail_core::Error;
use sealtrail_core::keys::{MasterKey, WriterGrant};
use sealtrail_core::storage::durable::{self, Access, Create};
use sealtrail_core::trail::Trail;

use crate::bridge;
use crate::errors::Raise;
use crate::trail::to_json;

/// Writers and keys of an open trail.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Keys {
    pub(crate) trail: Trail,
}

#[pymethods]
impl Keys {
    fn owner_public(&self, py: Python<'_>) -> PyResult<String> {
        let trail = self.trail.clone();
        bridge::wait(py, async move { trail.owner_public().await })
    }

    fn writers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let writers = bridge::wait(py, self.trail.writers())?;
        let row = |writer: sealtrail_core::trail::WriterInfo| {
            let row = PyDict::new(py);
            row.set_item("id", &writer.id)?;
            row.set_item("key", &writer.key)?;
            row.set_item("authorized", writer.authorized)?;
            row.set_item("revoked", writer.revoked)?;
            row.set_item("records", writer.committed)?;
            row.set_item("last_record", writer.last_record())?;
            row.set_item("here", writer.here)?;
            Ok(row)
        };
        writers.into_iter().map(row).collect()
    }

    fn authorize_writer(&self, py: Python<'_>, path: PathBuf) -> PyResult<String> {
        let keep = move |content: &[u8]| match durable::create_new_with(
            &path,
            content,
            Access::Private,
        )? {
            Create::Created => Ok(()),
            Create::Exists => Err(Error::AlreadyExists(format!("{} exists", path.display()))),
        };
        bridge::wait(py, self.trail.authorize_writer(keep))
    }

    fn install(&self, py: Python<'_>, path: PathBuf) -> PyResult<String> {
        let grant = WriterGrant::load(&path).map_err(|error| error.raise(py))?;
        let id = bridge::wait(py, self.trail.install_writer(&grant))?;
        durable::remove(&path).map_err(|error| error.raise(py))?;
        Ok(id)
    }

    fn revoke(&self, py: Python<'_>, writer: &str, reason: &str) -> PyResult<u64> {
        bridge::wait(py, self.trail.revoke_writer(writer, reason))
    }

    /// The keyring of encryption at rest, as JSON.
    fn status(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let status = bridge::wait(py, self.trail.keys_status())?;
        to_json(py, &status.to_json())
    }

    fn rotate_encryption(&self, py: Python<'_>) -> PyResult<String> {
        bridge::wait(py, self.trail.rotate_key())
    }

    fn rewrap(&self, py: Python<'_>, key: &str) -> PyResult<Vec<String>> {
        let master = MasterKey::open(key).map_err(|error| error.raise(py))?;
        bridge::wait(py, self.trail.rewrap_keys(&master))
    }

    fn rotate(&self, py: Python<'_>) -> PyResult<(String, String, u64)> {
        let rotation = bridge::wait(py, self.trail.rotate_writer())?;
        Ok((rotation.old, rotation.new, rotation.entry))
    }
}
