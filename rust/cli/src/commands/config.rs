//! `sealtrail config`: what is configured, and whether it can be.

use std::io::Write;

use clap::{Args, Subcommand};
use sealtrail_core::config;
use serde_json::Value;

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail config check
  sealtrail config get trail.flush.max_mb
  sealtrail config get audit.destinations[0].encrypt_at_rest
  sealtrail config schema > sealtrail.schema.json

The first file counts that exists: --config, SEALTRAIL_CONFIG, sealtrail.yaml in SEALTRAIL_HOME (or
in the XDG configuration folder), .claude/config/audit.yaml, sealtrail.yaml. Files are not merged.";

/// Check and show the configuration
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the file, and say what is wrong with it or has no effect
    Check,
    /// Print the configuration in force, defaults included, as YAML
    Show,
    /// Print one setting
    Get {
        /// Such as trail.url, audit.trail.flush.max_mb or audit.destinations[0].type
        path: String,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
}

impl Config {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        match self.action {
            Action::Check => check(session)?,
            Action::Show => {
                let text = config::show(&*session.config()?)?;
                session.out.write_all(text.as_bytes())?;
            }
            Action::Get { path } => {
                let value = config::get(&*session.config()?, &path)?;
                match value {
                    Value::String(text) => writeln!(session.out, "{text}")?,
                    other => writeln!(session.out, "{other:#}")?,
                }
            }
            Action::Schema => writeln!(session.out, "{:#}", config::json_schema())?,
        }
        Ok(0)
    }
}

fn check(session: &mut Session<'_>) -> Result<(), Failure> {
    let loaded = session.config()?;
    match (&loaded.path, loaded.warnings.len()) {
        (None, _) => writeln!(session.out, "no configuration file; everything has its default")?,
        (Some(path), 0) => writeln!(session.out, "{}: good", path.display())?,
        (Some(path), _) => {
            writeln!(session.out, "{}: good, but see the warnings", path.display())?;
        }
    }
    Ok(())
}
