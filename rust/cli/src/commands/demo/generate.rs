//! Generated events as JSON lines.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use sealtrail_core::Error;
use sealtrail_core::demo::Generator;

use crate::failure::Failure;
use crate::progress;
use crate::session::Session;

/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;

/// Prints all events, or writes them to a file.
pub(super) fn print(
    session: &mut Session<'_>,
    generator: Generator,
    events: u64,
    path: &Path,
) -> Result<(), Failure> {
    if path == Path::new("-") {
        let cancel = session.cancel.clone();
        return write(generator, |piece| {
            session.out.write_all(piece)?;
            if cancel.is_cancelled() { Err(Error::Interrupted.into()) } else { Ok(()) }
        });
    }
    let bytes = to_file(session, generator, events, &session.file(path))?;
    session.note(format_args!("{events} events, {bytes} bytes"));
    Ok(())
}

/// Writes all events to a file; gives its size in bytes.
pub(super) fn to_file(
    session: &Session<'_>,
    generator: Generator,
    events: u64,
    path: &Path,
) -> Result<u64, Failure> {
    let failed = |error: io::Error| Failure::io(path, error);
    let mut file = File::create(path).map_err(failed)?;
    let bar = progress::over_items(session.stderr_is_terminal, events, "events");
    let mut bytes = 0;
    write(generator, |piece| {
        file.write_all(piece).map_err(failed)?;
        bytes += piece.len() as u64;
        bar.inc(piece.iter().filter(|byte| **byte == b'\n').count() as u64);
        if session.cancel.is_cancelled() { Err(Error::Interrupted.into()) } else { Ok(()) }
    })?;
    bar.finish_and_clear();
    Ok(bytes)
}

fn write(
    mut generator: Generator,
    mut put: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut piece = Vec::with_capacity(PIECE + 4096);
    while generator.write_line(&mut piece) {
        if piece.len() >= PIECE {
            put(&piece)?;
            piece.clear();
        }
    }
    put(&piece)
}
