//! The story: record, ask, verify, tamper, verify again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo::Generator;
use sealtrail_core::keys::{OwnerKey, Passphrase};
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{self, InitOptions, LoadOptions, OpenOptions, Settings, Trail};
use sealtrail_core::verify::{Options, Pinning, Report, Trust, Verdict};

use super::{generate, tamper};
use crate::commands::{sql, verify};
use crate::failure::Failure;
use crate::progress;
use crate::session::Session;
use crate::text::{bytes, count, grouped, seconds};

/// The exit code when a verdict is not the one that the story expects.
const EXIT_WRONG_VERDICT: u8 = 4;
/// Findings that are printed of each report.
const SHOWN_FINDINGS: usize = 3;

const QUESTIONS: [(&str, &str); 3] = [
    (
        "What happened, and how often was it refused?",
        "SELECT domain, count(*) AS events,
       count(*) FILTER (WHERE outcome = 'failure') AS failed,
       count(*) FILTER (WHERE outcome = 'denied') AS denied,
       min(timestamp) AS first, max(timestamp) AS last
FROM events GROUP BY domain ORDER BY events DESC",
    ),
    (
        "Which agents cost most, and who answers for them?",
        "SELECT agent_id, count(DISTINCT initiated_by) AS people, count(*) AS responses,
       sum(tokens_used) AS tokens, round(sum(cost_usd), 2) AS usd
FROM workflow_events WHERE event_type = 'workflow.resource_usage'
GROUP BY agent_id ORDER BY usd DESC LIMIT 5",
    ),
    (
        "Who looked at personal data last?",
        "SELECT timestamp, coalesce(user_id, user_context_initiated_by) AS on_behalf_of,
       agent_id, action, resource_path, outcome
FROM data_events WHERE resource_sensitivity_level IN ('pii', 'phi')
ORDER BY timestamp DESC LIMIT 5",
    ),
];

/// The folders of one demo.
struct Place {
    root: PathBuf,
    home: Home,
}

impl Place {
    fn trail(&self) -> PathBuf {
        self.root.join("audit")
    }

    fn copy(&self) -> PathBuf {
        self.root.join("tampered")
    }

    fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }
}

/// Tells the story; gives the exit code.
pub(super) fn tell(
    session: &mut Session<'_>,
    generator: Generator,
    events: u64,
    dir: Option<PathBuf>,
) -> Result<u8, Failure> {
    if events == 0 {
        return Err(Failure::usage("a story needs at least one event"));
    }
    let root = match dir {
        Some(dir) => empty_folder(&session.file(&dir))?,
        None => temporary_folder()?,
    };
    let home = Home::at(&root.join("home"));
    let place = Place { root, home };
    session.out.show_controls();

    heading(session, "1. A trail, and keys that stay outside of it")?;
    let trust = make(session, &place)?;
    heading(session, &format!("2. {} of five domains, recorded", count(events, "event")))?;
    let trail = record(session, &place, generator, events)?;
    heading(session, "3. Questions")?;
    for (question, statement) in QUESTIONS {
        ask(session, &trail, question, statement)?;
    }
    heading(session, "4. Is everything as it was recorded?")?;
    let sound = judge(session, &place.trail(), &trust)?;
    let found = tampering(session, &place, &trust)?;
    farewell(session, &place)?;
    let expected = sound.verdict == Verdict::Verified && found;
    Ok(if expected { 0 } else { EXIT_WRONG_VERDICT })
}

fn heading(session: &mut Session<'_>, text: &str) -> Result<(), Failure> {
    writeln!(session.out, "\n{text}\n")?;
    Ok(session.out.flush()?)
}

fn make(session: &mut Session<'_>, place: &Place) -> Result<Trust, Failure> {
    let url = place.trail().to_string_lossy().into_owned();
    let info = session.wait(trail::init(&url, &InitOptions::new(place.home.clone())))?;
    let owner = OwnerKey::load(&place.home.keys_dir, &info.trail_id, &Passphrase::default())?;
    let key = OwnerKey::vkey_path(&place.home.keys_dir, &info.trail_id);
    writeln!(session.out, "  trail       {url}")?;
    writeln!(session.out, "  public key  {}", key.display())?;
    let public = owner.public();
    Ok(Trust { secret: Some(Arc::new(owner)), ..Trust::owner(public) })
}

fn record(
    session: &mut Session<'_>,
    place: &Place,
    generator: Generator,
    events: u64,
) -> Result<Trail, Failure> {
    let path = place.events();
    let started = Instant::now();
    let size = generate::to_file(session, generator, events, &path)?;
    let (shown, took) = (bytes(size), seconds(started.elapsed()));
    writeln!(session.out, "  generated   {} ({shown}) in {took}", path.display())?;
    session.out.flush()?;

    let url = place.trail().to_string_lossy().into_owned();
    let settings = Settings::from_config(&Config::default(), &url);
    let options = OpenOptions::new(place.home.clone(), settings);
    let trail = session.wait(Trail::open(&url, options))?;
    let bar = progress::over_bytes(session.stderr_is_terminal, Some(size));
    let shown = bar.clone();
    let options = LoadOptions {
        progress: Some(Arc::new(move |progress| shown.set_position(progress.bytes))),
        cancel: session.cancel.flag(),
        last: true,
        ..LoadOptions::default()
    };
    let file = fs::File::open(&path).map_err(|error| Failure::io(&path, error))?;
    let started = Instant::now();
    let report = session.wait(trail.load(Box::new(file), &options))?;
    bar.finish_and_clear();
    session.wait(trail.close(true))?;
    let elapsed = started.elapsed();
    let rate = report.recorded as f64 / elapsed.as_secs_f64().max(1e-3);
    let (recorded, took) = (count(report.recorded, "event"), seconds(elapsed));
    writeln!(session.out, "  recorded    {recorded} in {took}, {} a second", grouped(rate as u64))?;
    if report.refused > 0 {
        writeln!(session.out, "  refused     {}", count(report.refused, "event"))?;
    }
    let stats = session.wait(trail.stats())?;
    let per_event = stats.bytes_per_event.unwrap_or_default();
    let (segments, size) = (count(stats.segments, "segment"), bytes(stats.bytes));
    writeln!(
        session.out,
        "  on disk     {segments}, {size} with ledger, {per_event:.0} bytes an event"
    )?;
    Ok(trail)
}

fn ask(
    session: &mut Session<'_>,
    trail: &Trail,
    question: &str,
    statement: &str,
) -> Result<(), Failure> {
    writeln!(session.out, "  {question}\n\n{statement}\n")?;
    let started = Instant::now();
    sql::print_table(session, trail, statement)?;
    writeln!(session.out, "({})\n", seconds(started.elapsed()))?;
    Ok(session.out.flush()?)
}

/// Verifies the trail in `folder`, and prints the verdict and the first findings.
fn judge(session: &mut Session<'_>, folder: &Path, trust: &Trust) -> Result<Report, Failure> {
    let storage = Storage::open(&folder.to_string_lossy())?;
    let (options, unpinned) = (Options::default(), Pinning::default());
    let (report, elapsed) = verify::check(session, &storage, trust.clone(), options, &unpinned)?;
    writeln!(
        session.out,
        "  {}  {} and {} recomputed in {}",
        report.verdict,
        count(report.checked.records, "record"),
        count(report.checked.entries, "ledger entry"),
        seconds(elapsed),
    )?;
    for finding in report.findings.iter().take(SHOWN_FINDINGS) {
        writeln!(session.out, "  finding: {finding}")?;
    }
    let more = report.findings.len().saturating_sub(SHOWN_FINDINGS);
    if more > 0 {
        writeln!(session.out, "  and {}", count(more as u64, "more finding"))?;
    }
    session.out.flush()?;
    Ok(report)
}

/// Tampers with a copy in two ways; gives whether each was found.
fn tampering(session: &mut Session<'_>, place: &Place, trust: &Trust) -> Result<bool, Failure> {
    heading(session, "5. An attacker edits a copy")?;
    let copy = place.copy();
    tamper::copy(&place.trail(), &copy)?;
    let mut found = true;
    for attack in [tamper::flip_a_bit, tamper::edit_an_entry] {
        let done = attack(&copy)?;
        writeln!(session.out, "  {done}")?;
        found &= judge(session, &copy, trust)?.verdict.exit_code() != 0;
        writeln!(session.out)?;
    }
    Ok(found)
}

fn farewell(session: &mut Session<'_>, place: &Place) -> Result<(), Failure> {
    let (root, home) = (place.root.display(), place.root.join("home"));
    writeln!(session.out, "Everything lies in {root}. To go on:\n")?;
    writeln!(session.out, "  export SEALTRAIL_HOME={}", home.display())?;
    writeln!(session.out, "  export SEALTRAIL_TRAIL={}", place.trail().display())?;
    writeln!(session.out, "  sealtrail stats")?;
    writeln!(session.out, "  sealtrail sql \"SELECT * FROM approvals LIMIT 5\"")?;
    writeln!(session.out, "  sealtrail verify-integrity --trail {}", place.copy().display())?;
    Ok(session.out.flush()?)
}

/// The folder that the user named, made if need be.
fn empty_folder(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::io(path, error);
    fs::create_dir_all(path).map_err(failed)?;
    if fs::read_dir(path).map_err(failed)?.next().is_some() {
        let message = format!("{}: not empty; name a new folder", path.display());
        return Err(Failure::usage(message));
    }
    fs::canonicalize(path).map_err(failed)
}

fn temporary_folder() -> Result<PathBuf, Failure> {
    let base = std::env::temp_dir();
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let path = base.join(format!("sealtrail-demo-{stamp}-{}", std::process::id()));
    fs::create_dir(&path).map_err(|error| Failure::io(&path, error))?;
    fs::canonicalize(&path).map_err(|error| Failure::io(&path, error))
}
