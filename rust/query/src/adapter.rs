//! From logical columns to what one segment stores.
//!
//! A segment has the fixed columns that hold any value, the columns that it promoted, and
//! `_rest`. For each segment the expressions of a query are rewritten: a logical column becomes
//! the segment's column, or is computed from the rest; a lookup such as `attrs ->> 'x'` becomes
//! the promoted column where the segment has one; `attrs` and `event` are put together from
//! columns and rest, only where they are used whole.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ScalarUDF, ScalarUDFImpl};
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal, lit};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use object_store::path::Path;
use sealtrail_core::columns::{ColumnType, LogicalColumn, REST};

use crate::functions::{JsonFn, JsonUdf, Meaning, MeaningUdf, Search, SearchUdf, literal_path};
use crate::json::{Form, PathPart};
use crate::reader::{Footer, FooterCache};
use crate::shape::{ATTRS, DOMAIN, EVENT, Shape, arrow_type, column_type};
use crate::shredded::{Assembled, LogicalValue, ShreddedGet, WordSearch, any_signature};
use crate::values::Source;
use crate::words::Word;

/// Key of the schema metadata with the JSON array of those columns of a segment at whose paths
/// some rows hold a value of another type. Without it every column may be one of them.
pub(crate) const MISFITS: &str = "sealtrail.misfits";
/// Key of the schema metadata with the path of the segment that the schema is of.
pub(crate) const SEGMENT: &str = "sealtrail.segment";

/// Makes an adapter for each segment.
#[derive(Debug)]
pub(crate) struct SegmentAdapterFactory {
    /// The columns of the table.
    shape: Arc<Shape>,
    /// The columns of the trail, which name those of its segments.
    own: Arc<Shape>,
    /// Knows the layouts of segments that were read before.
    footers: Arc<FooterCache>,
    config: Arc<ConfigOptions>,
}

impl SegmentAdapterFactory {
    pub(crate) fn new(shape: Arc<Shape>, own: Arc<Shape>, footers: Arc<FooterCache>) -> Self {
        Self { shape, own, footers, config: Arc::new(ConfigOptions::default()) }
    }

    /// The adapter for data with this schema.
    pub(crate) fn adapter(&self, physical: &SchemaRef) -> SegmentAdapter {
        let segment = physical.metadata().get(SEGMENT);
        let footer = segment.and_then(|path| self.footers.known(&Path::from(path.as_str())));
        match footer {
            Some(footer) => self.adapter_of(&footer, physical),
            None => self.with_layout(Arc::new(Layout::new(&self.own, physical)), physical),
        }
    }

    /// The adapter for a segment with this footer. Its layout stays the same whatever columns
    /// the trail gets later.
    pub(crate) fn adapter_of(&self, footer: &Footer, physical: &SchemaRef) -> SegmentAdapter {
        let layout = footer.layout.get_or_init(|| Arc::new(Layout::new(&self.own, physical)));
        self.with_layout(Arc::clone(layout), physical)
    }

    fn with_layout(&self, layout: Arc<Layout>, physical: &SchemaRef) -> SegmentAdapter {
        SegmentAdapter {
            layout,
            shape: Arc::clone(&self.shape),
            physical: Arc::clone(physical),
            config: Arc::clone(&self.config),
        }
    }
}

impl PhysicalExprAdapterFactory for SegmentAdapterFactory {
    fn create(
        &self,
        _logical: SchemaRef,
        physical: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        Ok(Arc::new(self.adapter(&physical)))
    }
}

/// What a segment stores.
#[derive(Debug)]
pub(crate) struct Layout {
    columns: Vec<Stored>,
    rest: Option<usize>,
}

/// A column of the segment.
#[derive(Debug)]
struct Stored {
    /// With the type that the segment has.
    column: LogicalColumn,
    index: usize,
    fixed: bool,
    /// The rest holds no value but `null` at this path.
    clean: bool,
}

impl Layout {
    fn new(shape: &Shape, physical: &Schema) -> Self {
        let misfits = physical.metadata().get(MISFITS);
        let misfits = misfits.and_then(|names| serde_json::from_str::<HashSet<String>>(names).ok());
        let mut columns = Vec::new();
        for (index, field) in physical.fields().iter().enumerate() {
            let Some((column, fixed)) = shape.column(field.name()) else { continue };
            let Some(kind) = column_type(field.data_type()) else { continue };
            let clean = misfits.as_ref().is_some_and(|names| !names.contains(field.name()));
            columns.push(Stored {
                column: LogicalColumn { kind, ..column.clone() },
                index,
                fixed,
                clean,
            });
        }
        Self { columns, rest: physical.index_of(REST).ok() }
    }
}

/// Rewrites expressions over logical columns for one segment.
#[derive(Debug)]
pub(crate) struct SegmentAdapter {
    shape: Arc<Shape>,
    physical: SchemaRef,
    layout: Arc<Layout>,
    config: Arc<ConfigOptions>,
}

impl PhysicalExprAdapter for SegmentAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expr.transform_down(|expr| {
            let replaced = match self.lookup(&expr)?.or_else(|| self.words(&expr)) {
                Some(found) => Some(found),
                None => match expr.downcast_ref::<Column>() {
                    Some(column) => Some(self.column(column.name())?),
                    None => self.meaning(&expr)?,
                },
            };
            Ok(match replaced {
                // The replacement speaks of the segment's columns already.
                Some(new) => Transformed::new(new, true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            })
        })
        .data()
    }
}

impl SegmentAdapter {
    /// The expression for a logical column.
    pub(crate) fn column(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>> {
        match name {
            ATTRS => return Ok(self.assembled(self.layout.columns.iter().filter(|c| !c.fixed))),
            EVENT => return Ok(self.assembled(self.layout.columns.iter())),
            // Segments have it from their partition; unflushed rows as a column.
            DOMAIN => return Ok(Arc::new(Column::new_with_schema(DOMAIN, &self.physical)?)),
            _ => {}
        }
        let Some((column, fixed)) = self.shape.column(name) else {
            return exec_err!("no column {name}");
        };
        let data_type = arrow_type(column.kind);
        let Some(stored) = self.layout.columns.iter().find(|c| c.column.path == column.path) else {
            // A fixed column is left out of a segment where it has no value.
            let rest = if fixed { None } else { self.rest() };
            return match rest {
                Some(rest) => Ok(self.logical_value(column, None, Some(rest))),
                None => Ok(lit(ScalarValue::try_from(&data_type)?)),
            };
        };
        let expr = self.stored(stored);
        let widened = (column.kind, stored.column.kind) == (ColumnType::Float64, ColumnType::Int64);
        if stored.column.kind == column.kind || widened && stored.clean {
            let same = self.physical.field(stored.index).data_type() == &data_type;
            return Ok(if same { expr } else { Arc::new(CastExpr::new(expr, data_type, None)) });
        }
        Ok(self.logical_value(column, Some(expr), self.rest().filter(|_| !stored.clean)))
    }

    fn logical_value(
        &self,
        column: &LogicalColumn,
        stored: Option<Arc<dyn PhysicalExpr>>,
        rest: Option<Arc<dyn PhysicalExpr>>,
    ) -> Arc<dyn PhysicalExpr> {
        let has_column = stored.is_some();
        let udf = LogicalValue { column: column.clone(), has_column, signature: any_signature() };
        self.call(udf, stored.into_iter().chain(rest).collect(), arrow_type(column.kind))
    }

    /// The replacement of a JSON lookup in `attrs` or `event`; none if this is not one.
    fn lookup(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some((function, base, path)) = json_lookup(expr) else { return Ok(None) };
        if path.is_empty() {
            return Ok(None);
        }
        let in_base = |stored: &&Stored| base == EVENT || !stored.fixed;
        let keys: Option<Vec<&str>> = path
            .iter()
            .map(|part| match part {
                PathPart::Key(key) => Some(key.as_str()),
                PathPart::Index(_) => None,
            })
            .collect();
        let Some(keys) = keys else {
            // No column lies below an array, but one may lie on the way to it: then the rest
            // holds no array there, and finds nothing either.
            return Ok(Some(self.in_rest(function, &path)?));
        };
        let below = |stored: &&Stored| {
            stored.column.path.len() >= keys.len()
                && stored.column.path.iter().zip(&keys).all(|(a, b)| a == b)
        };
        let columns: Vec<&Stored> =
            self.layout.columns.iter().filter(in_base).filter(below).collect();
        Ok(Some(match columns.as_slice() {
            [] => self.in_rest(function, &path)?,
            [stored] if stored.column.path.len() == keys.len() => {
                self.in_column(function, path, stored)
            }
            _ => {
                let object = self.assembled(columns.into_iter());
                self.json_call(function, Form::Canonical, object, &path)
            }
        }))
    }

    /// Where in the rest the text or the array of texts is that a lookup reads, if no column of the
    /// segment has any of it.
    pub(crate) fn only_in_rest(&self, lookup: &Arc<dyn PhysicalExpr>) -> Option<Source> {
        let (function, _, path) = json_lookup(lookup)?;
        let key = |part: &PathPart| match part {
            PathPart::Key(key) => Some(key.clone()),
            PathPart::Index(_) => None,
        };
        let keys: Vec<String> = path.iter().map_while(key).collect();
        // The texts of an array are known, but not what lies deeper in it.
        let known = match function {
            JsonFn::AsText | JsonFn::GetStr => path.len() <= keys.len() + 1,
            JsonFn::GetArray => path.len() == keys.len(),
            _ => false,
        };
        let column = self.layout.rest.filter(|_| known && !keys.is_empty())?;
        let common = |path: &[String]| path.iter().zip(&keys).all(|(a, b)| a == b);
        let in_column = self.layout.columns.iter().any(|stored| common(&stored.column.path));
        (!in_column).then_some(Source { column, keys: Some(keys) })
    }

    /// The search for a word in `event`, in the columns that can hold it and in the rest; none if
    /// this is not one.
    fn words(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
        let call = ScalarFunctionExpr::try_downcast_func::<SearchUdf>(expr.as_ref())?;
        let udf = call.fun().inner().downcast_ref::<SearchUdf>()?;
        let (Search::RecordHas, [subject, word]) = (udf.search, call.args()) else { return None };
        let word = Word::new(literal_text(word)?);
        if subject.downcast_ref::<Column>()?.name() != EVENT {
            return None;
        }
        let columns = self.layout.columns.iter().filter(|stored| word.fits(stored.column.kind));
        let mut args: Vec<_> = columns.map(|stored| self.stored(stored)).collect();
        let columns = args.len();
        args.extend(self.rest());
        if args.is_empty() {
            return Some(lit(false));
        }
        let udf = WordSearch { word, columns, signature: any_signature() };
        Some(self.call(udf, args, DataType::Boolean))
    }

    /// A function of the views without the arguments that are NULL in this segment.
    fn meaning(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(call) = ScalarFunctionExpr::try_downcast_func::<MeaningUdf>(expr.as_ref()) else {
            return Ok(None);
        };
        let meaning = call.fun().inner().downcast_ref::<MeaningUdf>().map(|udf| udf.meaning);
        if let (Some(Meaning::OnlyIf), [subject, wanted, value]) = (meaning, call.args())
            && let (Some(subject), Some(wanted)) = (literal_text(subject), literal_text(wanted))
        {
            let value =
                if subject == wanted { self.rewrite(Arc::clone(value))? } else { null_text() };
            return Ok(Some(value));
        }
        let args = call
            .args()
            .iter()
            .map(|arg| self.rewrite(Arc::clone(arg)))
            .collect::<Result<Vec<_>>>()?;
        if meaning != Some(Meaning::FirstPresent) {
            return Ok(Some(Arc::clone(expr).with_new_children(args)?));
        }
        let args: Vec<_> = args.into_iter().filter(|arg| !is_null(arg)).collect();
        if args.is_empty() {
            return Ok(Some(null_text()));
        }
        Ok(Some(self.call_udf(MeaningUdf::udf(Meaning::FirstPresent), args, DataType::Utf8View)))
    }

    /// A lookup that one column answers, and the rest for its misfits.
    fn in_column(
        &self,
        function: JsonFn,
        path: Vec<PathPart>,
        stored: &Stored,
    ) -> Arc<dyn PhysicalExpr> {
        let column = self.stored(stored);
        let text = matches!(function, JsonFn::AsText | JsonFn::GetStr)
            && stored.column.kind == ColumnType::Utf8;
        let same_type = match function {
            JsonFn::GetInt => stored.column.kind == ColumnType::Int64,
            JsonFn::GetFloat => stored.column.kind == ColumnType::Float64,
            JsonFn::GetBool => stored.column.kind == ColumnType::Boolean,
            _ => text,
        };
        let as_is = self.physical.field(stored.index).data_type() == &function.return_type();
        // A `null` is no misfit, and stands in the rest.
        let sees_null = matches!(function, JsonFn::Contains | JsonFn::GetJson);
        let rest = self.rest().filter(|_| sees_null || !stored.clean);
        if same_type && as_is && rest.is_none() {
            return column;
        }
        if function == JsonFn::GetFloat && stored.column.kind == ColumnType::Int64 && rest.is_none()
        {
            // Within ±(2^53 - 1), so exact.
            return Arc::new(CastExpr::new(column, DataType::Float64, None));
        }
        let udf = ShreddedGet { function, path, signature: any_signature() };
        self.call(udf, std::iter::once(column).chain(rest).collect(), function.return_type())
    }

    /// A lookup at whose path the segment has no column.
    fn in_rest(&self, function: JsonFn, path: &[PathPart]) -> Result<Arc<dyn PhysicalExpr>> {
        if let Some(rest) = self.rest() {
            return Ok(self.json_call(function, Form::Canonical, rest, path));
        }
        if function == JsonFn::Contains {
            return Ok(lit(false));
        }
        Ok(lit(ScalarValue::try_from(&function.return_type())?))
    }

    fn json_call(
        &self,
        function: JsonFn,
        form: Form,
        text: Arc<dyn PhysicalExpr>,
        path: &[PathPart],
    ) -> Arc<dyn PhysicalExpr> {
        let steps = path.iter().map(|part| match part {
            PathPart::Key(key) => lit(ScalarValue::Utf8View(Some(key.clone()))),
            PathPart::Index(index) => lit(*index),
        });
        let args = std::iter::once(text).chain(steps).collect();
        self.call_udf(JsonUdf::udf(function, form), args, function.return_type())
    }

    /// JSON of these columns and the rest.
    fn assembled<'a>(&self, stored: impl Iterator<Item = &'a Stored>) -> Arc<dyn PhysicalExpr> {
        let (columns, mut args): (Vec<_>, Vec<_>) =
            stored.map(|s| (s.column.clone(), self.stored(s))).unzip();
        args.extend(self.rest());
        if args.is_empty() {
            return lit(ScalarValue::Utf8View(Some("{}".to_owned())));
        }
        self.call(Assembled { columns, signature: any_signature() }, args, DataType::Utf8View)
    }

    fn stored(&self, stored: &Stored) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new(&stored.column.name, stored.index))
    }

    fn rest(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.layout.rest.map(|index| Arc::new(Column::new(REST, index)) as _)
    }

    fn call(
        &self,
        udf: impl ScalarUDFImpl + 'static,
        args: Vec<Arc<dyn PhysicalExpr>>,
        returns: DataType,
    ) -> Arc<dyn PhysicalExpr> {
        self.call_udf(Arc::new(ScalarUDF::new_from_impl(udf)), args, returns)
    }

    fn call_udf(
        &self,
        udf: Arc<ScalarUDF>,
        args: Vec<Arc<dyn PhysicalExpr>>,
        returns: DataType,
    ) -> Arc<dyn PhysicalExpr> {
        let name = udf.name().to_owned();
        let field = Arc::new(Field::new(&name, returns, true));
        Arc::new(ScalarFunctionExpr::new(&name, udf, args, field, Arc::clone(&self.config)))
    }
}

fn null_text() -> Arc<dyn PhysicalExpr> {
    lit(ScalarValue::Utf8View(None))
}

fn is_null(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Literal>().is_some_and(|literal| literal.value().is_null())
}

fn literal_text(expr: &Arc<dyn PhysicalExpr>) -> Option<&str> {
    expr.downcast_ref::<Literal>()?.value().try_as_str().flatten()
}

/// The function, base column and path of a lookup in `attrs` or `event` with a literal path;
/// lookups in the result of a lookup are one lookup.
fn json_lookup(expr: &Arc<dyn PhysicalExpr>) -> Option<(JsonFn, &'static str, Vec<PathPart>)> {
    let call = ScalarFunctionExpr::try_downcast_func::<JsonUdf>(expr.as_ref())?;
    let function = call.fun().inner().downcast_ref::<JsonUdf>()?.function;
    let (text, steps) = call.args().split_first()?;
    let steps = steps
        .iter()
        .map(|step| Some(step.downcast_ref::<Literal>()?.value()))
        .collect::<Option<Vec<_>>>()?;
    let steps = literal_path(steps)?;
    if let Some(column) = text.downcast_ref::<Column>() {
        return match column.name() {
            ATTRS => Some((function, ATTRS, steps)),
            EVENT => Some((function, EVENT, steps)),
            _ => None,
        };
    }
    let (JsonFn::Get | JsonFn::GetJson, base, mut path) = json_lookup(text)? else { return None };
    path.extend(steps);
    Some((function, base, path))
}
