//! The Python binding of sealtrail: the module `sealtrail._native`, which the package `sealtrail`
//! wraps. Not meant to be used by others.
// Futures of everything that a trail does, its HTTP client included, are deep.
#![recursion_limit = "256"]

mod access;
mod arrow_in;
mod backup;
mod bridge;
mod compacting;
mod demo;
mod encode;
mod errors;
mod export;
mod files;
mod importing;
mod jobs;
mod keys;
mod lines;
mod load;
mod opening;
mod params;
mod privacy;
mod progress;
mod proof;
mod query;
mod restoring;
mod retention;
mod scope;
mod search;
mod sequence;
mod tail;
mod trace;
mod trail;
mod values;
mod verify;

use pyo3::prelude::*;

/// The native half of sealtrail.
#[pymodule(name = "_native", gil_used = false)]
mod native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::backup::{
        back_up, folders_of, forget_copy, has_copy, inspect_backup, known_copies, restore_backup,
        verify_backup,
    };
    #[pymodule_export]
    use crate::demo::Demo;
    #[pymodule_export]
    use crate::export::check_package;
    #[pymodule_export]
    use crate::jobs::Jobs;
    #[pymodule_export]
    use crate::keys::Keys;
    #[pymodule_export]
    use crate::privacy::{
        SubjectReport, confirm_erasure, erase, erasures, resume_erasures, subject_report,
    };
    #[pymodule_export]
    use crate::proof::{check_consistency, check_proof};
    #[pymodule_export]
    use crate::query::{Batch, BatchReader, Query, Rows, Schema};
    #[pymodule_export]
    use crate::restoring::restore_from_archive;
    #[pymodule_export]
    use crate::retention::Retention;
    #[pymodule_export]
    use crate::scope::{Table, Trails};
    #[pymodule_export]
    use crate::search::search_fields;
    #[pymodule_export]
    use crate::sequence::Sequences;
    #[pymodule_export]
    use crate::tail::Tail;
    #[pymodule_export]
    use crate::trace::Trace;
    #[pymodule_export]
    use crate::trail::{Trail, init, open};
    #[pymodule_export]
    use crate::verify::verify_url;

    /// Runs the command line; `argv` starts with the name of the program. Gives the exit code.
    #[pyfunction]
    fn cli_main(py: Python<'_>, argv: Vec<OsString>) -> u8 {
        // Only jobs need to know it, and they say so.
        let _ = crate::jobs::set_program(py);
        py.detach(|| sealtrail_cli::run(argv))
    }

    #[pymodule_init]
    fn module_init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
