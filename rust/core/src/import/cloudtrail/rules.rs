//! Which event a call becomes.

/// The event that a record becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) event_type: &'static str,
    /// `operation.action`; none for the call's own name.
    pub(super) action: Option<&'static str>,
    pub(super) severity: Option<&'static str>,
}

const fn rule(event_type: &'static str) -> Rule {
    Rule { event_type, action: None, severity: None }
}

const fn data(event_type: &'static str, action: &'static str) -> Rule {
    Rule { event_type, action: Some(action), severity: None }
}

const fn severe(event_type: &'static str, severity: &'static str) -> Rule {
    Rule { event_type, action: None, severity: Some(severity) }
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// `eventSource` without `.amazonaws.com`.
    pub(super) service: &'a str,
    /// `eventName` without a Lambda API date.
    pub(super) name: &'a str,
    pub(super) read_only: Option<bool>,
    /// `eventCategory`.
    pub(super) category: &'a str,
    /// `requestParameters.status`, which decides about `UpdateAccessKey`.
    pub(super) wanted_status: &'a str,
}

impl Call<'_> {
    fn reads(&self) -> bool {
        self.read_only.unwrap_or_else(|| {
            ["Get", "List", "Describe", "Head", "Lookup", "Search", "Select", "BatchGet", "Query"]
                .iter()
                .chain(&["Scan", "Check", "Test", "View", "Discover", "Simulate", "Decode"])
                .any(|verb| self.name.starts_with(verb))
        })
    }
}

/// The rule for a call: the first of the tables that has one.
pub(super) fn rule_for(call: Call<'_>) -> Rule {
    if call.category == "Insight" {
        return severe("system.security_alert", "warning");
    }
    sign_in(call)
        .or_else(|| auth(call))
        .or_else(|| access(call))
        .or_else(|| administration(call))
        .unwrap_or_else(|| {
            if call.reads() || call.category == "Data" {
                rule("data.api_call")
            } else {
                rule("system.config_change")
            }
        })
}

fn sign_in(call: Call<'_>) -> Option<Rule> {
    let Call { service: "signin" | "sso" | "sso-oauth" | "sso-oidc", name, .. } = call else {
        return None;
    };
    Some(match name {
        "ConsoleLogin" | "UserAuthentication" | "Authenticate" => rule("auth.user_login"),
        "Logout" | "ExitRole" => rule("auth.user_logout"),
        "SwitchRole" | "RenewRole" | "GetSigninToken" | "GetRoleCredentials" => {
            rule("auth.temp_credential_issued")
        }
        "CheckMfa" => rule("auth.mfa_challenge"),
        "Federate" | "CredentialVerification" => rule("auth.sso_callback"),
        "CredentialChallenge" => rule("auth.sso_attempt"),
        "CreateToken" | "CreateTokenWithIAM" => rule("auth.oauth_callback"),
        "StartDeviceAuthorization" | "RegisterClient" => rule("auth.oauth_attempt"),
        _ => return None,
    })
}

/// Identity services: everything in them is `auth.*`.
fn auth(call: Call<'_>) -> Option<Rule> {
    let Call { service, name, .. } = call;
    if service == "ec2-instance-connect" && name.starts_with("Send") {
        return Some(rule("auth.temp_credential_issued"));
    }
    if !matches!(
        service,
        "iam" | "sts" | "signin" | "sso" | "sso-directory" | "identitystore" | "rolesanywhere"
    ) {
        return None;
    }
    Some(match name {
        "AssumeRole"
        | "AssumeRoleWithSAML"
        | "AssumeRoleWithWebIdentity"
        | "AssumeRoot"
        | "GetSessionToken"
        | "GetFederationToken"
        | "CreateSession" => rule("auth.temp_credential_issued"),
        _ if call.reads() || name == "GetCallerIdentity" => rule("auth.iam_read"),
        "CreateAccessKey"
        | "CreateServiceSpecificCredential"
        | "UploadSSHPublicKey"
        | "UploadSigningCertificate" => rule("auth.api_key_created"),
        "DeleteAccessKey"
        | "DeleteServiceSpecificCredential"
        | "DeleteSSHPublicKey"
        | "DeleteSigningCertificate" => rule("auth.api_key_revoked"),
        "ResetServiceSpecificCredential" => rule("auth.api_key_rotated"),
        "UpdateAccessKey" if call.wanted_status.eq_ignore_ascii_case("inactive") => {
            rule("auth.api_key_revoked")
        }
        "UpdateAccessKey" => rule("auth.api_key_updated"),
        "CreateLoginProfile" | "UpdateLoginProfile" | "ChangePassword" => rule("auth.password_set"),
        "DeleteLoginProfile" => rule("auth.password_removed"),
        "CreateVirtualMFADevice" | "EnableMFADevice" => rule("auth.mfa_setup"),
        "DeactivateMFADevice" | "DeleteVirtualMFADevice" | "ResyncMFADevice" => {
            rule("auth.mfa_reset")
        }
        _ => permission(name).unwrap_or(rule("auth.iam_change")),
    })
}

fn permission(name: &str) -> Option<Rule> {
    // A boundary limits, so setting one grants nothing.
    if name.ends_with("PermissionsBoundary") {
        return None;
    }
    let policy = name.contains("Policy");
    if policy && (name.starts_with("Attach") || name.starts_with("Put")) {
        return Some(rule("auth.permission_granted"));
    }
    if policy && (name.starts_with("Detach") || name.starts_with("Delete")) {
        return Some(rule("auth.permission_revoked"));
    }
    match name {
        "AddUserToGroup"
        | "AddRoleToInstanceProfile"
        | "CreatePolicyVersion"
        | "SetDefaultPolicyVersion"
        | "UpdateAssumeRolePolicy"
        | "CreateAccountAssignment"
        | "CreateGroupMembership"
        | "AddMemberToGroup" => Some(rule("auth.permission_granted")),
        "RemoveUserFromGroup"
        | "RemoveRoleFromInstanceProfile"
        | "DeleteAccountAssignment"
        | "DeleteGroupMembership"
        | "RemoveMemberFromGroup" => Some(rule("auth.permission_revoked")),
        _ => None,
    }
}

/// Objects, tables and the calls that carry data rather than change settings.
fn access(call: Call<'_>) -> Option<Rule> {
    let Call { service, name, .. } = call;
    Some(match (service, name) {
        ("s3" | "s3express" | "s3-outposts", _) => return s3(name),
        ("dynamodb", _) => return dynamodb(name),
        (
            "rds-data" | "redshift-data" | "timestream",
            "ExecuteStatement" | "BatchExecuteStatement",
        )
        | ("athena", "StartQueryExecution")
        | ("redshift-data", "GetStatementResult")
        | ("timestream", "Query") => data("data.db_query", "query"),
        ("rds", "StartExportTask") | ("logs", "CreateExportTask") => data("data.export", "export"),
        ("kms", "Decrypt" | "Encrypt" | "Sign" | "Verify" | "GenerateMac" | "VerifyMac")
        | ("lambda", "Invoke" | "InvokeFunction" | "InvokeWithResponseStream")
        | ("sns", "Publish" | "PublishBatch")
        | ("sqs", "SendMessage" | "SendMessageBatch" | "ReceiveMessage" | "DeleteMessage")
        | ("kinesis", "PutRecord" | "PutRecords" | "GetRecords")
        | ("ssm", "SendCommand" | "StartSession" | "ResumeSession" | "TerminateSession")
        | ("ssm", "StartAutomationExecution") => rule("data.api_call"),
        ("kms", _) if name.starts_with("GenerateDataKey") || name.starts_with("ReEncrypt") => {
            rule("data.api_call")
        }
        ("bedrock" | "bedrock-runtime", _)
            if name.starts_with("Invoke") || name.starts_with("Converse") =>
        {
            rule("data.api_call")
        }
        _ => return None,
    })
}

fn s3(name: &str) -> Option<Rule> {
    Some(match name {
        "GetObject" | "HeadObject" | "SelectObjectContent" | "GetObjectTorrent" => {
            data("data.file_read", "read")
        }
        "PutObject"
        | "PostObject"
        | "CopyObject"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload" => data("data.file_write", "write"),
        "DeleteObject" | "DeleteObjects" => data("data.file_delete", "delete"),
        "CreateMultipartUpload" | "AbortMultipartUpload" | "RestoreObject" => rule("data.api_call"),
        _ => return None,
    })
}

fn dynamodb(name: &str) -> Option<Rule> {
    let action = match name {
        "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" => "read",
        "PutItem" | "UpdateItem" | "BatchWriteItem" | "TransactWriteItems" => "write",
        "DeleteItem" => "delete",
        "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => "query",
        "ExportTableToPointInTime" => return Some(data("data.export", "export")),
        "CreateBackup" => return Some(rule("system.backup")),
        "RestoreTableFromBackup" | "RestoreTableToPointInTime" => {
            return Some(rule("system.restore"));
        }
        _ => return None,
    };
    Some(data("data.db_query", action))
}

/// Trails, keys, backups and the switches that make a cloud blind.
fn administration(call: Call<'_>) -> Option<Rule> {
    let Call { service, name, .. } = call;
    let reads = call.reads();
    Some(match (service, name) {
        ("cloudtrail", "StopLogging" | "DeleteTrail" | "DeleteEventDataStore")
        | ("cloudtrail", "StopEventDataStoreIngestion")
        | ("config", "StopConfigurationRecorder" | "DeleteConfigurationRecorder")
        | ("config", "DeleteDeliveryChannel")
        | ("guardduty", "DeleteDetector" | "DisassociateFromMasterAccount")
        | ("guardduty", "DisassociateFromAdministratorAccount")
        | ("securityhub", "DisableSecurityHub")
        | ("ec2", "DeleteFlowLogs")
        | ("route53resolver", "DeleteResolverQueryLogConfig")
        | ("organizations", "LeaveOrganization")
        | ("kms", "ScheduleKeyDeletion" | "DeleteImportedKeyMaterial") => {
            severe("system.config_change", "critical")
        }
        ("logs", "DeleteLogGroup" | "DeleteLogStream") => {
            severe("system.audit_deletion", "critical")
        }
        ("cloudtrail", "StartQuery" | "GenerateQuery") => rule("system.audit_access"),
        ("cloudtrail", _) if reads => rule("system.audit_access"),
        ("cloudtrail", "StartLogging" | "CreateTrail" | "AddTags") => rule("system.config_change"),
        ("cloudtrail", _) => severe("system.config_change", "warning"),
        ("kms", "RotateKey" | "RotateKeyOnDemand") => rule("system.credential_rotated"),
        ("kms", _) if reads => rule("system.key_read"),
        ("kms", "DisableKey" | "PutKeyPolicy" | "DisableKeyRotation") => {
            severe("system.config_change", "warning")
        }
        ("secretsmanager", "RotateSecret" | "RotationSucceeded") => {
            rule("system.credential_rotated")
        }
        ("ec2", "CreateSnapshot" | "CreateSnapshots")
        | ("rds", "CreateDBSnapshot" | "CreateDBClusterSnapshot")
        | ("backup", "StartBackupJob" | "BackupJobCompleted") => rule("system.backup"),
        ("backup", "StartRestoreJob" | "RestoreJobCompleted") => rule("system.restore"),
        ("rds", _) if name.starts_with("RestoreDB") => rule("system.restore"),
        // Making data readable for other accounts.
        ("ec2", "ModifySnapshotAttribute" | "ModifyImageAttribute")
        | ("rds", "ModifyDBSnapshotAttribute" | "ModifyDBClusterSnapshotAttribute")
        | ("s3", "PutBucketPolicy" | "PutBucketAcl" | "PutObjectAcl" | "DeleteBucketPolicy")
        | ("s3", "PutBucketPublicAccessBlock" | "DeleteBucketPublicAccessBlock")
        | ("s3", "PutBucketLifecycle" | "PutBucketLogging" | "PutBucketReplication")
        | ("lambda", "AddPermission") => severe("system.config_change", "warning"),
        _ => return None,
    })
}
