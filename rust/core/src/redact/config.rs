//! From the configuration to a redactor.

use super::path::Pattern;
use super::{Redactor, cover::Cover, cover::RedactionKeys};
use crate::config::{Detector, RedactionAction, RedactionConfig};
use crate::{Error, Result};

impl Redactor {
    /// What the section `redaction` asks for; `None` if sensitive data is to be kept.
    /// `include_sensitive_data` is its own unless the caller says otherwise.
    ///
    /// # Errors
    /// `Usage` for a name in `actions` that is neither a detector nor one of `fields`, `Key` if
    /// values are to be hashed or encrypted and there is no key.
    pub fn from_config(
        config: &RedactionConfig,
        include_sensitive_data: Option<bool>,
        keys: Option<RedactionKeys>,
    ) -> Result<Option<Self>> {
        if include_sensitive_data.unwrap_or(config.include_sensitive_data) {
            return Ok(None);
        }
        let known = |name: &str| {
            config.fields.iter().any(|field| field == name)
                || Detector::ALL.iter().any(|detector| detector.name() == name)
        };
        if let Some(name) = config.actions.keys().find(|name| !known(name)) {
            let message = "is neither a detector nor one of `redaction.fields`";
            return Err(Error::Usage(format!("redaction.actions: `{name}` {message}")));
        }
        let action = |name: &str| config.actions.get(name).copied().unwrap_or(config.action);
        let fields = config.fields.iter().map(|field| Ok((Pattern::parse(field)?, action(field))));
        let detectors = config.detectors.iter().map(|d| (*d, action(d.name())));
        let redactor = Self {
            fields: fields.collect::<Result<_>>()?,
            detectors: detectors.collect(),
            secrets: config.detectors.contains(&Detector::ApiKey).then(|| action("api_key")),
            cover: Cover::new(keys),
        };
        redactor.demand_keys()?;
        Ok(Some(redactor))
    }

    /// Every detector, values masked: what `include_sensitive_data: false` alone asks for.
    pub fn masking() -> Self {
        let mask = RedactionAction::Mask;
        Self {
            fields: Vec::new(),
            detectors: Detector::ALL.map(|detector| (detector, mask)).to_vec(),
            secrets: Some(mask),
            cover: Cover::new(None),
        }
    }

    /// Redacts nothing; puts back what was encrypted.
    pub(crate) fn revealing(keys: RedactionKeys) -> Self {
        let cover = Cover::new(Some(keys));
        Self { fields: Vec::new(), detectors: Vec::new(), secrets: None, cover }
    }

    fn demand_keys(&self) -> Result<()> {
        let fields = self.fields.iter().map(|(_, action)| action);
        let mut all = fields.chain(self.detectors.iter().map(|(_, action)| action));
        let needs = all.any(|a| matches!(a, RedactionAction::Hash | RedactionAction::Encrypt));
        if needs && !self.cover.has_keys() {
            let message = "values are to be hashed or encrypted, and there is no privacy key";
            return Err(Error::Key(format!("{message}: set `redaction.key`")));
        }
        Ok(())
    }
}
