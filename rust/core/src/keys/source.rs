//! Where the owner's key comes from: a file, an environment variable, a command; and the
//! passphrase of a locked one.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::files::read_private;
use crate::{Error, Result};

/// Holds the owner's key: the content of `owner.json`.
pub const KEY_VARIABLE: &str = "SEALTRAIL_OWNER_KEY";
/// Holds a command that prints it, for secret managers.
pub const COMMAND_VARIABLE: &str = "SEALTRAIL_OWNER_KEY_COMMAND";
/// Holds the passphrase of a locked owner's key.
pub const PASSPHRASE_VARIABLE: &str = "SEALTRAIL_PASSPHRASE";

type Ask = dyn Fn(&str) -> Result<Option<Zeroizing<String>>> + Send + Sync;

/// Gives the passphrase of a locked key when it is needed.
#[derive(Clone)]
pub struct Passphrase(Arc<Ask>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl Default for Passphrase {
    fn default() -> Self {
        Self::new(|_| Ok(None))
    }
}

impl Passphrase {
    /// `ask` is called with the name of the locked key's place; `None` is "there is no passphrase".
    pub fn new(
        ask: impl Fn(&str) -> Result<Option<Zeroizing<String>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// That of SEALTRAIL_PASSPHRASE, if it is set.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let text = env(PASSPHRASE_VARIABLE).filter(|text| !text.is_empty()).map(Zeroizing::new);
        Self::new(move |_| Ok(text.clone()))
    }

    pub(super) fn of(&self, place: &str) -> Result<Zeroizing<String>> {
        (self.0)(place)?.ok_or_else(|| {
            let how =
                format!("set {PASSPHRASE_VARIABLE}, or unlock it with `sealtrail keys unlock`");
            Error::Key(format!("{place}: this key is locked by a passphrase; {how}"))
        })
    }
}

/// The bytes of a key and the name of their place, from `env:NAME` (a variable), `cmd:COMMAND`
/// (what a command of the shell prints) or the path of a file that nobody else may read.
///
/// # Errors
/// `NotFound` if there is no such file or variable, `Key` if others may read the file or the
/// command fails. A command is never repeated in an error: it may hold secrets.
pub(super) fn read(
    reference: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Zeroizing<Vec<u8>>, String)> {
    if let Some(name) = reference.strip_prefix("env:") {
        let text = env(name).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| Error::NotFound(format!("{name} is not set")))?;
        return Ok((Zeroizing::new(text.into_bytes()), name.to_owned()));
    }
    if let Some(command) = reference.strip_prefix("cmd:") {
        return Ok((run(command)?, "the key command".to_owned()));
    }
    Ok((read_private(Path::new(reference))?, reference.to_owned()))
}

/// What a command prints; what it says on standard error goes where ours goes.
pub(super) fn run(command: &str) -> Result<Zeroizing<Vec<u8>>> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let output = Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Error::Key(format!("the key command cannot be run: {e}")))?;
    let printed = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(printed);
    }
    Err(Error::Key(format!("the key command failed ({})", output.status)))
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
