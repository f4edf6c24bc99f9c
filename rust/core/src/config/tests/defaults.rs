use std::fs;

use serde_json::json;

use super::{read, read_with};
use crate::config::{
    AccessPolicy, Config, Loaded, Partitioning, PurposePolicy, SyncMode, TrailConfig, get,
    is_remote, load, show,
};
use crate::{Error, Result};

#[test]
fn files_that_say_nothing_are_the_defaults() -> Result<()> {
    let nothing = [
        "",
        "\n\n",
        "# only a comment\n",
        "---\n",
        "\u{feff}",
        "audit:\n",
        "audit: {}\n",
        "audit:\n  trail:\n",
        "audit:\n  trail:\n    flush:\n    # max_mb: 128\n  identity: null\n",
    ];
    for text in nothing {
        let loaded = read(text)?;
        assert_eq!(loaded.config, Config::default(), "{text:?}");
        assert_eq!(loaded.effective(), Loaded::default().effective(), "{text:?}");
        assert!(loaded.warnings.is_empty(), "{text:?}");
    }
    Ok(())
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let no_rule = json!({
        "hot_storage_days": null,
        "archive_storage_days": null,
        "delete_after_days": null,
        "minimum_days": null,
    });
    let no_archive = json!({
        "destination": null,
        "name": "archive",
        "format": "parquet",
        "encryption": "none",
        "key_rotation": "quarterly",
    });
    assert_eq!(
        *Loaded::default().effective(),
        json!({ "audit": {
            "redaction": {
                "include_sensitive_data": true,
                "apply": "export",
                "action": "mask",
                "fields": [],
                "detectors": ["card", "ssn", "iban", "email", "phone", "api_key", "private_key"],
                "actions": {},
                "key": null,
                "personal": { "fields": [], "subject": ["user_id"], "search": true, "holders": [] },
            },
            "trail": {
                "url": "./audit",
                "partitioning": "month",
                "flush": { "max_mb": 64, "max_age_seconds": 300, "max_records": null },
                "sync": { "mode": "always", "interval_ms": 1000 },
                "limits": {
                    "max_record_bytes": 1_048_576,
                    "max_future_seconds": 86_400,
                    "duplicate_window_hours": 24,
                    "max_log_mb": 1024,
                    "max_wait_seconds": 30,
                    "min_free_mb": 1024,
                },
                "heartbeat": { "seconds": 60 },
                "access_audit": { "policy": "best_effort", "purpose": "optional" },
            },
            "identity": {
                "host": null,
                "service": null,
                "environment": null,
                "user_id": null,
                "agent_id": null,
                "session_id": null,
                "credential_id": null,
            },
            "retention": {
                "default_retention_days": 90,
                "clock": "latest",
                "precedence": "longest",
                "by_domain": {
                    "auth": no_rule, "agent": no_rule, "data": no_rule, "workflow": no_rule,
                    "system": no_rule,
                },
                "by_sensitivity": {},
                "archival": no_archive,
                "prices": { "hot_per_gb_month": 0.023, "archive_per_gb_month": 0.004 },
            },
            "rotation": {
                "enabled": true,
                "max_segment_mb": 256,
                "max_open_files": 768,
                "file_rotation": {
                    "type": "size_and_time",
                    "max_file_size_mb": 500,
                    "rotate_every_days": 1,
                    "keep_files": 90,
                },
                "compression": { "enabled": true, "algorithm": "zstd", "level": 9 },
            },
            "archival": no_archive,
            "encryption": {
                "hot": false,
                "archive": false,
                "sensitivity_levels": [],
                "key": null,
                "key_rotation": "quarterly",
                "wal": true,
            },
            "integrity": {
                "immutable": true,
                "integrity_check": "hmac-sha256",
                "audit_log_backup": { "destination": null, "key": null },
            },
        } })
    );
    let trail = Config::default().trail;
    assert_eq!((trail.url_or_default(), trail.flush.max_bytes()), ("./audit", 64 << 20));
}

#[test]
fn every_setting_of_a_full_file_arrives() -> Result<()> {
    let loaded = read(
        "audit:
  trail:
    url: s3://bucket/audit
    partitioning: day
    flush: { max_mb: 128, max_age_seconds: 30 }
    sync:
      mode: interval
      interval_ms: 250
    limits:
      max_record_bytes: 2097152
      max_future_seconds: 0
      duplicate_window_hours: 48
    access_audit: { policy: off, purpose: required }
  identity:
    host: web-1
    service: claims
    environment: production
    user_id: \"1042\"
    agent_id: agent_1
    session_id: sess_1
    credential_id: key_7
",
    )?;
    let Config { trail, identity, .. } = loaded.config;
    assert_eq!(trail.url.as_deref(), Some("s3://bucket/audit"));
    assert_eq!(trail.partitioning, Partitioning::Day);
    assert_eq!((trail.flush.max_mb, trail.flush.max_age_seconds), (128, Some(30)));
    assert_eq!((trail.sync.mode, trail.sync.interval_ms), (SyncMode::Interval, 250));
    let access = trail.access_audit;
    assert_eq!((access.policy, access.purpose), (AccessPolicy::Off, PurposePolicy::Required));
    assert_eq!(trail.limits.max_record_bytes, 2_097_152);
    assert_eq!((trail.limits.max_future_seconds, trail.limits.duplicate_window_hours), (0, 48));
    assert_eq!(
        identity.event_defaults(),
        [
            ("host", "web-1"),
            ("service", "claims"),
            ("environment", "production"),
            ("user_id", "1042"),
            ("agent_id", "agent_1"),
            ("session_id", "sess_1"),
            ("credential_id", "key_7"),
        ]
    );
    Ok(())
}

#[test]
fn only_what_is_set_of_an_identity_goes_into_events() -> Result<()> {
    let loaded =
        read_with("audit: { identity: { service: claims, user_id: '${WHO:-}', host: '' } }", &[])?;
    assert_eq!(loaded.config.identity.event_defaults(), [("service", "claims")]);
    Ok(())
}

#[test]
fn the_age_limit_depends_on_the_store_unless_set() -> Result<()> {
    let age = |text: &str| get(&read(text)?, "trail.flush.max_age_seconds");
    assert_eq!(age("audit: { trail: { url: /var/audit } }")?, 300);
    assert_eq!(age("audit: { trail: { url: 'file:///var/audit' } }")?, 300);
    assert_eq!(age("audit: { trail: { url: 's3://bucket/audit' } }")?, 60);
    assert_eq!(
        age("audit: { trail: { url: 's3://bucket/audit', flush: { max_age_seconds: 7 } } }")?,
        7
    );
    assert!(is_remote("GS://bucket") && !is_remote("FILE:///x") && !is_remote("C:/audit"));
    Ok(())
}

#[test]
fn sections_of_later_versions_are_kept_and_warned_about() -> Result<()> {
    let loaded = read(
        "audit:
  destinations:
    - type: s3
      encrypt_at_rest: true
      token: ${NOT_SET_ANYWHERE}
  trail: { partitioning: day }
  compliance: { default_days: 30, anything: [goes, here] }
",
    )?;
    assert_eq!(
        loaded.warnings,
        [
            "sealtrail.yaml:2:3: `audit.destinations` is not in force in this version; it has no effect",
            "sealtrail.yaml:7:3: `audit.compliance` is not in force in this version; it has no effect",
        ]
    );
    let expected = json!([
        { "type": "s3", "encrypt_at_rest": true, "token": "${NOT_SET_ANYWHERE}" }
    ]);
    assert_eq!(loaded.config.destinations, Some(expected));
    assert_eq!(loaded.config.trail.partitioning, Partitioning::Day);
    assert_eq!(get(&loaded, "audit.destinations[0].encrypt_at_rest")?, true);
    assert_eq!(get(&loaded, "compliance.anything[1]")?, "here");
    Ok(())
}

#[test]
fn what_is_shown_reads_back_as_the_same_configuration() -> Result<()> {
    let env = [("WHO", "mira"), ("MB", "12")];
    let text = "audit:
  trail: { url: './a: b #c', flush: { max_mb: '${MB}' } }
  identity: { user_id: '${WHO}', host: '007', service: \"two\\nlines\" }
  alerts: [{ rule: x, threshold: 0.5, off: 'no', on: true }]
";
    let first = read_with(text, &env)?;
    let shown = show(&first)?;
    assert!(!shown.contains("mira") && shown.contains("${WHO}"), "{shown}");
    let second = read_with(&shown, &env)?;
    assert_eq!(second.effective(), first.effective());
    // The age limit is spelled out, so it is the same but no longer a default.
    let mut config = first.config;
    config.trail.flush.max_age_seconds = Some(300);
    assert_eq!(second.config, config);
    Ok(())
}

#[test]
fn anchors_and_merge_keys_work() -> Result<()> {
    let loaded = read(
        "audit:
  identity: { host: &name web-1, service: *name }
  alerts: { base: &b { a: 1 }, more: { <<: *b, c: 2 } }
",
    )?;
    assert_eq!(loaded.config.identity.service.as_deref(), Some("web-1"));
    assert_eq!(get(&loaded, "alerts.more")?, json!({ "a": 1, "c": 2 }));
    Ok(())
}

#[test]
fn debug_output_holds_no_credentials() -> Result<()> {
    let url = "https://user:hunter2@example.com/audit?sig=hunter2#hunter2";
    let trail = TrailConfig { url: Some(url.to_owned()), ..TrailConfig::default() };
    let shown = format!("{trail:?}");
    assert!(!shown.contains("hunter2") && shown.contains("https://example.com/audit"), "{shown}");

    let loaded = read_with("audit: { trail: { url: '${URL}' } }", &[("URL", url)])?;
    let shown = format!("{loaded:?} {:?}", loaded.config);
    assert!(!shown.contains("hunter2") && shown.contains("${URL}"), "{shown}");
    Ok(())
}

#[test]
fn load_reads_the_file_that_counts() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let env = |_: &str| None;
    let loaded = load(None, &env, folder.path())?;
    assert_eq!((loaded.path, loaded.config), (None, Config::default()));

    let path = folder.path().join("sealtrail.yaml");
    fs::write(&path, "audit: { trail: { partitioning: day }, alerts: [] }").expect("written");
    let loaded = load(None, &env, folder.path())?;
    assert_eq!(loaded.path.as_ref(), Some(&path));
    assert_eq!(loaded.config.trail.partitioning, Partitioning::Day);
    assert!(loaded.warnings[0].starts_with(&format!("{}:1:40: ", path.display())));

    fs::write(&path, b"audit:\n  identity:\n    host: \"w\xff\"\n").expect("written");
    let message = load(None, &env, folder.path()).expect_err("not UTF-8").to_string();
    assert_eq!(message, format!("{}:3:13: not UTF-8", path.display()));

    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("created");
    assert!(matches!(load(None, &env, folder.path()), Err(Error::Io { .. })));
    Ok(())
}
