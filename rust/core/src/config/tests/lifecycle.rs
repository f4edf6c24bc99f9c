use super::{error, read};
use crate::Result;
use crate::config::{KeyRotation, RetentionClock, RetentionPrecedence, RetentionRule};

#[test]
fn every_setting_of_lifecycle_arrives() -> Result<()> {
    let loaded = read(
        "audit:
  retention:
    default_retention_days: 30
    clock: event_time
    precedence: sensitivity
    by_domain:
      auth: { hot_storage_days: 90, archive_storage_days: 275, delete_after_days: 365 }
    by_sensitivity:
      pii: { delete_after_days: 2555, minimum_days: 365 }
    archival: { destination: 's3://archive/audit', name: old, key_rotation: yearly }
    prices: { hot_per_gb_month: 1, archive_per_gb_month: 0.5 }
",
    )?;
    let retention = &loaded.config.retention;
    assert_eq!(retention.default_retention_days, 30);
    assert_eq!(retention.clock, RetentionClock::EventTime);
    assert_eq!(retention.precedence, RetentionPrecedence::Sensitivity);
    let auth = RetentionRule {
        hot_storage_days: Some(90),
        archive_storage_days: Some(275),
        delete_after_days: Some(365),
        minimum_days: None,
    };
    assert_eq!(retention.by_domain.auth, auth);
    assert_eq!(retention.by_sensitivity["pii"].minimum_days, Some(365));
    let archival = loaded.config.archival_in_force();
    assert_eq!(archival.destination.as_deref(), Some("s3://archive/audit"));
    let prices = &loaded.config.retention.prices;
    assert_eq!((prices.hot_per_gb_month, prices.archive_per_gb_month), (1.0, 0.5));
    assert_eq!(archival.name, "old");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(!loaded.config.encryption_in_force().is_on());
    Ok(())
}

#[test]
fn an_archive_that_is_to_be_encrypted_is() -> Result<()> {
    let with = |encryption: &str, archival: &str| {
        read(&format!(
            "audit:\n  encryption: {{ {encryption} }}\n  retention: {{ archival: {{ {archival} }} }}\n"
        ))
    };
    let aes = "destination: ./cold, encryption: AES-256";
    let loaded = with("key: 'env:K'", &format!("{aes}, key_rotation: monthly"))?;
    let encryption = loaded.config.encryption_in_force();
    assert!(encryption.archive && !encryption.hot);
    assert_eq!(encryption.key_rotation, KeyRotation::Monthly);
    let loaded = with("key_rotation: monthly, hot: true", &format!("{aes}, key_rotation: never"))?;
    let encryption = loaded.config.encryption_in_force();
    assert_eq!((encryption.hot, encryption.key_rotation), (true, KeyRotation::Monthly));
    // Without a destination there is no archive.
    assert!(!with("", "encryption: AES-256")?.config.encryption_in_force().is_on());
    let loaded = with("", &format!("{aes}, format: compressed-jsonl"))?;
    let [warning] = loaded.warnings.as_slice() else { panic!("{:?}", loaded.warnings) };
    let expected = "`audit.retention.archival.format` has no effect: what is encrypted";
    assert!(warning.contains(expected), "{warning}");
    Ok(())
}

#[test]
fn a_key_that_does_not_exist_is_refused_with_a_suggestion() {
    assert_eq!(
        error("audit:\n  retention:\n    by_domain:\n      dta: {}\n"),
        "sealtrail.yaml:4:7: audit.retention.by_domain: unknown key `dta`; did you mean `data`?"
    );
    assert_eq!(
        error("audit: { retention: { by_sensitivity: { pii: { hot_days: 1 } } } }"),
        "sealtrail.yaml:1:48: audit.retention.by_sensitivity.pii: unknown key `hot_days`; valid \
         here: `hot_storage_days`, `archive_storage_days`, `delete_after_days`, `minimum_days`"
    );
    let price = error("audit: { retention: { prices: { hot_per_gb_month: -1 } } }");
    assert!(price.ends_with("must be a price, 0 or more"), "{price}");
}

#[test]
fn what_cannot_have_an_effect_is_named() -> Result<()> {
    let rule = "{ hot_storage_days: 30, delete_after_days: 60 }";
    let loaded = read(&format!(
        "audit:
  retention:
    by_domain: {{ auth: {rule}, agent: {rule}, data: {rule}, workflow: {rule}, system: {rule} }}
    by_sensitivity:
      PII: {{ hot_storage_days: 10, delete_after_days: 20 }}
      hpi: {{ hot_storage_days: 90, delete_after_days: 91 }}
      secret: {{}}
    default_retention_days: 10
  integrity: {{ immutable: false, audit_log_backup: {{ destination: 's3://copy' }} }}
",
    ))?;
    assert_eq!(
        loaded.warnings,
        [
            "sealtrail.yaml:8:5: `audit.retention.default_retention_days` can never apply: others \
             go first wherever it fits",
            "sealtrail.yaml:5:7: `audit.retention.by_sensitivity.pii` can never apply: others go \
             first wherever it fits",
            "sealtrail.yaml:7:7: `audit.retention.by_sensitivity.secret` says nothing",
            "sealtrail.yaml:6:7: `audit.retention.by_sensitivity.hpi` is of no level that the \
             catalogue has; did you mean `phi`?",
            "sealtrail.yaml:9:16: `audit.integrity.immutable` has no effect: nothing of a trail is \
             ever overwritten",
            "sealtrail.yaml:9:34: `audit.integrity.audit_log_backup` names no `key`: the copy \
             needs a master key of its own",
        ]
    );
    Ok(())
}
