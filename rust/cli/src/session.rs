//! What every command needs: the configuration, the trail, the streams.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_core::Error;
use sealtrail_core::access::Access;
use sealtrail_core::config::{self, Home, Loaded};
use sealtrail_core::encryption::MasterSource;
use sealtrail_core::keys::{OwnerKey, PASSPHRASE_VARIABLE, Passphrase, PrivacySource};
use sealtrail_core::trail::{OpenOptions, Settings, Trail};
use sealtrail_query::{Engine, EngineOptions};
use zeroize::Zeroizing;

use crate::args::Global;
use crate::failure::Failure;
use crate::jobs::Current;
use crate::output::{ReportFormat, Stream};
use crate::{Cancel, Context, tell};

/// One run of the program.
pub(crate) struct Session<'a> {
    pub(crate) out: Stream<'a>,
    pub(crate) err: Stream<'a>,
    pub(crate) stdin: Option<Box<dyn std::io::Read + Send>>,
    pub(crate) cwd: PathBuf,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    pub(crate) cancel: Cancel,
    pub(crate) global: Global,
    /// Questions whose outcome is not recorded yet.
    pub(crate) asked: Vec<Access>,
    /// The arguments, without the program's name.
    pub(crate) args: Vec<OsString>,
    /// Bytes that questions may hold for sorting and grouping, if the user said.
    pub(crate) memory_limit: Option<usize>,
    /// The job that this process runs, if it runs one.
    pub(crate) job: Option<Current>,
    env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    loaded: Option<Arc<Loaded>>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(context: Context<'a>) -> Self {
        Self {
            out: Stream::new(context.stdout, context.stdout_is_terminal),
            err: Stream::new(context.stderr, context.stderr_is_terminal),
            stdin: Some(context.stdin),
            cwd: context.cwd,
            stdout_is_terminal: context.stdout_is_terminal,
            stderr_is_terminal: context.stderr_is_terminal,
            cancel: context.cancel,
            global: Global::default(),
            asked: Vec::new(),
            args: Vec::new(),
            memory_limit: None,
            job: None,
            env: context.env,
            loaded: None,
        }
    }

    /// An environment variable that is set to something.
    pub(crate) fn env(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// The environment that the program runs in.
    pub(crate) fn environment(&self) -> &'a (dyn Fn(&str) -> Option<String> + Sync) {
        self.env
    }

    /// What answers questions. A job spills into its own folder.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        let default = EngineOptions::default();
        let options = EngineOptions {
            memory_limit: self.memory_limit.unwrap_or(default.memory_limit),
            spill_folder: self.job.as_ref().map(Current::spill_folder),
            ..default
        };
        Ok(Engine::new(&options)?)
    }

    /// The configuration in force; its warnings are printed the first time.
    pub(crate) fn config(&mut self) -> Result<Arc<Loaded>, Failure> {
        if let Some(loaded) = &self.loaded {
            return Ok(Arc::clone(loaded));
        }
        let loaded = config::load(self.global.config.as_deref(), &self.env, &self.cwd)?;
        for warning in &loaded.warnings {
            tell(&mut self.err, format_args!("warning: {warning}"));
        }
        Ok(Arc::clone(self.loaded.insert(Arc::new(loaded))))
    }

    /// The folders of keys and state.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        Ok(Home::from_env(&self.env)?)
    }

    /// The trail that the user means: `--trail`, SEALTRAIL_TRAIL, the configuration, `./audit`.
    pub(crate) fn trail_url(&mut self) -> Result<String, Failure> {
        let given = self.global.trail.clone().or_else(|| self.env("SEALTRAIL_TRAIL"));
        let url = match given {
            Some(url) => url,
            None => self.config()?.config.trail.url_or_default().to_owned(),
        };
        Ok(self.placed(&url))
    }

    /// A trail's URL; a relative folder counts from the working folder.
    pub(crate) fn placed(&self, url: &str) -> String {
        if url.is_empty() || url.contains("://") {
            return url.to_owned();
        }
        self.cwd.join(url).to_string_lossy().into_owned()
    }

    /// A local file that the user named.
    pub(crate) fn file(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// Opens the trail that the user means, with the settings of the configuration.
    pub(crate) fn open(&mut self) -> Result<Trail, Failure> {
        self.open_with(|_| {})
    }

    /// As [`open`](Self::open), with the settings changed.
    pub(crate) fn open_with(
        &mut self,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Trail, Failure> {
        let url = self.trail_url()?;
        self.open_at(url, change)
    }

    /// Opens the trail at a URL.
    pub(crate) fn open_at(
        &mut self,
        url: String,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Trail, Failure> {
        let options = self.options_at(&url, change)?;
        self.wait(Trail::open(&url, options)).map_err(|failure| match failure.core() {
            Some(Error::NotFound(_)) => {
                failure.hint("--trail or SEALTRAIL_TRAIL names another one")
            }
            _ => failure,
        })
    }

    /// How the trail at a URL is opened.
    pub(crate) fn options_at(
        &mut self,
        url: &str,
        change: impl FnOnce(&mut Settings),
    ) -> Result<OpenOptions, Failure> {
        let mut settings = self.settings(url)?;
        change(&mut settings);
        let passphrase = self.passphrase();
        let owner = self.owner_of_env()?.map(Arc::new);
        Ok(OpenOptions {
            home: self.home()?,
            privacy: PrivacySource::new(settings.redaction.key.as_deref(), &self.env),
            master: MasterSource::new(settings.encryption.key.as_deref(), &self.env),
            settings,
            owner,
            passphrase,
        })
    }

    /// The settings of configuration and environment for the trail at `url`.
    pub(crate) fn settings(&mut self, url: &str) -> Result<Settings, Failure> {
        let mut settings = Settings::from_loaded(&*self.config()?, url);
        settings.access = self.access_settings(settings.access)?;
        if let Some(archive) = &mut settings.archive {
            archive.url = self.placed(&archive.url);
        }
        settings.archives.extend(self.global.archive.iter().cloned());
        settings.archives.values_mut().for_each(|url| *url = self.placed(url));
        Ok(settings)
    }

    /// Where the master key of the trail's keyring comes from.
    pub(crate) fn master(&mut self) -> Result<MasterSource, Failure> {
        let key = self.config()?.config.encryption.key.clone();
        Ok(MasterSource::new(key.as_deref(), &self.env))
    }

    /// How a locked key is opened: SEALTRAIL_PASSPHRASE, or a question on the terminal.
    pub(crate) fn passphrase(&self) -> Passphrase {
        match self.env(PASSPHRASE_VARIABLE) {
            None if self.stderr_is_terminal => Passphrase::new(|place| {
                let asked = rpassword::prompt_password(format!("Passphrase of {place}: "));
                asked.map(|text| Some(text.into())).map_err(|e| Error::io("terminal", e))
            }),
            _ => Passphrase::from_env(&self.env),
        }
    }

    /// A passphrase for a key that is to be locked: SEALTRAIL_PASSPHRASE, or asked for twice.
    pub(crate) fn new_passphrase(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(text) = self.env(PASSPHRASE_VARIABLE) {
            return Ok(text.into());
        }
        if !self.stderr_is_terminal {
            let message = format!("no passphrase is given: set {PASSPHRASE_VARIABLE}");
            return Err(Failure::usage(message));
        }
        let ask = |question: &str| {
            let asked = rpassword::prompt_password(question).map(Zeroizing::new);
            asked.map_err(|e| Failure::io("terminal", e))
        };
        let (first, again) = (ask("New passphrase: ")?, ask("Again: ")?);
        if first.is_empty() || first != again {
            return Err(Failure::usage("the two differ, or are empty; nothing was changed"));
        }
        Ok(first)
    }

    /// The owner's key that a reference names: a file, `env:NAME` or `cmd:COMMAND`.
    pub(crate) fn owner_key(&self, reference: &str) -> Result<OwnerKey, Failure> {
        let plain = !reference.starts_with("env:") && !reference.starts_with("cmd:");
        let path = self.file(Path::new(reference));
        let reference = if plain { path.to_string_lossy() } else { reference.into() };
        Ok(OwnerKey::from_reference(&reference, &self.env, &self.passphrase())?)
    }

    /// The owner's key of the environment.
    pub(crate) fn owner_of_env(&self) -> Result<Option<OwnerKey>, Failure> {
        Ok(OwnerKey::from_env(&self.env, &self.passphrase())?)
    }

    /// Waits for `future`, or until the user interrupts.
    pub(crate) fn wait<T, E: Into<Failure>>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        self.cancel.wait(future)
    }

    /// The form of a report: as asked for, else a table on a terminal and JSON elsewhere. A table
    /// is for people wherever it goes.
    pub(crate) fn report_format(&mut self, asked: Option<ReportFormat>) -> ReportFormat {
        let default =
            if self.stdout_is_terminal { ReportFormat::Table } else { ReportFormat::Json };
        let asked = asked.filter(|_| self.job.is_none());
        let format = asked.unwrap_or(default);
        if format == ReportFormat::Table {
            self.out.show_controls();
        }
        format
    }

    /// One line for people.
    pub(crate) fn note(&mut self, line: impl std::fmt::Display) {
        tell(&mut self.err, format_args!("{line}"));
    }
}
