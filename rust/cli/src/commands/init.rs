//! `sealtrail init`: makes a trail and its keys.

use std::io::Write;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use sealtrail_core::config::Partitioning;
use sealtrail_core::keys::OwnerKey;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{self, InitOptions};

use crate::failure::Failure;
use crate::session::Session;
use crate::text::aligned;

const AFTER_HELP: &str = "\
Examples:
  sealtrail init
  sealtrail init ./audit --partition-by day
  sealtrail init s3://bucket/audit --origin example.com/audit

The keys go to SEALTRAIL_HOME (or the XDG data folder), never into the trail. Whoever verifies the
trail needs the public key that is printed; keep a copy of it away from this machine.";

/// Make a trail and the keys of its owner
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Init {
    /// Folder or URL of the new trail; otherwise as for --trail
    #[arg(value_name = "TRAIL", conflicts_with = "trail")]
    place: Option<String>,
    /// Time step of the partitions; day is for millions of events a day.
    /// Otherwise audit.trail.partitioning of the configuration
    #[arg(long, value_name = "STEP", verbatim_doc_comment)]
    partition_by: Option<Step>,
    /// Name of the trail's log in checkpoints, such as example.com/audit.
    /// Otherwise sealtrail/<trail id>
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    origin: Option<String>,
    /// The owner's key that `sealtrail keys init` made: a file, env:NAME (a
    /// variable that holds it) or cmd:COMMAND (which prints it). It stays where
    /// it is. Otherwise a new one is made
    #[arg(long, value_name = "KEY", verbatim_doc_comment)]
    owner_key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    Month,
    Day,
}

impl Init {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let url = match self.place {
            Some(place) => session.placed(&place),
            None => session.trail_url()?,
        };
        let home = session.home()?;
        let by_day = match self.partition_by {
            Some(step) => matches!(step, Step::Day),
            None => session.config()?.config.trail.partitioning == Partitioning::Day,
        };
        let given = self.owner_key.map(|key| session.owner_key(&key)).transpose()?;
        let is_new = given.is_none();
        let options = InitOptions {
            by_day,
            origin: self.origin,
            owner: given.map(Arc::new),
            passphrase: session.passphrase(),
            ..InitOptions::new(home.clone())
        };
        let info = session.wait(trail::init(&url, &options))?;
        let owner = OwnerKey::path(&home.keys_dir, &info.trail_id);
        let public = OwnerKey::vkey_path(&home.keys_dir, &info.trail_id);
        let vkey = std::fs::read_to_string(&public).map_err(|e| Failure::io(&public, e))?;
        let storage = Storage::open(&url)?;
        let (owner, public) = (owner.display().to_string(), public.display().to_string());
        let mut rows = vec![
            ["trail", storage.url()],
            ["trail id", &info.trail_id],
            ["partitioned by", &info.partitioning],
        ];
        rows.extend(is_new.then_some(["owner key", owner.as_str()]));
        rows.extend([["public key", public.as_str()], ["", vkey.trim_end()]]);
        let rows: Vec<_> = rows.into_iter().map(|row| row.map(str::to_owned)).collect();
        session.out.write_all(aligned("", &rows).as_bytes())?;
        session.out.flush()?;
        session.note("Back up the owner key: without it nobody can authorise another writer.");
        session.note("Give the public key to whoever is to verify the trail.");
        Ok(0)
    }
}
