//! Jobs: questions that go on without this process.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use sealtrail_cli::jobs::{self, Request, Starter};
use sealtrail_core::Error;
use sealtrail_core::config::Home;

use crate::errors::{Raise, usage};
use crate::opening::Place;
use crate::query::Query;
use crate::trail::to_json;

/// The jobs of a home.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Jobs {
    jobs: jobs::Jobs,
    /// The processes of jobs are to use the home that the caller named.
    home: Option<PathBuf>,
}

impl Jobs {
    /// Those of a home; of the environment's if none is named.
    fn of(home: &Home, root: Option<PathBuf>) -> Self {
        Self { jobs: jobs::Jobs::of(home), home: root }
    }

    fn starter(&self) -> Starter {
        let home = self.home.iter().map(|home| ("SEALTRAIL_HOME".to_owned(), home.clone().into()));
        Starter { env: home.collect() }
    }

    /// Makes a job of a command line.
    pub(crate) fn submit(
        py: Python<'_>,
        place: &Place,
        url: &str,
        command: &str,
        args: Vec<String>,
    ) -> PyResult<String> {
        set_program(py)?;
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let cwd = std::env::current_dir().map_err(|error| Error::io(".", error).raise(py))?;
        let archives = place.archives.iter();
        let archives =
            archives.flat_map(|(name, url)| ["--archive".into(), format!("{name}={url}")]);
        let request = Request {
            command: command.to_owned(),
            args: archives.chain(args).collect(),
            trail: url.to_owned(),
            config: place.config.clone().map(text),
            cwd: text(cwd),
            stdin: None,
        };
        let jobs = Self::of(&place.home, place.root.clone());
        let job = py.detach(|| jobs.jobs.submit(request, &jobs.starter()));
        Ok(job.map_err(|error| error.raise(py))?.id)
    }
}

#[pymethods]
impl Jobs {
    #[new]
    #[pyo3(signature = (home))]
    fn new(py: Python<'_>, home: Option<PathBuf>) -> PyResult<Self> {
        let place = Place::find(py, home, None)?;
        Ok(Self::of(&place.home, place.root))
    }

    /// All jobs, as JSON.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let all = py.detach(|| self.jobs.list()).map_err(|error| error.raise(py))?;
        to_json(py, &all)
    }

    /// A job, as JSON.
    fn get(&self, py: Python<'_>, job_id: &str) -> PyResult<Vec<u8>> {
        let job = self.jobs.get(job_id).map_err(|error| error.raise(py))?;
        to_json(py, &job)
    }

    /// How far a job is, as JSON.
    fn progress(&self, py: Python<'_>, job_id: &str) -> PyResult<Vec<u8>> {
        to_json(py, &self.jobs.progress(job_id))
    }

    fn cancel(&self, py: Python<'_>, job_id: &str) -> PyResult<()> {
        self.jobs.cancel(job_id).map_err(|error| error.raise(py))
    }

    fn resume(&self, py: Python<'_>, job_id: &str) -> PyResult<()> {
        set_program(py)?;
        let job = py.detach(|| self.jobs.resume(job_id, &self.starter()));
        job.map(drop).map_err(|error| error.raise(py))
    }

    fn remove(&self, py: Python<'_>, job_id: &str) -> PyResult<()> {
        py.detach(|| self.jobs.remove(job_id)).map_err(|error| error.raise(py))
    }

    /// The rows of a result.
    fn rows(&self, py: Python<'_>, job_id: &str) -> PyResult<Query> {
        let path = self.jobs.result(job_id).map_err(|error| error.raise(py))?;
        Query::of_file(py, path)
    }

    /// A report, as JSON.
    fn report(&self, py: Python<'_>, job_id: &str) -> PyResult<Vec<u8>> {
        let path = self.jobs.result(job_id).map_err(|error| error.raise(py))?;
        std::fs::read(&path).map_err(|error| Error::io(path, error).raise(py))
    }
}

/// The command line is a module of this interpreter.
pub(crate) fn set_program(py: Python<'_>) -> PyResult<()> {
    let executable: Option<OsString> = py.import("sys")?.getattr("executable")?.extract()?;
    let Some(executable) = executable.filter(|path| !path.is_empty()) else {
        return Err(usage("this interpreter does not know its executable: no job can be started"));
    };
    // Without -P a file in the working folder could stand in for a module.
    sealtrail_cli::set_program(vec![executable, "-P".into(), "-m".into(), "sealtrail".into()]);
    Ok(())
}
