//! Which event a call becomes, how it went, who did it and to what.

use serde_json::{Value, json};

use super::{event, record};

fn kind(source: &str, name: &str, more: Value) -> String {
    event(&record(source, name, more))["event_type"].as_str().unwrap().to_owned()
}

#[test]
fn calls_that_change_something() {
    for (source, name, expected) in [
        ("signin", "ConsoleLogin", "auth.user_login"),
        ("signin", "SwitchRole", "auth.temp_credential_issued"),
        ("sso", "Federate", "auth.sso_callback"),
        ("sso", "Logout", "auth.user_logout"),
        ("sso", "CreateAccountAssignment", "auth.permission_granted"),
        ("sts", "AssumeRole", "auth.temp_credential_issued"),
        ("sts", "AssumeRoleWithWebIdentity", "auth.temp_credential_issued"),
        ("sts", "GetSessionToken", "auth.temp_credential_issued"),
        ("sts", "GetFederationToken", "auth.temp_credential_issued"),
        ("ec2-instance-connect", "SendSSHPublicKey", "auth.temp_credential_issued"),
        ("iam", "CreateAccessKey", "auth.api_key_created"),
        ("iam", "DeleteAccessKey", "auth.api_key_revoked"),
        ("iam", "ResetServiceSpecificCredential", "auth.api_key_rotated"),
        ("iam", "AttachUserPolicy", "auth.permission_granted"),
        ("iam", "PutRolePolicy", "auth.permission_granted"),
        ("iam", "AddUserToGroup", "auth.permission_granted"),
        ("iam", "UpdateAssumeRolePolicy", "auth.permission_granted"),
        ("iam", "CreatePolicyVersion", "auth.permission_granted"),
        ("iam", "DetachRolePolicy", "auth.permission_revoked"),
        ("iam", "DeleteGroupPolicy", "auth.permission_revoked"),
        ("iam", "DeletePolicy", "auth.permission_revoked"),
        ("iam", "RemoveUserFromGroup", "auth.permission_revoked"),
        ("iam", "PutUserPermissionsBoundary", "auth.iam_change"),
        ("iam", "EnableMFADevice", "auth.mfa_setup"),
        ("iam", "DeactivateMFADevice", "auth.mfa_reset"),
        ("iam", "CreateLoginProfile", "auth.password_set"),
        ("iam", "DeleteLoginProfile", "auth.password_removed"),
        ("iam", "CreateUser", "auth.iam_change"),
        ("rolesanywhere", "CreateTrustAnchor", "auth.iam_change"),
        ("s3", "PutObject", "data.file_write"),
        ("s3", "DeleteObjects", "data.file_delete"),
        ("s3", "DeleteBucket", "system.config_change"),
        ("dynamodb", "PutItem", "data.db_query"),
        ("dynamodb", "DeleteTable", "system.config_change"),
        ("dynamodb", "ExportTableToPointInTime", "data.export"),
        ("rds", "StartExportTask", "data.export"),
        ("ssm", "SendCommand", "data.api_call"),
        ("lambda", "Invoke20150331", "data.api_call"),
        ("lambda", "CreateFunction20150331", "system.config_change"),
        ("kms", "ScheduleKeyDeletion", "system.config_change"),
        ("kms", "CreateKey", "system.config_change"),
        ("kms", "RotateKeyOnDemand", "system.credential_rotated"),
        ("secretsmanager", "RotateSecret", "system.credential_rotated"),
        ("secretsmanager", "PutSecretValue", "system.config_change"),
        ("cloudtrail", "StopLogging", "system.config_change"),
        ("cloudtrail", "StartQuery", "system.audit_access"),
        ("logs", "DeleteLogGroup", "system.audit_deletion"),
        ("ec2", "CreateSnapshot", "system.backup"),
        ("rds", "RestoreDBInstanceFromDBSnapshot", "system.restore"),
        ("ec2", "RunInstances", "system.config_change"),
    ] {
        assert_eq!(kind(source, name, json!({})), expected, "{source} {name}");
    }
}

#[test]
fn calls_that_only_read() {
    for (source, name, expected) in [
        ("iam", "GetUser", "auth.iam_read"),
        ("sts", "GetCallerIdentity", "auth.iam_read"),
        ("s3", "GetObject", "data.file_read"),
        ("s3", "GetBucketAcl", "data.api_call"),
        ("dynamodb", "Scan", "data.db_query"),
        ("athena", "StartQueryExecution", "data.db_query"),
        ("kms", "Decrypt", "data.api_call"),
        ("kms", "DescribeKey", "system.key_read"),
        ("bedrock", "InvokeModel", "data.api_call"),
        ("secretsmanager", "GetSecretValue", "data.api_call"),
        ("cloudtrail", "DescribeTrails", "system.audit_access"),
        ("cloudtrail", "LookupEvents", "system.audit_access"),
        ("ec2", "DescribeInstances", "data.api_call"),
    ] {
        let read = json!({"readOnly": true});
        assert_eq!(kind(source, name, read), expected, "{source} {name}");
    }
}

#[test]
fn without_read_only_the_verb_decides_and_data_events_change_nothing() {
    assert_eq!(kind("ec2", "DescribeVpcs", json!({"readOnly": null})), "data.api_call");
    assert_eq!(kind("ec2", "CreateVpc", json!({"readOnly": null})), "system.config_change");
    assert_eq!(kind("qbusiness", "ChatSync", json!({"eventCategory": "Data"})), "data.api_call");
}

#[test]
fn insights_are_alerts() {
    let event = event(&record(
        "ec2",
        "RunInstances",
        json!({"eventCategory": "Insight",
        "insightDetails": {"insightType": "ApiCallRateInsight", "eventName": "RunInstances"}}),
    ));
    assert_eq!(event["event_type"], "system.security_alert");
    assert_eq!(event["rule"], "ApiCallRateInsight");
    assert_eq!(event["pattern"], "RunInstances");
}

#[test]
fn an_access_key_made_inactive_is_revoked() {
    let request = |status: &str| {
        json!({"requestParameters": {"status": status, "userName": "bo",
            "accessKeyId": "AKIAI44QH8DHBEXAMPLE"}})
    };
    let revoked = event(&record("iam", "UpdateAccessKey", request("Inactive")));
    assert_eq!(revoked["event_type"], "auth.api_key_revoked");
    assert_eq!(revoked["api_key_id"], "AKIAI44QH8DHBEXAMPLE");
    assert_eq!(revoked["owner"], "bo");
    assert_eq!(kind("iam", "UpdateAccessKey", request("Active")), "auth.api_key_updated");
}

#[test]
fn outcomes() {
    for (code, status) in [
        ("AccessDenied", "denied"),
        ("AccessDeniedException", "denied"),
        ("Client.UnauthorizedOperation", "denied"),
        ("UnauthorizedOperation", "denied"),
        ("NotAuthorizedException", "denied"),
        ("ThrottlingException", "failure"),
        ("NoSuchBucketPolicy", "failure"),
    ] {
        let event = event(&record(
            "ec2",
            "RunInstances",
            json!({"errorCode": code,
            "errorMessage": "why"}),
        ));
        assert_eq!(event["status"], status, "{code}");
        assert_eq!(event["result_code"], code);
        assert_eq!(event["error_message"], "why");
        let severity = event.get("severity").and_then(Value::as_str);
        assert_eq!(severity, (status == "denied").then_some("warning"), "{code}");
    }
    let event = event(&record("ec2", "RunInstances", json!({})));
    assert_eq!(event["status"], "success");
    assert!(!event.contains_key("result_code") && !event.contains_key("severity"));
}

#[test]
fn sign_ins_by_what_the_response_says() {
    let login = |answer: &str, error: Value| {
        event(&record(
            "signin",
            "ConsoleLogin",
            json!({
            "eventType": "AwsConsoleSignIn", "responseElements": {"ConsoleLogin": answer},
            "errorMessage": error, "additionalEventData": {"MFAUsed": "Yes"}}),
        ))
    };
    let good = login("Success", Value::Null);
    assert_eq!((&good["status"], &good["mfa_verified"]), (&json!("success"), &json!(true)));
    let bad = login("Failure", json!("Failed authentication"));
    assert_eq!((&bad["status"], &bad["severity"]), (&json!("failure"), &json!("warning")));
    assert_eq!(bad["source_ip"], "198.51.100.7");
    for (answer, expected) in [("Success", "auth.mfa_challenge"), ("Failure", "auth.mfa_failure")] {
        let answer = json!({"responseElements": {"CheckMfa": answer}});
        assert_eq!(kind("signin", "CheckMfa", answer), expected);
    }
}

#[test]
fn severities() {
    for (source, name, expected) in [
        ("cloudtrail", "StopLogging", Some("critical")),
        ("cloudtrail", "DeleteTrail", Some("critical")),
        ("cloudtrail", "PutEventSelectors", Some("warning")),
        ("cloudtrail", "StartLogging", None),
        ("guardduty", "DeleteDetector", Some("critical")),
        ("kms", "ScheduleKeyDeletion", Some("critical")),
        ("kms", "DisableKey", Some("warning")),
        ("ec2", "ModifySnapshotAttribute", Some("warning")),
        ("ec2", "CreateVpc", None),
    ] {
        let event = event(&record(source, name, json!({})));
        assert_eq!(event.get("severity").and_then(Value::as_str), expected, "{source} {name}");
    }
    let denied = event(&record("cloudtrail", "StopLogging", json!({"errorCode": "AccessDenied"})));
    assert_eq!(denied["severity"], "critical", "a denied attempt matters no less");
    let root = json!({"userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root"}});
    assert_eq!(event(&record("ec2", "CreateVpc", root))["severity"], "warning");
}

#[test]
fn who_did_it() {
    for (identity, user) in [
        (json!({"arn": "a", "userName": "u", "principalId": "p"}), "a"),
        (json!({"userName": "u", "principalId": "p"}), "u"),
        (json!({"principalId": "p", "accountId": "1"}), "p"),
        (json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}), "ec2.amazonaws.com"),
        (json!({"accountId": "1"}), "1"),
    ] {
        let event = event(&record("ec2", "CreateVpc", json!({"userIdentity": identity})));
        assert_eq!(event["user_id"], user);
        assert!(!event.contains_key("credential_id"));
    }
    for (from, is_address) in [
        ("2001:db8::1", true),
        ("225.01.0.16", true),
        ("AWS Internal", false),
        ("ec2.amazonaws.com", false),
    ] {
        let event = event(&record("ec2", "CreateVpc", json!({"sourceIPAddress": from})));
        assert_eq!(event.contains_key("source_ip"), is_address, "{from}");
    }
    let event = event(&record("ec2", "CreateVpc", json!({})));
    assert_eq!(event["credential_id"], "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(event["modified_by"], "arn:aws:iam::111122223333:user/ana");
    assert_eq!(event["setting"], "ec2.amazonaws.com/CreateVpc");
}

#[test]
fn what_it_was_done_to() {
    for (source, name, more, kind, path) in [
        (
            "s3",
            "GetObject",
            json!({"requestParameters": {"bucketName": "b", "key": "k/x"}}),
            "s3_object",
            "s3://b/k/x",
        ),
        (
            "s3",
            "DeleteBucket",
            json!({"requestParameters": {"bucketName": "b"}}),
            "s3_bucket",
            "s3://b",
        ),
        (
            "dynamodb",
            "Scan",
            json!({"requestParameters": {"tableName": "t"}}),
            "dynamodb_table",
            "t",
        ),
        (
            "dynamodb",
            "BatchGetItem",
            json!({"requestParameters": {"requestItems": {"t": {}}}}),
            "dynamodb_table",
            "t",
        ),
        (
            "secretsmanager",
            "GetSecretValue",
            json!({"requestParameters": {"secretId": "s"}}),
            "secret",
            "s",
        ),
        (
            "ssm",
            "GetParameters",
            json!({"requestParameters": {"names": ["a", "b"]}}),
            "ssm_parameter",
            "a,b",
        ),
        (
            "ec2",
            "RunInstances",
            json!({"requestParameters":
            {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}),
            "ec2_instance",
            "i-1",
        ),
        (
            "kms",
            "Decrypt",
            json!({"resources": [{"type": "AWS::KMS::Key", "ARN": "arn:k"}]}),
            "AWS::KMS::Key",
            "arn:k",
        ),
    ] {
        let event = event(&record(source, name, more));
        assert_eq!(event["resource"], json!({"type": kind, "path": path}), "{name}");
    }
    assert_eq!(event(&record("sns", "ListTopics", json!({})))["resource"], json!({"type": "sns"}));
    let read = event(&record("s3", "GetObject", json!({"readOnly": true})));
    assert_eq!(read["operation"]["action"], "read");
    assert_eq!(event(&record("sns", "X", json!({})))["operation"]["action"], "X");
}

#[test]
fn roles_and_keys_can_be_followed() {
    let event = event(&record(
        "sts",
        "AssumeRole",
        json!({
        "requestParameters": {"roleArn": "arn:role", "durationSeconds": 900},
        "responseElements": {"credentials": {"accessKeyId": "ASIAIOSFODNN7EXAMPLE"},
            "assumedRoleUser": {"arn": "arn:assumed"}}}),
    ));
    assert_eq!(event["issued_credential_id"], "ASIAIOSFODNN7EXAMPLE");
    assert_eq!((&event["issued_to"], &event["role"]), (&json!("arn:assumed"), &json!("arn:role")));
    assert_eq!(event["ttl_seconds"], 900);
    let created = super::event(&record(
        "iam",
        "CreateAccessKey",
        json!({
        "requestParameters": {"userName": "bo"},
        "responseElements": {"accessKey": {"accessKeyId": "AKIAI44QH8DHBEXAMPLE"}}}),
    ));
    assert_eq!(
        (&created["owner"], &created["api_key_id"]),
        (&json!("bo"), &json!("AKIAI44QH8DHBEXAMPLE"))
    );
    let granted = super::event(&record(
        "iam",
        "AttachUserPolicy",
        json!({
        "requestParameters": {"userName": "bo", "policyArn": "arn:admin"}}),
    ));
    assert_eq!((&granted["grantee"], &granted["scopes"]), (&json!("bo"), &json!(["arn:admin"])));
}
