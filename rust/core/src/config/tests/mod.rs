mod defaults;
mod errors;
mod garbage;
mod lifecycle;
mod references;
mod schema;

use std::path::{Path, PathBuf};

use super::{Loaded, parse};
use crate::{Error, Result};

/// Reads `text` as a file called `sealtrail.yaml`, with `env` as the environment.
fn read_with(text: &str, env: &[(&str, &str)]) -> Result<Loaded> {
    let env = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    parse(text, Path::new("sealtrail.yaml"), &env)
}

fn read(text: &str) -> Result<Loaded> {
    read_with(text, &[])
}

/// The `path:line:column: message` of the error that `text` gives.
fn error_with(text: &str, env: &[(&str, &str)]) -> String {
    let error = read_with(text, env).expect_err(text);
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    error.to_string()
}

fn error(text: &str) -> String {
    error_with(text, &[])
}

/// The published schema.
fn schema_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sealtrail.schema.json")
}
