//! The keyring: generations, and the master key that wraps them.

use std::io::Write;

use sealtrail_core::Error;
use sealtrail_core::keys::MasterKey;
use sealtrail_core::trail::{KeysStatus, Trail};

use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, bytes, count, grouped};

/// `sealtrail keys status`.
pub(super) fn status(
    session: &mut Session<'_>,
    output: Option<ReportFormat>,
) -> Result<u8, Failure> {
    let trail = session.open()?;
    let status = session.wait(trail.keys_status())?;
    if session.report_format(output) == ReportFormat::Json {
        let text = serde_json::to_string_pretty(&status.to_json());
        writeln!(session.out, "{}", text.map_err(|e| Error::encoding("keys", e))?)?;
        return Ok(0);
    }
    session.out.write_all(table(&status).as_bytes())?;
    Ok(0)
}

/// What of the keyring is worth a list, for people; empty where a trail has none.
pub(super) fn table(status: &KeysStatus) -> String {
    let mut out = String::new();
    match &status.master {
        Ok(name) => out.push_str(&format!("master key  {name}\n")),
        Err(why) => out.push_str(&format!("master key  not at hand: {why}\n")),
    }
    let heading = ["generation", "made", "master keys", "segments", "bytes"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(status.generations.iter().map(|generation| {
        let info = &generation.info;
        [
            info.name.clone(),
            info.made_text(),
            info.master_keys.join(" "),
            grouped(generation.segments),
            bytes(generation.bytes),
        ]
    }));
    if !status.generations.is_empty() {
        out.push_str(&format!("\n{}", aligned("", &rows)));
    }
    let (segments, size) = status.plain;
    out.push_str(&format!("\n{} in the clear ({})\n", count(segments, "segment"), bytes(size)));
    if status.due {
        out.push_str(
            "the next generation is due: `sealtrail maintain`, or the next writer, makes it\n",
        );
    }
    for name in &status.lost {
        out.push_str(&format!("generation {name} is needed and is not in the keyring\n"));
    }
    out
}

/// `sealtrail keys rotate --encryption` and `--rewrap`.
pub(super) fn rotate(
    session: &mut Session<'_>,
    encryption: bool,
    rewrap: Option<&str>,
) -> Result<u8, Failure> {
    let trail = session.open()?;
    if let Some(reference) = rewrap {
        rewrap_under(session, &trail, reference)?;
    }
    if encryption {
        let name = session.wait(trail.rotate_key())?;
        session.note(format_args!("New segments are encrypted under the generation {name}."));
    }
    Ok(0)
}

fn rewrap_under(session: &mut Session<'_>, trail: &Trail, reference: &str) -> Result<(), Failure> {
    let master = MasterKey::open_with(reference, &|name| session.env(name))?;
    let names = session.wait(trail.rewrap_keys(&master))?;
    let wrapped = count(names.len() as u64, "generation");
    session.note(format_args!(
        "{wrapped} wrapped under the master key {} as well; no file was written anew. Say so in \
         `encryption.key`. Who has the old master key still opens what it opened.",
        master.name()
    ));
    Ok(())
}
