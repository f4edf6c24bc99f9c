//! What a statement reads.

mod callers;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::datasource::TableProvider;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use object_store::ObjectStore;
use sealtrail_core::Error;
use sealtrail_core::columns::{LogicalColumn, Registry};
use sealtrail_core::trail::ReadView;
use url::Url;

use crate::error::{QueryError, Result};
use crate::views;

pub use callers::CallersTable;

/// What a statement reads: trails, each at one moment, and tables that the caller brings.
///
/// Over more than one trail the views have one more column, `_trail`, with the name of the trail
/// that a record is from. A promoted column of one is computed for the others; where two trails
/// use one name for two paths it means the first one's.
#[derive(Clone)]
pub struct Scope {
    pub(crate) trails: Vec<ScopedTrail>,
    pub(crate) tables: BTreeMap<String, Arc<dyn TableProvider>>,
}

/// A trail at one moment.
#[derive(Clone)]
pub struct ScopedTrail {
    /// What `_trail` says.
    pub name: String,
    /// The moment.
    pub view: Arc<ReadView>,
    /// Rooted at the trail.
    pub store: Arc<dyn ObjectStore>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trails: Vec<&str> = self.trails.iter().map(|trail| trail.name.as_str()).collect();
        let tables: Vec<&String> = self.tables.keys().collect();
        f.debug_struct("Scope").field("trails", &trails).field("tables", &tables).finish()
    }
}

impl Scope {
    /// One trail.
    pub fn of(view: Arc<ReadView>, store: Arc<dyn ObjectStore>) -> Self {
        Self::of_all(vec![ScopedTrail { name: String::new(), view, store }])
    }

    /// Several trails.
    pub fn of_all(trails: Vec<ScopedTrail>) -> Self {
        Self { trails, tables: BTreeMap::new() }
    }

    /// The same with a table of the caller's.
    ///
    /// # Errors
    /// `Core` with `Usage` if the name is that of a view, or not a plain one.
    pub fn with_table(mut self, name: &str, table: &CallersTable) -> Result<Self> {
        check_name(name)?;
        self.tables.insert(name.to_owned(), Arc::clone(&table.0));
        Ok(self)
    }

    /// The same, without the records of who looked if `exclude` says so.
    #[must_use]
    pub fn excluding_access(mut self, exclude: bool) -> Self {
        for trail in &mut self.trails {
            trail.view = Arc::clone(&trail.view).excluding_access(exclude);
        }
        self
    }

    /// The same, without what is in archives if `exclude` says so.
    #[must_use]
    pub fn excluding_archive(mut self, exclude: bool) -> Self {
        for trail in &mut self.trails {
            trail.view = Arc::clone(&trail.view).excluding_archive(exclude);
        }
        self
    }

    pub(crate) fn excludes_access(&self) -> bool {
        self.trails.iter().any(|trail| trail.view.without_access)
    }

    /// Numbers of ledger entries, in the order of the trails.
    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        self.trails.iter().map(|trail| trail.view.size())
    }

    /// Number of ledger entries, of all trails together.
    pub fn entries(&self) -> u64 {
        self.sizes().sum()
    }

    /// The promoted columns of all trails.
    pub(crate) fn columns(&self) -> Vec<LogicalColumn> {
        if let [only] = self.trails.as_slice() {
            return only.view.columns().to_vec();
        }
        let mut all = Registry::default();
        for column in self.trails.iter().flat_map(|trail| trail.view.columns()) {
            // A name that another path has already stays with that; this path is in `attrs`.
            let _ = all.take(column);
        }
        all.columns().to_vec()
    }
}

/// SQL finds a name without quotes only in lower case.
fn check_name(name: &str) -> Result<()> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let problem = match name {
        _ if !plain => "a name of a table has lower-case letters, digits and _ only",
        _ if views::NAMES.contains(&name) || name == views::RECORDS => "this is a view's name",
        _ => return Ok(()),
    };
    Err(QueryError::Core(Error::Usage(format!("table {name:?}: {problem}"))))
}

/// Stands in plans for the store of the trail with this number.
pub(crate) fn store_url(number: usize) -> ObjectStoreUrl {
    ObjectStoreUrl::parse(format!("trail://t{number}"))
        .unwrap_or_else(|_| ObjectStoreUrl::local_filesystem())
}

/// Whether it is the store of a trail.
pub(crate) fn is_of_trail(url: &ObjectStoreUrl) -> bool {
    url.as_str().starts_with("trail://")
}

/// Knows the stores of a scope.
#[derive(Debug)]
pub(crate) struct Stores(Vec<(ObjectStoreUrl, Arc<dyn ObjectStore>)>);

impl Stores {
    pub(crate) fn of(scope: &Scope) -> Self {
        let stores = scope.trails.iter().enumerate();
        Self(stores.map(|(number, t)| (store_url(number), Arc::clone(&t.store))).collect())
    }
}

impl ObjectStoreRegistry for Stores {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> datafusion::common::Result<Arc<dyn ObjectStore>> {
        let wanted = url.as_str().trim_end_matches('/');
        let found = self.0.iter().find(|(own, _)| own.as_str().trim_end_matches('/') == wanted);
        found
            .map(|(_, store)| Arc::clone(store))
            .ok_or_else(|| DataFusionError::Plan(format!("{url} is not part of the trail")))
    }
}

#[cfg(test)]
mod tests;
