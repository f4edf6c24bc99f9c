//! Which segments, and which of their row groups, can hold a text that a filter asks for: decided
//! by dictionaries and bloom filters, before a segment is opened.
//!
//! What decides are columns compared with texts, alone or joined by AND and OR; anything else of a
//! filter may be true anywhere. A logical column is looked for where the adapter would read it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Array;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::PhysicalExprAdapter;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use parquet::file::metadata::ColumnChunkMetaData;
use sealtrail_core::ledger::AddedSegment;

use crate::adapter::{SegmentAdapter, SegmentAdapterFactory};
use crate::functions::{Meaning, MeaningUdf, Texts};
use crate::pruning::domain;
use crate::reader::{Footer, SegmentReaderFactory};
use crate::shape::DOMAIN;
use crate::values::{Source, ValueCache, Values, Wanted};

/// Segments looked at at a time: where the store is far away, most of it is waiting.
const AT_A_TIME: usize = 32;

/// A filter, as far as texts decide it.
#[derive(Debug)]
pub(crate) enum Test {
    /// It may be true anywhere.
    Any,
    /// A logical column, or a lookup, is one of these.
    Is {
        subject: Arc<dyn PhysicalExpr>,
        wanted: Arc<[Wanted]>,
    },
    All(Vec<Test>),
    Either(Vec<Test>),
}

impl Test {
    /// What decides a filter over the columns of the table.
    pub(crate) fn of(filter: &Arc<dyn PhysicalExpr>) -> Self {
        if let Some(binary) = filter.downcast_ref::<BinaryExpr>() {
            let (left, right) = (binary.left(), binary.right());
            return match binary.op() {
                Operator::And => Self::all(vec![Self::of(left), Self::of(right)]),
                Operator::Or => Self::either(vec![Self::of(left), Self::of(right)]),
                Operator::Eq => match (text(left), text(right)) {
                    (None, Some(wanted)) => Self::is(left, [wanted].into()),
                    (Some(wanted), None) => Self::is(right, [wanted].into()),
                    _ => Self::Any,
                },
                _ => Self::Any,
            };
        }
        if let Some((subject, wanted)) = any_of(filter) {
            return Self::is(subject, wanted);
        }
        match filter.downcast_ref::<InListExpr>() {
            Some(list) if !list.negated() => {
                let wanted: Option<Arc<[Wanted]>> = list.list().iter().map(text).collect();
                wanted.map_or(Self::Any, |wanted| Self::is(list.expr(), wanted))
            }
            _ => Self::Any,
        }
    }

    fn all(tests: Vec<Self>) -> Self {
        let mut deciding: Vec<_> = tests.into_iter().filter(Self::decides).collect();
        match deciding.len() {
            0 => Self::Any,
            1 => deciding.remove(0),
            _ => Self::All(deciding),
        }
    }

    fn either(tests: Vec<Self>) -> Self {
        if tests.iter().all(Self::decides) { Self::Either(tests) } else { Self::Any }
    }

    /// Where the first present of several is one of these, some of them is.
    fn is(subject: &Arc<dyn PhysicalExpr>, wanted: Arc<[Wanted]>) -> Self {
        let Some(call) = ScalarFunctionExpr::try_downcast_func::<MeaningUdf>(subject.as_ref())
        else {
            return Self::Is { subject: Arc::clone(subject), wanted };
        };
        let meaning = call.fun().inner().downcast_ref::<MeaningUdf>().map(|udf| udf.meaning);
        match (meaning, call.args()) {
            (Some(Meaning::FirstPresent), args) => {
                Self::either(args.iter().map(|arg| Self::is(arg, Arc::clone(&wanted))).collect())
            }
            (Some(Meaning::OnlyIf), [subject, needed, value]) => match text(needed) {
                Some(needed) => {
                    Self::all(vec![Self::is(subject, [needed].into()), Self::is(value, wanted)])
                }
                None => Self::is(value, wanted),
            },
            _ => Self::Any,
        }
    }

    /// Whether it can be false for all rows of a segment.
    pub(crate) fn decides(&self) -> bool {
        !matches!(self, Self::Any)
    }

    /// The same over the columns of one segment, which is all of one domain.
    fn within<'a>(&'a self, adapter: &SegmentAdapter, domain: &str) -> Within<'a> {
        let each = |tests: &'a [Self]| tests.iter().map(|t| t.within(adapter, domain)).collect();
        match self {
            Self::Any => Within::Decided(true),
            Self::All(tests) => Within::All(each(tests)),
            Self::Either(tests) => Within::Either(each(tests)),
            Self::Is { subject, wanted } => {
                if subject.downcast_ref::<Column>().is_some_and(|c| c.name() == DOMAIN) {
                    return Within::Decided(wanted.iter().any(|wanted| wanted.text == domain));
                }
                let Ok(stored) = adapter.rewrite(Arc::clone(subject)) else {
                    return Within::Decided(true);
                };
                if let Some(column) = stored.downcast_ref::<Column>() {
                    let source = Source { column: column.index(), keys: None };
                    return Within::Is { source, wanted };
                }
                if let Some(source) = adapter.only_in_rest(subject) {
                    return Within::Is { source, wanted };
                }
                let value = stored.downcast_ref::<Literal>().map(Literal::value);
                Within::Decided(!value.is_some_and(|value| value.is_null()))
            }
        }
    }
}

/// Whether an array has one of some texts: the array, and the texts.
fn any_of(filter: &Arc<dyn PhysicalExpr>) -> Option<(&Arc<dyn PhysicalExpr>, Arc<[Wanted]>)> {
    let call = filter.downcast_ref::<ScalarFunctionExpr>()?;
    let [array, texts] = call.args() else { return None };
    if call.fun().name() != "array_has_any" {
        return None;
    }
    let ScalarValue::List(list) = texts.downcast_ref::<Literal>()?.value() else { return None };
    let values = Texts::new(list.values()).ok()?;
    let wanted: Option<Vec<_>> =
        (0..list.values().len()).map(|at| values.get(at).map(Wanted::new)).collect();
    Some((array, wanted?.into()))
}

fn text(expr: &Arc<dyn PhysicalExpr>) -> Option<Wanted> {
    let value = expr.downcast_ref::<Literal>()?.value();
    Some(Wanted::new(value.try_as_str()??))
}

/// A test over the columns of one segment.
enum Within<'a> {
    Decided(bool),
    /// What is there is one of these.
    Is {
        source: Source,
        wanted: &'a [Wanted],
    },
    All(Vec<Within<'a>>),
    Either(Vec<Within<'a>>),
}

/// What is known so far.
enum So<'w> {
    Decided(bool),
    /// The values there decide.
    Needs(&'w Source),
}

impl Within<'_> {
    /// Whether rows of a row group may pass.
    fn may_pass(&self, known: &impl Fn(&Source, &[Wanted]) -> Option<bool>) -> So<'_> {
        match self {
            Self::Decided(decided) => So::Decided(*decided),
            Self::Is { source, wanted } => {
                known(source, wanted).map_or(So::Needs(source), So::Decided)
            }
            Self::All(tests) => Self::first(tests, false, known),
            Self::Either(tests) => Self::first(tests, true, known),
        }
    }

    /// `stop` as soon as one test says so.
    fn first<'w>(
        tests: &'w [Self],
        stop: bool,
        known: &impl Fn(&Source, &[Wanted]) -> Option<bool>,
    ) -> So<'w> {
        let mut needs = None;
        for test in tests {
            match test.may_pass(known) {
                So::Decided(decided) if decided == stop => return So::Decided(stop),
                So::Decided(_) => {}
                So::Needs(source) => needs = needs.or(Some(source)),
            }
        }
        needs.map_or(So::Decided(!stop), So::Needs)
    }
}

/// A segment, and which of its row groups to read if not all.
pub(crate) type Chosen = (Arc<AddedSegment>, Option<Vec<bool>>);

/// Decides segments of one trail.
pub(crate) struct Holder<'a> {
    pub(crate) test: Test,
    pub(crate) readers: &'a SegmentReaderFactory,
    pub(crate) adapters: &'a SegmentAdapterFactory,
    pub(crate) values: &'a ValueCache,
}

impl Holder<'_> {
    /// The segments that may hold rows which pass.
    pub(crate) async fn choose(&self, segments: Vec<Arc<AddedSegment>>) -> Vec<Chosen> {
        let chosen = stream::iter(segments).map(|segment| self.groups(segment));
        let chosen = chosen.buffered(AT_A_TIME).filter_map(std::future::ready);
        chosen.collect().await
    }

    /// None if no row can pass. What cannot be read is kept: its reader is told what is wrong.
    async fn groups(&self, segment: Arc<AddedSegment>) -> Option<Chosen> {
        let path = Path::from(segment.path.as_str());
        let Ok(footer) = self.readers.footer(&path, segment.bytes).await else {
            return Some((segment, None));
        };
        let adapter = self.adapters.adapter_of(&footer, &footer.schema);
        let within = self.test.within(&adapter, domain(&segment));
        let mut groups = Vec::with_capacity(footer.metadata.num_row_groups());
        for group in 0..footer.metadata.num_row_groups() {
            groups.push(self.may_pass(&within, &path, &footer, group).await);
        }
        if groups.iter().all(|read| *read) {
            return Some((segment, None));
        }
        groups.iter().any(|read| *read).then_some((segment, Some(groups)))
    }

    async fn may_pass(
        &self,
        within: &Within<'_>,
        path: &Path,
        footer: &Footer,
        group: usize,
    ) -> bool {
        let columns = footer.metadata.row_group(group).columns();
        let mut read: HashMap<Source, Arc<Values>> = HashMap::new();
        loop {
            let known = |source: &Source, wanted: &[Wanted]| {
                let Some(chunk) = columns.get(source.column) else { return Some(true) };
                let bounded = source.keys.is_none();
                if bounded && !wanted.iter().any(|wanted| in_bounds(chunk, wanted)) {
                    return Some(false);
                }
                Some(read.get(source)?.may_hold(wanted))
            };
            let source = match within.may_pass(&known) {
                So::Decided(decided) => return decided,
                So::Needs(source) => source.clone(),
            };
            let (store, place) = (self.readers.store(), (group, source.clone()));
            let values = self.values.of(store, path, &footer.metadata, place).await;
            read.insert(source, values);
        }
    }
}

/// Whether the least and the greatest value allow for this one.
fn in_bounds(column: &ColumnChunkMetaData, wanted: &Wanted) -> bool {
    let Some(statistics) = column.statistics() else { return true };
    if statistics.null_count_opt() == u64::try_from(column.num_values()).ok() {
        return false;
    }
    let text = wanted.text.as_bytes();
    let above = statistics.min_bytes_opt().is_none_or(|least| least <= text);
    above && statistics.max_bytes_opt().is_none_or(|greatest| text <= greatest)
}
