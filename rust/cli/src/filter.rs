//! The flags that say what is searched for; the same for every command that has them.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use sealtrail_query::search::{FIELDS, Filter, LogicalField, Window};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::session::Session;

/// What a value may be.
pub(crate) const VALUES_HELP: &str = "\
Values: lists (a,b; a comma of a value is \\,), * and ? for any characters, networks
(203.0.113.0/24), ! in front for not; a flag can be repeated. Each flag looks at every field that
tells the fact. Times: 2026-03-01T12:00:00Z, 2026-03-01 (its first moment, in UTC), \"24 hours\",
\"2 weeks ago\", yesterday, \"last monday\", @1772366400; --until itself is not included.";

const HEADING: &str = "What is searched for";

/// The filter of a command. The flags of the logical fields are made from their table.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterArgs {
    filter: Filter,
    since: Option<String>,
    until: Option<String>,
    /// Without the records of who looked.
    pub(crate) exclude_access: bool,
}

impl FilterArgs {
    /// What is searched for. `now` is in microseconds since 1970 (UTC).
    pub(crate) fn filter(&self, now: i64) -> Result<Filter, Failure> {
        let window = Window::parse(self.since.as_deref(), self.until.as_deref(), now)?;
        let filter = Filter { window, ..self.filter.clone() };
        // What is wrong with it is wrong usage, to be told before anything is opened.
        filter.condition()?;
        Ok(filter)
    }

    /// The filter as the record of who looked has it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = serde_json::to_value(&self.filter).unwrap_or_default();
        for (name, time) in [("since", &self.since), ("until", &self.until)] {
            if let Some(time) = time {
                shown[name] = time.clone().into();
            }
        }
        shown
    }

    /// The filter as manifests have it.
    pub(crate) fn asked(&self) -> Map<String, Value> {
        let mut shown = self.shown();
        shown["exclude_access"] = self.exclude_access.into();
        sealtrail_query::export::asked(shown)
    }

    /// As [`filter`](Self::filter) as of now; says on standard error which times are meant.
    pub(crate) fn resolved(&self, session: &mut Session<'_>) -> Result<Filter, Failure> {
        let filter = self.filter(now())?;
        if !filter.window.is_everything() {
            session.note(format_args!("{}", filter.window));
        }
        Ok(filter)
    }
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn flag(name: &'static str) -> String {
    name.replace('_', "-")
}

/// The values of a list; `\,` is a comma of a value.
fn list(text: &str) -> Vec<String> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => values.push(std::mem::take(&mut value)),
            '\\' => match chars.next() {
                Some(',') => value.push(','),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    values.push(value);
    values
}

fn of_field(field: &'static LogicalField) -> Arg {
    let help = match field.places {
        [_] => field.about.to_owned(),
        _ => format!("{}: {}", field.about, field.places_text()),
    };
    text_arg(field.name, "VALUES").action(ArgAction::Append).help(wrapped(&help))
}

/// The text in lines that fit beside the flags.
fn wrapped(text: &str) -> String {
    let (mut out, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let long = word.chars().count();
        if width > 0 && width + 1 + long > 78 {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += long;
    }
    out
}

fn text_arg(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name)
        .long(flag(name))
        .value_name(value)
        .allow_hyphen_values(true)
        .help_heading(HEADING)
}

impl Args for FilterArgs {
    fn augment_args(command: Command) -> Command {
        let mut command = command
            .arg(text_arg("since", "TIME").help("What happened then or later"))
            .arg(text_arg("until", "TIME").help("What happened before"));
        for field in &FIELDS {
            command = command.arg(of_field(field));
            if field.name == "status" {
                let help = "What has none of these; includes events without a status";
                command = command
                    .arg(text_arg("status_not", "VALUES").action(ArgAction::Append).help(help));
            }
        }
        command
            .arg(text_arg("severity_min", "SEVERITY").help(wrapped(
                "At least debug, info, warning, error or critical; that of its event type where \
                 an event has none",
            )))
            .arg(
                text_arg("where", "EXPRESSION")
                    .action(ArgAction::Append)
                    .help("A condition in SQL over any field, such as 'resource.size_bytes > 1e6'"),
            )
            .arg(
                Arg::new("exclude_access")
                    .long("exclude-access")
                    .action(ArgAction::SetTrue)
                    .help_heading(HEADING)
                    .help("Leave out the records of who looked (system.audit_access)"),
            )
            .arg(text_arg("text", "WORDS").action(ArgAction::Append).help(wrapped(
                "Words somewhere in the values of a record, whatever their case; \"quotes\" keep \
                 words together",
            )))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let one = |name: &str| matches.get_one::<String>(name).cloned();
        let many = |name: &str| {
            matches.get_many::<String>(name).unwrap_or_default().cloned().collect::<Vec<_>>()
        };
        let mut filter = Filter {
            severity_min: one("severity_min"),
            conditions: many("where"),
            text: many("text"),
            ..Filter::default()
        };
        for field in &FIELDS {
            let values: Vec<String> = many(field.name).iter().flat_map(|text| list(text)).collect();
            if !values.is_empty() {
                filter = filter.field(field.name, values);
            }
        }
        let without = many("status_not");
        let without = without.iter().flat_map(|text| list(text)).map(|value| format!("!{value}"));
        let without: Vec<String> = without.collect();
        if !without.is_empty() {
            filter = filter.field("status", without);
        }
        let exclude_access = matches.get_flag("exclude_access");
        *self = Self { filter, since: one("since"), until: one("until"), exclude_access };
        Ok(())
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
