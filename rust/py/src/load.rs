//! `record_many`: many events at once, from whatever holds them.
//!
//! The load itself is a job on a thread of its own. Python objects are turned into text on the
//! calling thread, so that generators, cursors and files are used where they were made.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, TrySendError};
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyByteArray, PyBytes, PyIterator, PyMapping, PyString};
use sealtrail_core::Error;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{LoadOptions, LoadProgress, LoadReport, Trail};

use crate::arrow_in::ArrowEvents;
use crate::bridge;
use crate::errors::Raise;
use crate::lines::Lines;
use crate::progress::{self, Latest, Teller};

type Sender = mpsc::SyncSender<Vec<u8>>;

/// Text that is handed to the load at a time.
const PIECE: usize = 1 << 20;
/// Pieces that wait for the load.
const PIECES: usize = 4;
/// How long to wait for the load to take one.
const PAUSE: Duration = Duration::from_millis(2);

/// Where events come from.
enum Source<'py> {
    /// JSON lines, perhaps compressed, that need no Python, and what errors call them.
    Text(Box<dyn Read + Send>, String),
    /// An object with `read`.
    File(Bound<'py, PyAny>),
    /// Mappings.
    Events(Bound<'py, PyIterator>),
    /// Rows.
    Arrow(ArrowEvents),
}

impl<'py> Source<'py> {
    fn of(source: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = source.py();
        if source.hasattr("__arrow_c_stream__")? {
            return ArrowEvents::open(source).map(Self::Arrow);
        }
        if source.is_instance_of::<PyBytes>() || source.is_instance_of::<PyByteArray>() {
            let bytes: PyBackedBytes = source.extract()?;
            return Ok(Self::Text(Box::new(Cursor::new(bytes)), String::new()));
        }
        if source.is_instance_of::<PyString>() {
            let text: PyBackedStr = source.extract()?;
            return Ok(Self::Text(Box::new(Cursor::new(text)), String::new()));
        }
        if source.hasattr("__fspath__")? {
            let path: PathBuf = source.extract()?;
            let file = py.detach(|| File::open(&path));
            let file = file.map_err(|error| Error::io(&path, error).raise(py))?;
            return Ok(Self::Text(Box::new(file), path.display().to_string()));
        }
        if source.hasattr("read")? {
            return Ok(Self::File(source.clone()));
        }
        if source.cast::<PyMapping>().is_ok() {
            let message = "this is one event: record() takes it, or give a list of events";
            return Err(PyTypeError::new_err(message));
        }
        match source.try_iter() {
            Ok(events) => Ok(Self::Events(events)),
            Err(_) => Err(PyTypeError::new_err(format!(
                "events come from an iterable of mappings, JSON lines (bytes, str, a path, a \
                 binary file) or Arrow data, not from {}",
                source.get_type().name()?
            ))),
        }
    }
}

/// Records all events of `source`.
pub(crate) fn load(
    trail: &Trail,
    source: &Bound<'_, PyAny>,
    strictness: Strictness,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<LoadReport> {
    let py = source.py();
    let source = Source::of(source)?;
    let cancel = Arc::new(AtomicBool::new(false));
    let mut name = String::new();
    let (input, source): (Box<dyn Read + Send>, _) = match source {
        Source::Text(text, path) => {
            name = path;
            (text, None)
        }
        other => {
            let (sender, receiver) = mpsc::sync_channel(PIECES);
            let cancel = Arc::clone(&cancel);
            let feed = Feed { receiver, current: Cursor::default(), cancel };
            (Box::new(feed), Some((other, sender)))
        }
    };
    let latest = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), progress, |progress: LoadProgress| {
        vec![progress.bytes, progress.lines, progress.committed]
    });
    let said = Arc::clone(&latest);
    let options = LoadOptions {
        imported: false,
        name,
        strictness,
        progress: Some(Arc::new(move |progress| progress::set(&said, progress))),
        cancel: Arc::clone(&cancel),
        last: false,
    };
    let trail = trail.clone();
    let job = bridge::start(move || async move { trail.load(input, &options).await })?;
    let mut lines = Lines::default();
    let fed = match source {
        Some((source, sender)) => feed(py, source, sender, &cancel, &mut lines, &mut teller),
        None => Ok(()),
    };
    let result = match fed {
        Ok(()) => job.wait(py, &cancel, |_| teller.tell()),
        Err(error) => {
            let _ = job.wait(py, &cancel, |_| Ok(()));
            Err(error)
        }
    };
    let mut report = result.map_err(|error| noted(py, error, progress::latest(&latest)))?;
    lines.add_to(&mut report);
    teller.tell_now()?;
    Ok(report)
}

/// The error with a word about what was kept.
fn noted(py: Python<'_>, error: PyErr, progress: LoadProgress) -> PyErr {
    if progress.committed > 0 {
        let note = format!("{} events were committed before", progress.committed);
        // The error counts even where it takes no notes.
        let _ = error.add_note(py, note);
    }
    error
}

/// Hands everything of a source to the load. Ends early if the load does.
fn feed(
    py: Python<'_>,
    source: Source<'_>,
    sender: Sender,
    cancel: &AtomicBool,
    lines: &mut Lines,
    teller: &mut Teller<'_, '_, LoadProgress>,
) -> PyResult<()> {
    let mut send = |mut piece: Vec<u8>| -> PyResult<bool> {
        loop {
            teller.tell()?;
            piece = match sender.try_send(piece) {
                Ok(()) => return Ok(true),
                Err(TrySendError::Disconnected(_)) => return Ok(false),
                Err(TrySendError::Full(piece)) => piece,
            };
            bridge::wait(py, pause())?;
        }
    };
    let result = match source {
        Source::Text(..) => Ok(()),
        Source::File(file) => feed_file(&file, &mut send),
        Source::Events(events) => feed_events(events, lines, &mut send),
        Source::Arrow(rows) => feed_rows(py, rows, lines, &mut send),
    };
    if result.is_err() {
        // Before the sender goes, which would look like the end of the events.
        cancel.store(true, Ordering::Relaxed);
    }
    result
}

async fn pause() -> Result<(), Error> {
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

fn feed_file(
    file: &Bound<'_, PyAny>,
    send: &mut impl FnMut(Vec<u8>) -> PyResult<bool>,
) -> PyResult<()> {
    loop {
        let piece = file.call_method1("read", (PIECE,))?;
        let piece = match piece.cast::<PyString>() {
            Ok(text) => text.to_str()?.as_bytes().to_vec(),
            Err(_) => piece.extract::<PyBackedBytes>()?.to_vec(),
        };
        if piece.is_empty() || !send(piece)? {
            return Ok(());
        }
    }
}

fn feed_events(
    events: Bound<'_, PyIterator>,
    lines: &mut Lines,
    send: &mut impl FnMut(Vec<u8>) -> PyResult<bool>,
) -> PyResult<()> {
    for event in events {
        lines.push(&event?)?;
        if lines.len() >= PIECE && !send(lines.take())? {
            return Ok(());
        }
    }
    send(lines.take()).map(drop)
}

fn feed_rows(
    py: Python<'_>,
    mut rows: ArrowEvents,
    lines: &mut Lines,
    send: &mut impl FnMut(Vec<u8>) -> PyResult<bool>,
) -> PyResult<()> {
    while let Some(batch) = rows.next_batch(py)? {
        let mut encoder = rows.encoder(&batch)?;
        for row in 0..batch.num_rows() {
            lines.push_with(|out| encoder.row(row, out))?;
            if lines.len() >= PIECE && !send(lines.take())? {
                return Ok(());
            }
        }
    }
    send(lines.take()).map(drop)
}

/// The load's end of the channel.
struct Feed {
    receiver: mpsc::Receiver<Vec<u8>>,
    current: Cursor<Vec<u8>>,
    cancel: Arc<AtomicBool>,
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let length = self.current.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.receiver.recv() {
                Ok(piece) => self.current = Cursor::new(piece),
                // An end that was not reached is no end.
                Err(_) if self.cancel.load(Ordering::Relaxed) => {
                    return Err(std::io::Error::other("interrupted"));
                }
                Err(_) => return Ok(0),
            }
        }
    }
}
