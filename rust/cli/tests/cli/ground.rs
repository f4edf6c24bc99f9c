//! A folder of its own for each test, and the program run in it.

use std::ffi::OsString;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use sealtrail_cli::{Cancel, Context, run_with};
use serde_json::Value;
use tempfile::TempDir;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// Standard output as one JSON value a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Demands an exit code, and gives the outcome back.
    #[track_caller]
    pub(crate) fn exits(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// A working folder with a home for keys and state inside.
pub(crate) struct Ground {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    pub(crate) terminal: bool,
    pub(crate) cancel: Cancel,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home").to_str().unwrap().to_owned();
        // Tests that count records count their own; those of `access` have the default.
        let off = "off".to_owned();
        let variables = vec![("SEALTRAIL_HOME", home), ("SEALTRAIL_ACCESS_AUDIT", off)];
        Self { folder, variables, terminal: false, cancel: Cancel::default() }
    }

    /// With a trail at `./audit`.
    pub(crate) fn with_trail() -> Self {
        let ground = Self::new();
        ground.run(&["init"]).exits(0);
        ground
    }

    /// With a trail of these events.
    pub(crate) fn with_events(events: &[Value]) -> Self {
        let ground = Self::with_trail();
        ground.feed(&["record", "-"], jsonl(events).as_bytes()).exits(0);
        ground
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// All files below a folder, sorted.
    pub(crate) fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.path(name), &mut files);
        files.sort();
        files
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.feed(arguments, b"")
    }

    /// Runs the program with this standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = self.run_into(arguments, input, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code, out: text(out), err: text(err) }
    }

    /// Runs the program with these streams.
    pub(crate) fn run_into(
        &self,
        arguments: &[&str],
        input: &[u8],
        out: impl Write + Send,
        err: impl Write + Send,
    ) -> u8 {
        let variables = &self.variables;
        let env = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let context = Context {
            stdout: Box::new(out),
            stderr: Box::new(err),
            stdin: Box::new(Cursor::new(input.to_vec())),
            env: &env,
            cwd: self.folder.path().to_owned(),
            stdout_is_terminal: self.terminal,
            stderr_is_terminal: false,
            cancel: self.cancel.clone(),
        };
        let arguments = ["sealtrail"].iter().chain(arguments).map(OsString::from);
        run_with(arguments, context)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Events as JSON lines.
pub(crate) fn jsonl(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// A login of `user`, at the given minute of an hour.
pub(crate) fn login(user: &str, minute: u32) -> Value {
    serde_json::json!({
        "event_type": "auth.user_login",
        "timestamp": format!("2026-03-01T10:{minute:02}:00.000Z"),
        "user_id": user,
        "source_ip": "198.51.100.7",
        "status": "success",
        "audit_id": format!("login-{user}-{minute}"),
    })
}
