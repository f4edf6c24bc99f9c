//! The fields that each event type asks for beside those that all records share.

use serde_json::Value;

use super::super::draft::{Draft, text};

/// A record and what was already made of it.
pub(super) struct Facts<'a> {
    pub(super) record: &'a Value,
    /// `eventSource`.
    pub(super) source: &'a str,
    /// `eventName`.
    pub(super) name: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
}

impl<'a> Facts<'a> {
    fn request(&self, keys: &[&str]) -> Option<&'a str> {
        first(&self.record["requestParameters"], keys)
    }

    fn response(&self, path: &[&str]) -> Option<&'a str> {
        let (last, way) = path.split_last()?;
        let end = way.iter().fold(&self.record["responseElements"], |at, key| &at[*key]);
        text(end, last)
    }

    fn endpoint(&self) -> String {
        format!("{}/{}", self.source, self.name)
    }
}

fn first<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| text(value, key))
}

/// Sets the fields of `event_type`.
pub(super) fn fill(draft: &mut Draft, event_type: &str, facts: &Facts<'_>) {
    match event_type.split_once('.') {
        Some(("auth", _)) => auth(draft, event_type, facts),
        Some(("data", _)) => data(draft, event_type, facts),
        _ => system(draft, event_type, facts),
    }
}

fn auth(draft: &mut Draft, event_type: &str, facts: &Facts<'_>) {
    let extra = &facts.record["additionalEventData"];
    match event_type {
        "auth.user_login" => {
            draft.set_some("mfa_verified", text(extra, "MFAUsed").map(|used| used == "Yes"));
        }
        "auth.sso_attempt" | "auth.sso_callback" | "auth.oauth_attempt" | "auth.oauth_callback" => {
            draft.set("provider", facts.source);
        }
        "auth.temp_credential_issued" => issued(draft, facts),
        "auth.api_key_created"
        | "auth.api_key_revoked"
        | "auth.api_key_rotated"
        | "auth.api_key_updated" => api_key(draft, facts),
        "auth.permission_granted" | "auth.permission_revoked" => permission(draft, facts),
        "auth.mfa_setup" | "auth.mfa_reset" => {
            let device = facts
                .request(&["serialNumber", "virtualMFADeviceName"])
                .or_else(|| facts.response(&["virtualMFADevice", "serialNumber"]));
            draft.set_some("device_id", device);
        }
        _ => {}
    }
}

fn issued(draft: &mut Draft, facts: &Facts<'_>) {
    let to = facts
        .response(&["assumedRoleUser", "arn"])
        .or_else(|| facts.response(&["federatedUser", "arn"]))
        .or_else(|| facts.request(&["roleArn", "instanceOSUser"]))
        .or(facts.user);
    draft.set_some("issued_to", to);
    draft.set_some("role", facts.request(&["roleArn"]));
    draft.set_some("issued_credential_id", facts.response(&["credentials", "accessKeyId"]));
    let seconds = facts.record["requestParameters"]["durationSeconds"].as_u64();
    draft.set_some("ttl_seconds", seconds);
}

fn api_key(draft: &mut Draft, facts: &Facts<'_>) {
    let owner = facts
        .request(&["userName"])
        .or_else(|| facts.response(&["accessKey", "userName"]))
        .or_else(|| text(&facts.record["userIdentity"], "userName"))
        .or(facts.user);
    draft.set_some("owner", owner);
    let key = facts
        .response(&["accessKey", "accessKeyId"])
        .or_else(|| facts.response(&["serviceSpecificCredential", "serviceSpecificCredentialId"]))
        .or_else(|| facts.response(&["sSHPublicKey", "sSHPublicKeyId"]))
        .or_else(|| facts.response(&["certificate", "certificateId"]))
        .or_else(|| {
            facts.request(&[
                "accessKeyId",
                "serviceSpecificCredentialId",
                "sSHPublicKeyId",
                "certificateId",
            ])
        });
    draft.set_some("api_key_id", key);
}

fn permission(draft: &mut Draft, facts: &Facts<'_>) {
    let grantee = facts.request(&[
        "userName",
        "groupName",
        "instanceProfileName",
        "roleName",
        "principalId",
        "memberId",
        "policyArn",
        "permissionSetArn",
    ]);
    draft.set_some("grantee", grantee.or(facts.resource));
    draft.set_some("role", facts.request(&["roleName", "permissionSetArn"]));
    let policy = facts.request(&["policyArn", "policyName"]);
    draft.set_some("scopes", policy.map(|policy| vec![policy.to_owned()]));
}

fn data(draft: &mut Draft, event_type: &str, facts: &Facts<'_>) {
    match event_type {
        "data.api_call" => draft.set("endpoint", facts.endpoint()),
        "data.db_query" => {
            draft.set_some("statement", facts.request(&["statement", "sql", "queryString"]));
            draft.set_some("database", facts.request(&["database", "databaseName"]));
        }
        "data.export" => {
            let to = facts.request(&["s3BucketName", "s3Bucket", "destination"]);
            draft.set_some("destination", to);
        }
        _ => {}
    }
}

fn system(draft: &mut Draft, event_type: &str, facts: &Facts<'_>) {
    match event_type {
        "system.config_change" => {
            draft.set("setting", facts.endpoint());
            draft.set_some("modified_by", facts.user);
        }
        "system.audit_access" => {
            draft.set("access_type", facts.endpoint());
            draft.set_some("query", facts.request(&["queryStatement"]));
        }
        "system.credential_rotated" => {
            let more = &facts.record["additionalEventData"];
            let which = first(more, &["SecretId", "keyId"]);
            draft.set_some("rotated_credential_id", facts.resource.or(which));
        }
        "system.backup" | "system.restore" => {
            let id = facts
                .request(&["dBSnapshotIdentifier", "dBClusterSnapshotIdentifier", "snapshotId"])
                .or_else(|| facts.response(&["snapshotId"]))
                .or_else(|| facts.response(&["backupJobId"]));
            draft.set_some("backup_id", id);
        }
        "system.security_alert" => {
            let insight = &facts.record["insightDetails"];
            let rule = text(insight, "insightType").unwrap_or(facts.name);
            draft.set("rule", rule);
            draft.set_some("pattern", text(insight, "eventName"));
        }
        _ => {}
    }
}
