//! `sealtrail keys`: the owner's key, and the writers that it lets sign.

mod encryption;
mod owner;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealtrail_core::Error;
use sealtrail_core::keys::WriterGrant;
use sealtrail_core::storage::durable::{self, Access, Create};
use sealtrail_core::trail::WriterInfo;
use serde_json::json;

use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail keys list
  sealtrail keys authorize-writer -o writer.key      (where the owner's key is)
  sealtrail keys install writer.key                  (on the writer's host)
  sealtrail keys revoke w-0123456789abcdef --reason \"host lost\"
  sealtrail keys rotate
  sealtrail keys status                              (encryption at rest)
  sealtrail keys rotate --encryption
  sealtrail keys rotate --rewrap file:/etc/sealtrail/master-2027.key
  sealtrail keys export-public -o owner.vkey

The owner's key is looked for in SEALTRAIL_OWNER_KEY (its content), SEALTRAIL_OWNER_KEY_COMMAND (a
command that prints it) and the keys folder. SEALTRAIL_PASSPHRASE opens a locked one.";

/// Show, make, replace, revoke keys
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the owner's key and all writers
    List {
        /// Otherwise table on a terminal, json elsewhere
        #[arg(short, long, value_name = "FORMAT")]
        output: Option<ReportFormat>,
    },
    /// Make an owner's key for a trail that is made later, perhaps elsewhere
    Init(owner::Make),
    /// Put a passphrase on the owner's key in the keys folder, or another one
    Lock,
    /// Take the passphrase off the owner's key in the keys folder
    Unlock,
    /// Print the owner's public key, which verifies the trail
    ExportPublic {
        /// Otherwise standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Authorise a writer for a host that does not have the owner's key
    AuthorizeWriter {
        /// File for the new writer's secret keys: bring it to its host, where
        /// `sealtrail keys install` takes it over
        #[arg(short, long, value_name = "FILE", verbatim_doc_comment)]
        output: PathBuf,
    },
    /// Take over a writer's keys on its host, and remove the file
    Install {
        /// The file that `sealtrail keys authorize-writer` made
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// End a writer's right to sign; what it committed before stays
    Revoke {
        /// Its id, such as w-0123456789abcdef
        #[arg(value_name = "WRITER")]
        writer: String,
        /// Why; it stands in the ledger for good
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show the keyring of encryption at rest: generations, master keys, what is under each
    Status {
        /// Otherwise table on a terminal, json elsewhere
        #[arg(short, long, value_name = "FORMAT")]
        output: Option<ReportFormat>,
    },
    /// Give this host's writer new keys, or the keyring a new generation or master key
    Rotate {
        /// Make the next generation of the keyring: new segments are encrypted under it, old ones
        /// stay readable
        #[arg(long)]
        encryption: bool,
        /// Wrap all generations under another master key as well, such as file:NEW.key; no file
        /// is written anew
        #[arg(long, value_name = "KEY")]
        rewrap: Option<String>,
    },
}

impl Keys {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        match self.action {
            Action::List { output } => list(session, output),
            Action::Init(make) => make.run(session),
            Action::Lock => owner::lock(session),
            Action::Unlock => owner::unlock(session),
            Action::ExportPublic { output } => owner::export_public(session, output.as_deref()),
            Action::AuthorizeWriter { output } => authorize(session, &output),
            Action::Install { file } => install(session, &file),
            Action::Revoke { writer, reason } => {
                let trail = session.open()?;
                let entry = session.wait(trail.revoke_writer(&writer, &reason))?;
                session.note(format_args!("{writer} is revoked by ledger entry {entry}."));
                Ok(0)
            }
            Action::Status { output } => encryption::status(session, output),
            Action::Rotate { encryption: false, rewrap: None } => rotate(session),
            Action::Rotate { encryption, rewrap } => {
                encryption::rotate(session, encryption, rewrap.as_deref())
            }
        }
    }
}

fn list(session: &mut Session<'_>, output: Option<ReportFormat>) -> Result<u8, Failure> {
    let trail = session.open()?;
    let writers = session.wait(trail.writers())?;
    let owner = session.wait(async { trail.owner_public().await })?;
    let keyring = session.wait(trail.keys_status())?;
    if session.report_format(output) == ReportFormat::Json {
        let writers: Vec<_> = writers.iter().map(writer_json).collect();
        let mut value =
            json!({"owner": owner, "trail_id": trail.info().trail_id, "writers": writers});
        if !keyring.generations.is_empty() {
            value["keyring"] = keyring.to_json();
        }
        let text = serde_json::to_string_pretty(&value).map_err(|e| Error::encoding("keys", e))?;
        writeln!(session.out, "{text}")?;
        return Ok(0);
    }
    writeln!(session.out, "owner  {owner}\n")?;
    let heading = ["writer", "key", "authorised", "revoked", "records", "last record", "here"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(writers.iter().map(|writer| {
        let revoked = writer.revoked.map_or_else(|| "-".to_owned(), |n| format!("entry {n}"));
        [
            writer.id.clone(),
            writer.key.clone(),
            format!("entry {}", writer.authorized),
            revoked,
            grouped(writer.committed),
            writer.last_record().unwrap_or_else(|| "-".to_owned()),
            if writer.here { "yes" } else { "-" }.to_owned(),
        ]
    }));
    session.out.write_all(aligned("", &rows).as_bytes())?;
    if !keyring.generations.is_empty() {
        write!(session.out, "\n{}", encryption::table(&keyring))?;
    }
    Ok(0)
}

fn writer_json(writer: &WriterInfo) -> serde_json::Value {
    json!({
        "authorized": writer.authorized,
        "here": writer.here,
        "key": writer.key,
        "last_record": writer.last_record(),
        "records": writer.committed,
        "revoked": writer.revoked,
        "writer": writer.id,
    })
}

fn authorize(session: &mut Session<'_>, output: &Path) -> Result<u8, Failure> {
    let trail = session.open()?;
    let file = session.file(output);
    let keep = |content: &[u8]| match durable::create_new_with(&file, content, Access::Private)? {
        Create::Created => Ok(()),
        Create::Exists => Err(Error::AlreadyExists(format!("{} exists", file.display()))),
    };
    let id = session.wait(trail.authorize_writer(keep))?;
    writeln!(session.out, "{id}")?;
    session.out.flush()?;
    session.note(format_args!(
        "{} holds secret keys: bring it to the writer's host, and run",
        file.display()
    ));
    session.note("`sealtrail keys install` there, which removes it; keep no copy.");
    Ok(0)
}

fn install(session: &mut Session<'_>, file: &Path) -> Result<u8, Failure> {
    let file = session.file(file);
    let grant = WriterGrant::load(&file)?;
    let trail = session.open()?;
    let id = session.wait(trail.install_writer(&grant))?;
    durable::remove(&file)?;
    writeln!(session.out, "{id}")?;
    session.out.flush()?;
    session.note(format_args!("Writer {id} is ready; {} is removed.", file.display()));
    Ok(0)
}

fn rotate(session: &mut Session<'_>) -> Result<u8, Failure> {
    let trail = session.open()?;
    let rotation = session.wait(trail.rotate_writer())?;
    writeln!(session.out, "{}", rotation.new)?;
    session.out.flush()?;
    session.note(format_args!(
        "{} signs in place of {}, by ledger entry {}.",
        rotation.new, rotation.old, rotation.entry
    ));
    Ok(0)
}
