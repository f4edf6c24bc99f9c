//! The Python binding of sealtrail: the module `sealtrail._native`.

use pyo3::prelude::*;

/// The native half of sealtrail.
#[pymodule(name = "_native")]
mod native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    /// Runs the command line; `argv` starts with the name of the program. Gives the exit code.
    #[pyfunction]
    fn cli_main(py: Python<'_>, argv: Vec<OsString>) -> u8 {
        py.detach(|| sealtrail_cli::run(argv))
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
