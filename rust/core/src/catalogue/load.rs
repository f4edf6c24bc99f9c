//! From the text of `catalogue.json` to the catalogue, with everything in it cross-checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::check::Shape;
use super::{Catalogue, Domain, EventType, Field, Kind};
use crate::columns::{ColumnType, LogicalColumn};

/// The version of the file's form that this build reads.
const VERSION: u32 = 1;

/// Names that views compute; no column may have them (FORMAT.md section 4).
const RESERVED_COLUMNS: [&str; 8] =
    ["event", "attrs", "domain", "action", "actor", "session", "outcome", "period"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    domains: Vec<Domain>,
    severities: Vec<String>,
    sensitivity_levels: Vec<String>,
    envelope: Vec<String>,
    common: Vec<String>,
    fields: BTreeMap<String, FieldEntry>,
    types: Vec<TypeEntry>,
    columns: Vec<LogicalColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldEntry {
    #[serde(rename = "type")]
    kind: Kind,
    items: Option<Kind>,
    description: String,
    example: serde_json::Value,
    /// Name of the list that holds the only values allowed.
    values: Option<String>,
    /// Name of the list that holds the known values.
    known: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeEntry {
    name: String,
    severity: String,
    description: String,
    required: Vec<String>,
    optional: Vec<String>,
    /// What a field means in this type, where its general description does not say.
    #[serde(default)]
    about: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads a catalogue.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if file.version != VERSION {
            return Err(format!("version {} is unknown", file.version));
        }
        file.check_paths()?;
        file.check_columns()?;
        let envelope = file.fields(&file.envelope, true)?;
        let common = file.fields(&file.common, false)?;
        let types = file.types.iter().map(|t| file.event_type(t)).collect::<Result<Vec<_>, _>>()?;
        let mut index = HashMap::new();
        for (at, event_type) in types.iter().enumerate() {
            if index.insert(event_type.name.clone(), at).is_some() {
                return Err(format!("{} is listed twice", event_type.name));
            }
        }
        let shapes = types.iter().map(|t| Shape::new(&t.fields, &common));
        Ok(Self {
            shapes: shapes.collect::<Result<_, _>>()?,
            common_shape: Shape::new(&[], &common)?,
            domains: file.domains,
            severities: file.severities,
            sensitivity_levels: file.sensitivity_levels,
            envelope,
            common,
            types,
            columns: file.columns,
            index,
        })
    }
}

impl File {
    fn list(&self, name: &str) -> Result<Vec<String>, String> {
        match name {
            "severities" => Ok(self.severities.clone()),
            "sensitivity_levels" => Ok(self.sensitivity_levels.clone()),
            other => Err(format!("there is no list {other}")),
        }
    }

    fn field(&self, path: &str, required: bool) -> Result<Field, String> {
        let entry = self.fields.get(path).ok_or_else(|| format!("{path} is not among `fields`"))?;
        let list = |name: &Option<String>| name.as_deref().map_or(Ok(vec![]), |n| self.list(n));
        Ok(Field {
            path: path.split('.').map(str::to_owned).collect(),
            kind: entry.kind,
            items: entry.items,
            required,
            description: entry.description.clone(),
            example: entry.example.clone(),
            values: list(&entry.values)?,
            known: list(&entry.known)?,
        })
    }

    fn fields(&self, paths: &[String], required: bool) -> Result<Vec<Field>, String> {
        paths.iter().map(|path| self.field(path, required)).collect()
    }

    fn event_type(&self, entry: &TypeEntry) -> Result<EventType, String> {
        let name = &entry.name;
        let domain = name.split_once('.').map_or("", |(domain, _)| domain);
        if !self.domains.iter().any(|d| d.name == domain) {
            return Err(format!("{name} has an unknown domain"));
        }
        if !self.severities.contains(&entry.severity) {
            return Err(format!("{name} has the unknown severity {}", entry.severity));
        }
        let mut fields = self.fields(&entry.required, true)?;
        fields.extend(self.fields(&entry.optional, false)?);
        let mut seen = BTreeSet::new();
        for path in entry.required.iter().chain(&entry.optional) {
            if self.envelope.contains(path) || !seen.insert(path) {
                return Err(format!("{name} lists {path} twice, or it is of the envelope"));
            }
        }
        for (path, description) in &entry.about {
            let field = fields.iter_mut().find(|f| f.dotted() == *path);
            let field = field.ok_or_else(|| format!("{name} describes {path}, but lacks it"))?;
            field.description.clone_from(description);
        }
        Ok(EventType {
            name: name.clone(),
            domain: domain.to_owned(),
            description: entry.description.clone(),
            severity: entry.severity.clone(),
            fields,
        })
    }

    fn check_paths(&self) -> Result<(), String> {
        let simple = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        for path in self.fields.keys() {
            if !path.split('.').all(simple) {
                return Err(format!("{path} is not made of a-z, 0-9 and _"));
            }
            for (at, _) in path.match_indices('.') {
                if self.fields.contains_key(&path[..at]) {
                    return Err(format!("{path} lies below another field"));
                }
            }
        }
        Ok(())
    }

    fn check_columns(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for column in &self.columns {
            let LogicalColumn { name, path, kind } = column;
            let reserved = name.starts_with('_') || RESERVED_COLUMNS.contains(&name.as_str());
            if reserved || *name != path.join("_") || !names.insert(name) {
                return Err(format!("column {name}: reserved, taken or not its path"));
            }
            let field = self.field(&path.join("."), false)?;
            let fits = match kind {
                ColumnType::Utf8 => field.kind == Kind::String,
                ColumnType::Int64 => field.kind == Kind::Integer,
                ColumnType::Float64 => field.kind == Kind::Number,
                ColumnType::Boolean => field.kind == Kind::Boolean,
                ColumnType::Timestamp => field.kind == Kind::Timestamp,
            };
            if !fits {
                return Err(format!("column {name}: {kind} does not hold {}", field.kind));
            }
        }
        Ok(())
    }
}
