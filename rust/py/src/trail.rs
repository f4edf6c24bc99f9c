//! The trail, as Python's `Trail` uses it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use object_store::ObjectStore;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use sealtrail_core::config::Partitioning;
use sealtrail_core::ledger::Moment;
use sealtrail_core::proof::Proof;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{self, InitOptions};
use sealtrail_core::{Error, import};
use sealtrail_query::chain::Source;
use sealtrail_query::{Scope, ScopedTrail};
use serde::Serialize;

use crate::errors::{Raise, usage};
use crate::jobs::Jobs;
use crate::keys::Keys;
use crate::opening::{Place, owner_of, passphrase};
use crate::params;
use crate::query::{Query, engine};
use crate::retention::Retention;
use crate::scope::{Table, Tables};
use crate::sequence::Sequences;
use crate::tail::Tail;
use crate::trace::{self, Trace};
use crate::{access, bridge, compacting, encode, export, files, importing, load, search, verify};

/// An open trail. What it gives is JSON where Python makes objects of its own from it.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Trail {
    inner: trail::Trail,
    place: Place,
    /// The one handle by which the query engine knows this trail.
    store: OnceLock<Arc<dyn ObjectStore>>,
    tables: Tables,
}

fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Lenient }
}

/// JSON of a value, for Python to read.
pub(crate) fn to_json(py: Python<'_>, value: &impl Serialize) -> PyResult<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::encoding("report", error).raise(py))
}

/// Makes a trail.
#[pyfunction]
#[pyo3(signature = (url, *, partition_by, origin, owner_key, home, config))]
pub(crate) fn init(
    py: Python<'_>,
    url: Option<String>,
    partition_by: Option<String>,
    origin: Option<String>,
    owner_key: Option<String>,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
) -> PyResult<Trail> {
    let place = Place::find(py, home, config.as_deref())?;
    let url = place.url(url);
    let by_day = match partition_by.as_deref() {
        Some("month") => false,
        Some("day") => true,
        None => place.loaded.config.trail.partitioning == Partitioning::Day,
        Some(other) => {
            return Err(usage(format!("partition_by is \"month\" or \"day\", not {other:?}")));
        }
    };
    let owner = owner_key.as_deref().map(owner_of).transpose();
    let owner = owner.map_err(|error| error.raise(py))?.map(Arc::new);
    let new = InitOptions::new(place.home.clone());
    let options = InitOptions { by_day, origin, owner, passphrase: passphrase(), ..new };
    bridge::wait(py, trail::init(&url, &options))?;
    open_at(py, place, &url)
}

/// Opens a trail.
#[pyfunction]
#[pyo3(signature = (url, *, home, config, archives))]
pub(crate) fn open(
    py: Python<'_>,
    url: Option<String>,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    archives: BTreeMap<String, String>,
) -> PyResult<Trail> {
    let place = Place::find(py, home, config.as_deref())?.with_archives(py, archives)?;
    let url = place.url(url);
    open_at(py, place, &url)
}

fn open_at(py: Python<'_>, place: Place, url: &str) -> PyResult<Trail> {
    let options = place.options(url).map_err(|error| error.raise(py))?;
    let inner = bridge::wait(py, trail::Trail::open(url, options))?;
    Ok(Trail { inner, place, store: OnceLock::new(), tables: Tables::default() })
}

impl Trail {
    /// The surroundings in which it was opened.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The trail itself.
    pub(crate) fn inner(&self) -> &trail::Trail {
        &self.inner
    }

    pub(crate) fn store(&self) -> Result<Arc<dyn ObjectStore>, Error> {
        if let Some(store) = self.store.get() {
            return Ok(Arc::clone(store));
        }
        let store = self.inner.storage().object_store()?;
        Ok(Arc::clone(self.store.get_or_init(|| store)))
    }

    /// The trail as of now, for chains.
    pub(crate) fn source(&self, py: Python<'_>) -> PyResult<Source<'static>> {
        let search::Ground { engine, view, store } = self.ground(py)?;
        Ok(Source { engine, view, store })
    }

    /// The trail as of now, to be searched.
    fn ground(&self, py: Python<'_>) -> PyResult<search::Ground> {
        let store = self.store().map_err(|error| error.raise(py))?;
        let view = bridge::wait(py, self.inner.view())?;
        Ok(search::Ground { engine: engine(py)?, view, store })
    }

    /// The trail as it is now or was at a moment.
    pub(crate) fn moment(
        &self,
        py: Python<'_>,
        name: String,
        at: Option<&str>,
    ) -> PyResult<ScopedTrail> {
        let store = self.store().map_err(|error| error.raise(py))?;
        let view = match at {
            None => bridge::wait(py, self.inner.view())?,
            Some(at) => {
                let moment = Moment::parse(at).map_err(|error| error.raise(py))?;
                bridge::wait(py, self.inner.view_at(moment))?
            }
        };
        Ok(ScopedTrail { name, view, store })
    }

    fn scope(&self, py: Python<'_>, at: Option<&str>) -> PyResult<Scope> {
        self.tables.add_to(py, Scope::of_all(vec![self.moment(py, String::new(), at)?]))
    }
}

#[pymethods]
impl Trail {
    #[getter]
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn keys(&self) -> Keys {
        Keys { trail: self.inner.clone() }
    }

    fn retention(&self) -> Retention {
        let config = self.place.loaded.config.retention.clone();
        Retention { trail: self.inner.clone(), config }
    }

    fn info(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        to_json(py, &**self.inner.info())
    }

    fn record(&self, event: &Bound<'_, PyAny>, strict: bool) -> PyResult<String> {
        let py = event.py();
        let text: Cow<'_, [u8]> = if let Ok(bytes) = event.cast::<PyBytes>() {
            Cow::Borrowed(bytes.as_bytes())
        } else if let Ok(text) = event.cast::<PyString>() {
            Cow::Borrowed(text.to_str()?.as_bytes())
        } else {
            let mut out = Vec::with_capacity(1024);
            encode::event(event, &mut out).map_err(|refusal| refusal.raise(py))?;
            Cow::Owned(out)
        };
        bridge::wait(py, self.inner.record(&text, strictness(strict)))
    }

    #[pyo3(signature = (source, strict, progress))]
    fn record_many(
        &self,
        source: &Bound<'_, PyAny>,
        strict: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u8>> {
        let report = load::load(&self.inner, source, strictness(strict), progress)?;
        to_json(source.py(), &report)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        bridge::wait(py, self.inner.flush())
    }

    fn recover(&self, py: Python<'_>) -> PyResult<()> {
        bridge::wait(py, self.inner.recover())
    }

    fn close(&self, py: Python<'_>, commit: bool) -> PyResult<()> {
        bridge::wait(py, self.inner.close(commit))
    }

    /// Waits until it is recorded how questions ended, and gives a writer free that was held for
    /// that.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        bridge::wait(py, async {
            self.inner.settle_looks().await;
            Ok::<_, Error>(())
        })
    }

    #[pyo3(signature = (audit_id, purpose))]
    fn get(
        &self,
        py: Python<'_>,
        audit_id: &str,
        purpose: Option<String>,
    ) -> PyResult<Option<Vec<u8>>> {
        let view = bridge::wait(py, self.inner.view())?;
        let question = access::question("get", view.size(), purpose).filter("audit_id", audit_id);
        let looking = access::ask(py, &self.inner, question)?;
        let found = bridge::wait(py, async {
            match self.inner.get_in(&view, audit_id).await? {
                Some(record) => self.inner.unsealed(record).await.map(Some),
                None => Ok(None),
            }
        });
        looking.answered(py, found, |found| u64::from(found.is_some()))
    }

    #[pyo3(signature = (ids, purpose))]
    fn contains(
        &self,
        py: Python<'_>,
        ids: Vec<String>,
        purpose: Option<String>,
    ) -> PyResult<Vec<String>> {
        let view = bridge::wait(py, self.inner.view())?;
        let question = access::question("contains", view.size(), purpose);
        let looking = access::ask(py, &self.inner, question.filter("audit_ids", ids.clone()))?;
        let found = bridge::wait(py, self.inner.contains_in(&view, &ids));
        let found = looking.answered(py, found, |found| found.len() as u64)?;
        Ok(found.into_iter().collect())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let stats = bridge::wait(py, self.inner.stats())?;
        to_json(py, &stats)
    }

    #[pyo3(signature = (target_mb, threads, grace, progress))]
    fn compact(
        &self,
        py: Python<'_>,
        target_mb: u64,
        threads: usize,
        grace: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u8>> {
        let wish = compacting::Wish { target_mb, threads, grace };
        compacting::run(py, &self.inner, compacting::Work::Compact, wish, progress)
    }

    fn compaction_plan(
        &self,
        py: Python<'_>,
        target_mb: u64,
        threads: usize,
        grace: f64,
    ) -> PyResult<Vec<u8>> {
        compacting::plan(py, &self.inner, compacting::Wish { target_mb, threads, grace })
    }

    #[pyo3(signature = (target_mb, threads, grace, progress))]
    fn maintain(
        &self,
        py: Python<'_>,
        target_mb: u64,
        threads: usize,
        grace: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u8>> {
        let wish = compacting::Wish { target_mb, threads, grace };
        compacting::run(py, &self.inner, compacting::Work::Maintain, wish, progress)
    }

    #[pyo3(signature = (query, params, at, purpose, exclude_access, include_archive))]
    fn sql(
        &self,
        query: &Bound<'_, PyString>,
        params: &Bound<'_, PyAny>,
        at: Option<&str>,
        purpose: Option<String>,
        exclude_access: bool,
        include_archive: bool,
    ) -> PyResult<Query> {
        let py = query.py();
        let text = query.to_str()?.to_owned();
        let params = params::params(params)?;
        let scope = self.scope(py, at)?.excluding_access(exclude_access);
        let scope = scope.excluding_archive(!include_archive);
        let question = access::question("sql", scope.entries(), purpose)
            .query(text.clone())
            .filter("params", params::shown(&params))
            .filter("at", at)
            .filter("exclude_archive", (!include_archive).then_some(true));
        let query = Query::ask(py, engine(py)?, scope, text, params)?;
        query.recorded(py, vec![(self.inner.clone(), question)])
    }

    #[pyo3(signature = (follow, number, cursor, asked))]
    fn tail(
        &self,
        py: Python<'_>,
        follow: bool,
        number: Option<u64>,
        cursor: Option<&str>,
        asked: &str,
    ) -> PyResult<Tail> {
        Tail::begin(py, self, follow, number, cursor, &search::read(py, asked)?)
    }

    fn submit(&self, py: Python<'_>, command: &str, args: Vec<String>) -> PyResult<String> {
        Jobs::submit(py, &self.place, self.inner.url(), command, args)
    }

    fn jobs_home(&self) -> Option<PathBuf> {
        self.place.root.clone()
    }

    fn search(&self, py: Python<'_>, asked: &str, form: &str) -> PyResult<Query> {
        search::search(py, self.ground(py)?, &self.inner, asked, form)
    }

    fn sequence(
        &self,
        py: Python<'_>,
        asked: &str,
        pattern: &str,
        within: f64,
        by: Vec<String>,
    ) -> PyResult<Sequences> {
        Sequences::ask(py, (self.ground(py)?, &self.inner), asked, pattern, within, by)
    }

    fn search_drained(&self, py: Python<'_>, asked: &str) -> PyResult<Vec<u8>> {
        search::drain(py, self.ground(py)?, &self.inner, asked)
    }

    fn search_report(
        &self,
        py: Python<'_>,
        asked: &str,
        what: &str,
        top: usize,
    ) -> PyResult<Vec<u8>> {
        search::report(py, self.ground(py)?, &self.inner, asked, (what, top))
    }

    fn register(&self, name: &str, source: &Bound<'_, PyAny>) -> PyResult<()> {
        self.tables.register(name, source)
    }

    fn unregister(&self, name: &str) -> bool {
        self.tables.unregister(name)
    }

    #[pyo3(signature = (purpose))]
    fn table(&self, py: Python<'_>, purpose: Option<String>) -> PyResult<Table> {
        let scope = self.scope(py, None)?;
        let question = access::question("table", scope.entries(), purpose);
        let looking = access::ask(py, &self.inner, question)?;
        looking.answered(py, Table::of(py, &scope), |_| 0)
    }

    #[pyo3(signature = (subject, wish, purpose))]
    fn trace(
        &self,
        py: Python<'_>,
        subject: &str,
        wish: trace::Wish,
        purpose: Option<String>,
    ) -> PyResult<Option<Trace>> {
        trace::trace(py, self, subject, wish, purpose)
    }

    #[pyo3(signature = (execution, purpose))]
    fn execution_chain(
        &self,
        py: Python<'_>,
        execution: &str,
        purpose: Option<String>,
    ) -> PyResult<Option<(Query, bool)>> {
        trace::execution_chain(py, self, execution, purpose)
    }

    #[pyo3(signature = (subject, kind, context, most, asked))]
    fn related(
        &self,
        py: Python<'_>,
        subject: &str,
        kind: Option<&str>,
        context: i64,
        most: usize,
        asked: &str,
    ) -> PyResult<Option<Vec<u8>>> {
        trace::related(py, self, subject, kind, context, most, asked)
    }

    #[pyo3(signature = (verify, purpose))]
    fn files(&self, py: Python<'_>, verify: bool, purpose: Option<String>) -> PyResult<Query> {
        let view = bridge::wait(py, self.inner.view())?;
        let question = access::question("files", view.size(), purpose);
        let looking = access::ask(py, &self.inner, question)?;
        if verify {
            bridge::wait(py, self.inner.check_files(&view))?;
        }
        let files = files::files(py, &view, self.inner.url(), self.inner.info().by_day());
        looking.answered(py, files, |_| view.segments().len() as u64)
    }

    #[pyo3(signature = (level, key, owner_key, threads, pinning, progress, purpose))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of the Python method")]
    fn verify(
        &self,
        py: Python<'_>,
        level: &str,
        key: Option<String>,
        owner_key: Option<String>,
        threads: usize,
        mut pinning: verify::PinWish,
        progress: Option<&Bound<'_, PyAny>>,
        purpose: Option<String>,
    ) -> PyResult<Vec<u8>> {
        let view = bridge::wait(py, self.inner.view()).ok();
        let unsealed = view.as_ref().map_or((0, 0), |view| view.unsealed());
        let size = view.map_or(0, |view| view.size());
        let question = access::question("verify", size, purpose).filter("level", level);
        let looking = access::ask(py, &self.inner, question)?;
        let archives = pinning.archives(self.inner.archives().said());
        let keyring = self.inner.keyring();
        let master = keyring.map(|keyring| keyring.source().clone()).unwrap_or_default();
        let level = level.to_owned();
        let wish =
            verify::Wish { level, key, owner_key, threads, unsealed, pinning, archives, master };
        let trail = (self.inner.storage(), Some(self.inner.info().trail_id.as_str()));
        let report = verify::verify(py, trail, &self.place.home, wish, progress);
        looking.answered(py, report, |_| 0)
    }

    fn pin(&self, py: Python<'_>) -> PyResult<Option<Vec<u8>>> {
        verify::pin(py, self.inner.storage(), &self.place.home)
    }

    #[pyo3(signature = (note, key))]
    fn set_pin(&self, py: Python<'_>, note: &str, key: Option<String>) -> PyResult<()> {
        let trail = (self.inner.storage(), self.inner.info().trail_id.as_str());
        verify::set_pin(py, trail, &self.place.home, note, key)
    }

    #[pyo3(signature = (target, file))]
    fn add_anchor(&self, py: Python<'_>, target: &str, file: bool) -> PyResult<()> {
        let added = self.inner.anchors().add(&self.inner.info().origin, target, file);
        let added = added.map_err(|error| error.raise(py))?;
        bridge::wait(py, self.inner.publish_newest(&added)).map(drop)
    }

    fn remove_anchor(&self, py: Python<'_>, target: &str) -> PyResult<()> {
        self.inner.anchors().remove(target).map_err(|error| error.raise(py))
    }

    fn anchors(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let list = self.inner.anchors().list().map_err(|error| error.raise(py))?;
        to_json(py, &list)
    }

    fn clear_pin(&self, py: Python<'_>) -> PyResult<bool> {
        verify::clear_pin(py, self.inner.storage(), &self.place.home)
    }

    fn checkpoint(&self, py: Python<'_>) -> PyResult<String> {
        bridge::wait(py, self.inner.checkpoint())
    }

    #[pyo3(signature = (audit_id, purpose))]
    fn prove(
        &self,
        py: Python<'_>,
        audit_id: &str,
        purpose: Option<String>,
    ) -> PyResult<Option<Vec<u8>>> {
        let size = bridge::wait(py, self.inner.view())?.size();
        let question = access::question("prove", size, purpose).filter("audit_id", audit_id);
        let looking = access::ask(py, &self.inner, question)?;
        let proof = bridge::wait(py, self.inner.prove(audit_id));
        let proof = looking.answered(py, proof, |proof| u64::from(proof.is_some()))?;
        Ok(proof.map(Proof::into_bytes))
    }

    #[expect(clippy::too_many_arguments, reason = "the keywords of the Python method")]
    #[pyo3(signature = (asked, form, path, *, since_last, replace, lake, progress))]
    fn export(
        &self,
        py: Python<'_>,
        asked: &str,
        form: &str,
        path: PathBuf,
        since_last: bool,
        replace: bool,
        lake: Option<(String, String, String)>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Vec<u8>>> {
        let target = (path.as_path(), since_last, replace);
        export::export(py, &self.inner, asked, (form, lake), target, progress)
    }

    #[pyo3(signature = (package, previous, to, purpose))]
    fn custody_add(
        &self,
        py: Python<'_>,
        package: PathBuf,
        previous: String,
        to: String,
        purpose: Option<String>,
    ) -> PyResult<String> {
        export::custody_add(py, &self.inner, &package, (previous, to), purpose)
    }

    #[pyo3(signature = (start, to))]
    fn prove_consistency(&self, py: Python<'_>, start: u64, to: Option<u64>) -> PyResult<Vec<u8>> {
        Ok(bridge::wait(py, self.inner.prove_consistency(start, to))?.into_bytes())
    }

    #[pyo3(signature = (program, paths, include_content, progress))]
    fn import_logs(
        &self,
        py: Python<'_>,
        program: &str,
        paths: Vec<PathBuf>,
        include_content: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u8>> {
        let source = match program {
            "claude-code" => import::Source::ClaudeCode,
            "cloudtrail" => import::Source::CloudTrail,
            other => return Err(usage(format!("{other:?}: no such program"))),
        };
        let options = import::ImportOptions { include_content, ..Default::default() };
        let url = self.inner.url();
        let mut opening = self.place.options(url).map_err(|error| error.raise(py))?;
        // Imported events say themselves who acted and where.
        opening.settings.defaults.clear();
        importing::import(py, (url, opening), source, paths, options, progress)
    }
}
