//! `sealtrail anchor`: where copies of the trail's checkpoints are kept.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealtrail_core::Error;
use sealtrail_core::anchors::{Anchor as Place, AnchorKind, Anchors, stamp};
use sealtrail_core::trail::Trail;
use serde_json::json;

use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::aligned;

const AFTER_HELP: &str = "\
Examples:
  sealtrail anchor add s3://other-account/anchors
  sealtrail anchor add ../infra/audit-checkpoint.txt --file
  sealtrail anchor add https://notary.example.com/checkpoints
  sealtrail anchor list
  sealtrail anchor stamp note.txt --tsa http://timestamp.example.com
  sealtrail verify-integrity --anchors

Each commit of this host sends a signed checkpoint to every anchor, in the background: a commit never
fails for an anchor, `anchor list` tells how it went, and the next commit tries again. Entries by
the owner that take something away are sent before they take effect. `verify-integrity --anchors`
demands that the ledger extends every checkpoint there. The list is kept in SEALTRAIL_HOME, for each
host its own.";

/// Keep copies of the trail's checkpoints in other places
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Anchor {
    #[command(subcommand)]
    action: Action,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<ReportFormat>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send checkpoints there from now on, beginning with the newest
    Add {
        /// A folder, the URL of an object store, or an http(s) URL
        #[arg(value_name = "URL")]
        target: String,
        /// It is one local file, which always holds the newest checkpoint
        #[arg(long)]
        file: bool,
    },
    /// Print the anchors, and how sending to them went last
    List,
    /// Have a time-stamp authority (RFC 3161) say when the ledger was that long
    #[command(after_help = STAMP_HELP)]
    Stamp(Stamp),
    /// Send nothing more there
    Remove {
        /// As it was added, or as `anchor list` prints it
        #[arg(value_name = "URL")]
        target: String,
    },
}

const STAMP_HELP: &str = "\
Examples:
  sealtrail anchor stamp note.txt --tsa http://timestamp.example.com
  sealtrail anchor stamp note.txt --request note.tsq
  sealtrail anchor stamp note.txt --response note.tsr

NOTE gets the newest published checkpoint, unless it is there already. With --tsa the response goes
to NOTE.tsr. With --request and --response somebody else takes the request to an authority. Keep
note and response; anybody checks them with
  openssl ts -verify -data note.txt -in note.tsr -CAfile authorities.pem
A response is only accepted if it grants a stamp for this note; its signature is for that command.";

#[derive(Debug, Args)]
struct Stamp {
    /// File of the checkpoint
    #[arg(value_name = "NOTE")]
    note: PathBuf,
    /// Ask this authority
    #[arg(long, value_name = "URL", group = "how")]
    tsa: Option<String>,
    /// Write the request to this file
    #[arg(long, value_name = "FILE", group = "how")]
    request: Option<PathBuf>,
    /// Check the response in this file
    #[arg(long, value_name = "FILE", group = "how")]
    response: Option<PathBuf>,
}

impl Stamp {
    fn run(self, session: &mut Session<'_>, trail: &Trail) -> Result<u8, Failure> {
        let path = session.file(&self.note);
        let there = match std::fs::read_to_string(&path) {
            Ok(note) => Some(note),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::io(path, error)),
        };
        let note = match there {
            Some(note) => note,
            None => {
                let published = session.wait(trail.published_checkpoint())?;
                let none = || Error::NotFound("no checkpoint was published yet".to_owned());
                let (_, note) = published.ok_or_else(none)?;
                write(&path, note.as_bytes())?;
                note
            }
        };
        let checkpoint = session.wait(trail.demand_ours(&note))?;
        if let Some(request) = self.request {
            write(&session.file(&request), &stamp::request(&note))?;
        } else if let Some(response) = self.response {
            let response = session.file(&response);
            let bytes = std::fs::read(&response).map_err(|error| Failure::io(response, error))?;
            stamp::demand_granted(&bytes, &note)?;
            session.note(format_args!("stamped: {} entries", checkpoint.size));
        } else if let Some(tsa) = self.tsa {
            let bytes = session.wait(stamp::ask(&tsa, &note))?;
            let mut response = path.into_os_string();
            response.push(".tsr");
            write(&PathBuf::from(response), &bytes)?;
            session.note(format_args!("stamped: {} entries", checkpoint.size));
        } else {
            return Err(Failure::usage("one of --tsa, --request and --response is needed"));
        }
        Ok(0)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::io(path, error))
}

impl Anchor {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let anchors = trail.anchors();
        match self.action {
            Action::Add { target, file } => {
                let target = session.placed(&target);
                let added = anchors.add(&trail.info().origin, &target, file)?;
                match session.wait(trail.publish_newest(&added))? {
                    Some(size) => session
                        .note(format_args!("{} holds the checkpoint of {size} entries", added.url)),
                    None => session
                        .note(format_args!("{} gets a checkpoint with the next commit", added.url)),
                }
            }
            Action::List => {}
            Action::Stamp(stamp) => return stamp.run(session, &trail),
            Action::Remove { target } => {
                // As it was typed, or relative to the working folder.
                let placed = session.placed(&target);
                anchors.remove(&target).or_else(|_| anchors.remove(&placed))?;
            }
        }
        print(session, &trail, &anchors, self.output)?;
        Ok(0)
    }
}

fn print(
    session: &mut Session<'_>,
    trail: &Trail,
    anchors: &Anchors,
    output: Option<ReportFormat>,
) -> Result<(), Failure> {
    let (list, states) = (anchors.list()?, trail.anchor_states()?);
    if session.report_format(output) == ReportFormat::Json {
        let rows: Vec<_> = list
            .iter()
            .map(|anchor| {
                let state = states.get(&anchor.url).cloned().unwrap_or_default();
                json!({
                    "url": anchor.url, "kind": anchor.kind, "published": state.published,
                    "time": Some(state.time).filter(|time| !time.is_empty()),
                    "error": state.error,
                })
            })
            .collect();
        let text = serde_json::to_string_pretty(&rows)
            .map_err(|error| Error::encoding("anchors", error))?;
        writeln!(session.out, "{text}")?;
        return Ok(());
    }
    let mut rows = vec![["anchor", "kind", "entries", "last sent", "problem"].map(str::to_owned)];
    rows.extend(list.iter().map(|Place { kind, url }| {
        let state = states.get(url).cloned().unwrap_or_default();
        let kind = match kind {
            AnchorKind::Folder => "folder",
            AnchorKind::File => "file",
            AnchorKind::Http => "http",
        };
        [
            url.clone(),
            kind.to_owned(),
            state.published.map_or_else(|| "-".to_owned(), |size| size.to_string()),
            if state.time.is_empty() { "-".to_owned() } else { state.time },
            state.error.unwrap_or_default(),
        ]
    }));
    session.out.write_all(aligned("", &rows).as_bytes())?;
    Ok(())
}
