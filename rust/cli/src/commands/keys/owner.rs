//! The owner's key: made, locked, unlocked, shown to whoever verifies.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::keys::OwnerKey;
use sealtrail_core::storage::durable::{self, Access, Create};
use sealtrail_core::trail::Trail;

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Example, where the machine that makes the trail is not to keep the owner's key:
  sealtrail keys init --passphrase -o owner.json     (on a machine of the owner's)
  sealtrail init --owner-key owner.json              (with the file at hand)
  sealtrail keys authorize-writer -o writer.key      (with SEALTRAIL_OWNER_KEY_COMMAND='cat owner.json')";

/// An owner's key of its own.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Make {
    /// File for the key
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Lock it by a passphrase: SEALTRAIL_PASSPHRASE, or asked for on the terminal
    #[arg(long)]
    passphrase: bool,
}

impl Make {
    pub(super) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let passphrase = self.passphrase.then(|| session.new_passphrase()).transpose()?;
        let key = OwnerKey::for_new_trail()?;
        let file = session.file(&self.output);
        let content = key.to_file(passphrase.as_deref().map(String::as_str))?;
        if durable::create_new_with(&file, &content, Access::Private)? == Create::Exists {
            return Err(Error::AlreadyExists(format!("{} exists", file.display())).into());
        }
        writeln!(session.out, "{}", key.trail_id())?;
        session.out.flush()?;
        session.note(format_args!(
            "{} is the owner's key of a trail to be: `sealtrail init --owner-key {}` makes it.",
            file.display(),
            self.output.display()
        ));
        Ok(0)
    }
}

/// The trail, and the owner's key in the keys folder.
fn in_folder(session: &mut Session<'_>) -> Result<(Trail, OwnerKey), Failure> {
    let trail = session.open()?;
    let keys_dir = session.home()?.keys_dir;
    let key = OwnerKey::load(&keys_dir, &trail.info().trail_id, &session.passphrase())?;
    Ok((trail, key))
}

pub(super) fn lock(session: &mut Session<'_>) -> Result<u8, Failure> {
    let (_, key) = in_folder(session)?;
    let passphrase = session.new_passphrase()?;
    key.relock(&session.home()?.keys_dir, Some(&passphrase))?;
    session.note("The owner's key is locked. What was stored before may still be on the disk.");
    Ok(0)
}

pub(super) fn unlock(session: &mut Session<'_>) -> Result<u8, Failure> {
    let (_, key) = in_folder(session)?;
    key.relock(&session.home()?.keys_dir, None)?;
    session.note("The owner's key is not locked any more.");
    Ok(0)
}

/// The public key as this host knows it: from the owner's key or beside it, else as entry 0 claims.
pub(super) fn export_public(
    session: &mut Session<'_>,
    output: Option<&Path>,
) -> Result<u8, Failure> {
    let trail = session.open()?;
    let vkey = session.wait(async { trail.owner_public().await })?;
    match output {
        Some(output) => {
            let file = session.file(output);
            durable::replace(&file, format!("{vkey}\n").as_bytes(), Access::Default)?;
        }
        None => writeln!(session.out, "{vkey}")?,
    }
    let known = OwnerKey::vkey_path(&session.home()?.keys_dir, &trail.info().trail_id);
    if !std::fs::read_to_string(known).is_ok_and(|known| known.trim_end() == vkey) {
        session.note("warning: this is what the trail says of itself; compare it with the owner's");
    }
    Ok(0)
}
