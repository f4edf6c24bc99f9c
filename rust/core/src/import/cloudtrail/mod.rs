//! Log files of AWS CloudTrail: `{"Records": [...]}`, `{"Events": [...]}` (the answer of
//! `lookup-events`), bare arrays, or one record a line; plain or gzip.
//!
//! | calls | event |
//! |---|---|
//! | `signin` `ConsoleLogin`, single sign-on | `auth.user_login`, `auth.user_logout`, `auth.sso_*`, `auth.oauth_*` |
//! | `sts` `AssumeRole*`, `GetSessionToken`, `GetFederationToken`; `ec2-instance-connect` `Send*` | `auth.temp_credential_issued` |
//! | `iam` access keys, SSH keys, certificates | `auth.api_key_created`, `_revoked` (also `UpdateAccessKey` to inactive), `_rotated`, `_updated` |
//! | `iam` `Attach*Policy`, `Put*Policy`, `AddUserToGroup`, `CreatePolicyVersion`, trust policies | `auth.permission_granted` |
//! | `iam` `Detach*Policy`, `Delete*Policy*`, `Remove*` | `auth.permission_revoked` |
//! | `iam` MFA devices | `auth.mfa_setup`, `auth.mfa_reset`; a failed `CheckMfa`: `auth.mfa_failure`, else `auth.mfa_challenge` |
//! | `iam` passwords | `auth.password_set`, `auth.password_removed` |
//! | all else of `iam`, `sts`, identity centre, roles anywhere | `auth.iam_read`, `auth.iam_change` |
//! | S3 objects | `data.file_read`, `data.file_write`, `data.file_delete` |
//! | DynamoDB items, RDS, Redshift and Timestream data APIs, Athena | `data.db_query` |
//! | exports of tables and snapshots | `data.export` |
//! | use of keys (`kms` `Decrypt`...), invoking functions and models, messages, remote commands | `data.api_call` |
//! | `cloudtrail`: stop, delete | `system.config_change`, critical (also what blinds other detectors, and deleting keys) |
//! | `cloudtrail`: other changes; starting and creating | `system.config_change`, warning; default |
//! | `cloudtrail`: reading | `system.audit_access` |
//! | deleting log groups and streams | `system.audit_deletion`, critical |
//! | `kms` administration; reading key settings; rotation | `system.config_change`; `system.key_read`; `system.credential_rotated` |
//! | snapshots, backups | `system.backup`, `system.restore` |
//! | Insight events | `system.security_alert` |
//! | any other call that only reads, and any other data event | `data.api_call` |
//! | any other call | `system.config_change` |
//!
//! **Outcome.** Without `errorCode` a call is a `success` (a sign-in by what the response says).
//! An `errorCode` is kept as `result_code`; it makes `status` `denied` when it says that the
//! permission was missing (`AccessDenied...`, `...Unauthorized...`, `NotAuthorized...`,
//! `Forbidden...`), else `failure`. Denied calls and failed sign-ins are at least `warning`.
//!
//! **Who.** `user_id` is the first present of `userIdentity.arn`, `userName`, `principalId`,
//! `invokedBy`, `accountId`; `user_id` is always who acted, also where the call changed
//! another user (`owner`, `grantee`, `resource`). `credential_id` is `userIdentity.accessKeyId`;
//! `issued_credential_id` and `api_key_id` name the key that the call gave out or took away, so
//! that a chain of roles can be followed.
//! `source_ip` is set when `sourceIPAddress` is an address (it may also name a service).
//!
//! The record itself is kept whole under `cloudtrail`; `source.sha256` is over its bytes in the
//! file.

mod details;
mod resource;
mod rules;
mod split;

use serde_json::{Map, Value};

use super::draft::{Draft, millis, object, text};
use super::{FileImport, SkippedLine, Source, SourceEvent, ids, text::parse};
use details::Facts;
use rules::{Call, Rule, rule_for};
use split::{Span, split};

/// Reads one file's bytes (not compressed).
pub fn read(name: &str, bytes: &[u8]) -> FileImport {
    let mut import = FileImport { name: name.to_owned(), ..FileImport::default() };
    let (spans, broken) = split(bytes);
    for span in spans {
        import.lines += 1;
        match record(name, &span) {
            Ok(event) => import.events.push(SourceEvent { event, line: span.line }),
            Err((field, reason)) => {
                let place = span.index.map(|index| format!("[{index}]")).unwrap_or_default();
                let dot = if place.is_empty() || field.is_empty() { "" } else { "." };
                let path = format!("{place}{dot}{field}");
                import.skipped.push(SkippedLine { line: span.line, path, reason });
            }
        }
    }
    for broken in broken {
        let (line, path, reason) = (broken.line, broken.path, broken.reason);
        import.skipped.push(SkippedLine { line, path, reason });
    }
    import
}

type Refusal = (&'static str, String);

fn record(file: &str, span: &Span<'_>) -> Result<Map<String, Value>, Refusal> {
    let (mut value, repaired) =
        parse(span.bytes).map_err(|error| ("", format!("not JSON: {error}")))?;
    // `lookup-events` wraps the record, as text.
    if let Some(inner) = text(&value, "CloudTrailEvent") {
        value = parse(inner.as_bytes())
            .map_err(|error| ("CloudTrailEvent", format!("not JSON: {error}")))?
            .0;
    }
    if !value.is_object() {
        return Err(("", "not a JSON object".to_owned()));
    }
    let place = object([
        ("tool", Some(Source::CloudTrail.name().into())),
        ("file", Some(file.into())),
        ("line", Some(span.line.into())),
        ("record", span.index.map(Value::from)),
        ("sha256", Some(ids::sha256_hex(span.bytes).into())),
        ("repaired", repaired.then(|| "lone_surrogates".into())),
    ]);
    event(value, place, span.bytes)
}

fn event(record: Value, place: Value, bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let source = required(&record, "eventSource")?;
    let name = required(&record, "eventName")?;
    let time = required(&record, "eventTime")?;
    if millis(time).is_none() {
        return Err(("eventTime", format!("{time:?} is not an RFC 3339 time")));
    }
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(source);
    let outcome = Outcome::of(&record);
    let mut rule = rule_for(Call {
        service,
        name: undated(name),
        read_only: record["readOnly"].as_bool(),
        category: text(&record, "eventCategory").unwrap_or_default(),
        wanted_status: text(&record["requestParameters"], "status").unwrap_or_default(),
    });
    if rule.event_type == "auth.mfa_challenge" && outcome.status != "success" {
        rule.event_type = "auth.mfa_failure";
    }
    let mut draft = Draft::new(id(&record, bytes), rule.event_type, time);
    draft.set("status", outcome.status);
    draft.set_some("result_code", outcome.code);
    draft.set_some("severity", severity(&rule, outcome.status, &record));
    draft.set_some("error_message", text(&record, "errorMessage"));
    let user = who(&mut draft, &record);
    let resource = resource::resource(service, &record);
    let facts = Facts { record: &record, source, name, user, resource: text(&resource, "path") };
    details::fill(&mut draft, rule.event_type, &facts);
    draft.set("resource", resource);
    draft.set("operation", object([("action", Some(rule.action.unwrap_or(name).into()))]));
    draft.set("source", place);
    draft.set("cloudtrail", record);
    Ok(draft.build())
}

fn required<'a>(record: &'a Value, key: &'static str) -> Result<&'a str, Refusal> {
    text(record, key).ok_or_else(|| (key, "missing; is this a CloudTrail record?".to_owned()))
}

/// `Invoke20150331v2` is `Invoke`.
fn undated(name: &str) -> &str {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == 'v');
    let date: String = name[base.len()..].chars().take_while(char::is_ascii_digit).collect();
    if date.len() == 8 { base } else { name }
}

/// From the account and `eventID`; a record without one is known by its bytes.
fn id(record: &Value, bytes: &[u8]) -> String {
    let account = text(record, "recipientAccountId")
        .or_else(|| text(&record["userIdentity"], "accountId"))
        .unwrap_or_default();
    match text(record, "eventID") {
        Some(event) => ids::audit_id("audit_ct_", &["event", account, event]),
        None => ids::audit_id("audit_ct_", &["record", &ids::sha256_hex(bytes)]),
    }
}

struct Outcome {
    status: &'static str,
    code: Option<String>,
}

impl Outcome {
    fn of(record: &Value) -> Self {
        if let Some(code) = text(record, "errorCode") {
            let denied = ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden"];
            let denied = denied.iter().any(|word| code.contains(word));
            let status = if denied { "denied" } else { "failure" };
            return Self { status, code: Some(code.to_owned()) };
        }
        let response = &record["responseElements"];
        let said = ["ConsoleLogin", "CheckMfa", "SwitchRole", "ExitRole"]
            .iter()
            .find_map(|key| text(response, key));
        let failed = match said {
            Some(said) => said == "Failure",
            None => record["errorMessage"].is_string(),
        };
        Self { status: if failed { "failure" } else { "success" }, code: None }
    }
}

fn severity(rule: &Rule, status: &str, record: &Value) -> Option<&'static str> {
    let root = record["userIdentity"]["type"].as_str() == Some("Root");
    let failed_login = status == "failure" && rule.event_type == "auth.user_login";
    let alarming = status == "denied"
        || failed_login
        || (root && status == "success" && {
            !matches!(rule.event_type, "data.api_call" | "auth.iam_read" | "system.audit_access")
        });
    rule.severity.or(alarming.then_some("warning"))
}

/// Addresses have digits, dots and colons; service names and `AWS Internal` have other letters.
/// Not stricter: anonymised logs hold addresses such as `225.01.0.16`.
fn is_address(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte == b'.' || byte == b':')
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'.' || byte == b':')
}

fn who<'a>(draft: &mut Draft, record: &'a Value) -> Option<&'a str> {
    let identity = &record["userIdentity"];
    let user = ["arn", "userName", "principalId", "invokedBy", "accountId"]
        .iter()
        .find_map(|key| text(identity, key));
    draft.set_some("user_id", user);
    draft.set_some("credential_id", text(identity, "accessKeyId"));
    let ip = text(record, "sourceIPAddress").filter(|ip| is_address(ip));
    draft.set_some("source_ip", ip);
    draft.set_some("user_agent", text(record, "userAgent"));
    user
}

#[cfg(test)]
mod tests;
