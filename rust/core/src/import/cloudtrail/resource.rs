//! What a call was about.

use serde_json::Value;

use super::super::draft::{object, text};

/// Request parameters that name a resource, by service: the first that is there counts.
const NAMES: &[(&str, &str, &str)] = &[
    ("dynamodb", "tableName", "dynamodb_table"),
    ("dynamodb", "tableArn", "dynamodb_table"),
    ("secretsmanager", "secretId", "secret"),
    ("secretsmanager", "name", "secret"),
    ("ssm", "name", "ssm_parameter"),
    ("ssm", "target", "ec2_instance"),
    ("ssm", "instanceId", "ec2_instance"),
    ("kms", "keyId", "kms_key"),
    ("lambda", "functionName", "lambda_function"),
    ("iam", "policyArn", "iam_policy"),
    ("iam", "userName", "iam_user"),
    ("iam", "roleName", "iam_role"),
    ("iam", "groupName", "iam_group"),
    ("iam", "instanceProfileName", "iam_instance_profile"),
    ("sts", "roleArn", "iam_role"),
    ("cloudtrail", "name", "trail"),
    ("cloudtrail", "trailName", "trail"),
    ("rds", "dBInstanceIdentifier", "rds_instance"),
    ("rds", "dBSnapshotIdentifier", "rds_snapshot"),
    ("rds", "sourceArn", "rds_snapshot"),
    ("rds", "dBClusterIdentifier", "rds_cluster"),
    ("logs", "logGroupName", "log_group"),
    ("bedrock", "modelId", "bedrock_model"),
    ("guardduty", "detectorId", "guardduty_detector"),
    ("ec2", "instanceId", "ec2_instance"),
    ("ec2", "volumeId", "ec2_volume"),
    ("ec2", "snapshotId", "ec2_snapshot"),
    ("ec2", "imageId", "ec2_image"),
    ("ec2", "groupId", "ec2_security_group"),
    ("ec2", "vpcId", "ec2_vpc"),
    ("ec2", "subnetId", "ec2_subnet"),
    ("ec2", "routeTableId", "ec2_route_table"),
    ("ec2-instance-connect", "instanceId", "ec2_instance"),
    ("rds-data", "resourceArn", "database"),
    ("redshift-data", "clusterIdentifier", "database"),
    ("redshift-data", "workgroupName", "database"),
    ("redshift-data", "id", "statement"),
    ("athena", "workGroup", "athena_workgroup"),
    ("backup", "resourceArn", "resource"),
    ("backup", "recoveryPointArn", "recovery_point"),
    ("sqs", "queueUrl", "sqs_queue"),
    ("sns", "topicArn", "sns_topic"),
];

/// `resource` of an event: S3 objects as `s3://bucket/key`; else what the request names; else the
/// first of the record's `resources`; else the service alone.
pub(super) fn resource(service: &str, record: &Value) -> Value {
    let request = &record["requestParameters"];
    let (kind, path) = s3(service, request)
        .or_else(|| named(service, request))
        .or_else(|| listed(record))
        .or_else(|| batch(service, request))
        .unwrap_or_else(|| (service.to_owned(), None));
    object([("type", Some(kind.into())), ("path", path.map(Value::from))])
}

type Found = (String, Option<String>);

fn s3(service: &str, request: &Value) -> Option<Found> {
    if !service.starts_with("s3") {
        return None;
    }
    let bucket = text(request, "bucketName")?;
    Some(match text(request, "key") {
        Some(key) => ("s3_object".to_owned(), Some(format!("s3://{bucket}/{key}"))),
        None => ("s3_bucket".to_owned(), Some(format!("s3://{bucket}"))),
    })
}

fn named(service: &str, request: &Value) -> Option<Found> {
    NAMES
        .iter()
        .filter(|(of, ..)| *of == service)
        .find_map(|(_, key, kind)| Some(((*kind).to_owned(), Some(text(request, key)?.to_owned()))))
}

fn listed(record: &Value) -> Option<Found> {
    let first = record["resources"].as_array()?.first()?;
    let arn = text(first, "ARN").or_else(|| text(first, "ARNPrefix"))?;
    Some((text(first, "type").unwrap_or("resource").to_owned(), Some(arn.to_owned())))
}

/// Calls on several things at once name them all.
fn batch(service: &str, request: &Value) -> Option<Found> {
    let (kind, names): (&str, Vec<&str>) = match service {
        "dynamodb" => {
            let tables = request["requestItems"].as_object()?;
            ("dynamodb_table", tables.keys().map(String::as_str).collect())
        }
        "ssm" => {
            let names =
                request["names"].as_array().or_else(|| request["instanceIds"].as_array())?;
            let kind = if request["names"].is_array() { "ssm_parameter" } else { "ec2_instance" };
            (kind, names.iter().filter_map(Value::as_str).collect())
        }
        "ec2" => {
            let items = request["instancesSet"]["items"].as_array()?;
            ("ec2_instance", items.iter().filter_map(|item| text(item, "instanceId")).collect())
        }
        _ => return None,
    };
    (!names.is_empty()).then(|| (kind.to_owned(), Some(names.join(","))))
}
