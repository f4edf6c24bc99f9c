use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::keys::MasterKey;

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[test]
fn regions_and_names_come_out_of_arns() {
    assert_eq!(region_in(ARN), Some("eu-west-1"));
    for other in ["1234abcd", "alias/audit", "arn:aws:s3:eu-west-1:1:x", "arn:aws:kms::1:key/x"] {
        assert_eq!(region_in(other), None, "{other}");
    }
    let env = |name: &str| (name == "AWS_REGION").then(|| "eu-west-1".to_owned());
    let of = |key: &str| KmsKey::new(key, &env).unwrap();
    let stored = format!("aws-kms:{ARN}");
    assert!(of(ARN).is(&stored) && of("1234abcd-12ab-34cd-56ef-1234567890ab").is(&stored));
    assert!(!of("alias/audit").is(&stored) && of("alias/audit").may_be(&stored));
    assert!(!of("other").may_be(&stored) && !of("alias/audit").may_be("local:0011223344556677"));
    let error = MasterKey::open_with("aws-kms:alias/audit", &|_| None).unwrap_err().to_string();
    assert!(error.contains("AWS_REGION"), "{error}");
}

/// Answers one request, and gives it.
fn answer(status: &str, body: &str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                length.is_some_and(|length| body.len() >= length.parse().unwrap())
            });
            if whole {
                stream.write_all(reply.as_bytes()).unwrap();
                return text;
            }
        }
    });
    (url, serving)
}

fn at(url: &str) -> KmsKey {
    let env = |name: &str| (name == "AWS_ENDPOINT_URL_KMS").then(|| url.to_owned());
    let mut key = KmsKey::new(ARN, &env).unwrap();
    let credential = object_store::aws::AwsCredential {
        key_id: "AKIAEXAMPLE".to_owned(),
        secret_key: "secret-of-the-test".to_owned(),
        token: None,
    };
    key.credentials = Arc::new(object_store::StaticCredentialProvider::new(credential));
    key
}

#[test]
fn requests_are_signed_and_name_key_and_context() {
    let runtime = crate::runtime().unwrap();
    let reply = format!(r#"{{"CiphertextBlob":"AQID","KeyId":"{ARN}"}}"#);
    let (url, serving) = answer("200 OK", &reply);
    let wrapped = runtime.block_on(at(&url).wrap(&[7; 32], "generation 1")).unwrap();
    assert_eq!(wrapped, (format!("aws-kms:{ARN}"), vec![1, 2, 3]));
    let request = serving.join().unwrap();
    for part in [
        "x-amz-target: TrentService.Encrypt",
        "content-type: application/x-amz-json-1.1",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/",
        "/eu-west-1/kms/aws4_request",
        r#""EncryptionContext":{"sealtrail":"generation 1"}"#,
        &format!(r#""KeyId":"{ARN}""#),
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
    let plain = Secret::from_bytes([9; 32]).to_base64().to_string();
    let (url, serving) = answer("200 OK", &format!(r#"{{"Plaintext":"{plain}"}}"#));
    let key = runtime.block_on(at(&url).unwrap(&[1, 2, 3], "generation 1")).unwrap();
    assert_eq!(key.expose(), &[9; 32]);
    let request = serving.join().unwrap();
    assert!(
        request.contains("TrentService.Decrypt") && request.contains(r#""CiphertextBlob":"AQID""#)
    );
}

#[test]
fn refusals_are_told_and_secrets_are_not() {
    let runtime = crate::runtime().unwrap();
    let reply = r#"{"__type":"com.amazonaws#AccessDeniedException","message":"not for you"}"#;
    let (url, serving) = answer("400 Bad Request", reply);
    let error = runtime.block_on(at(&url).wrap(&[7; 32], "generation 1")).unwrap_err();
    let _ = serving.join().unwrap();
    assert!(matches!(error, Error::Key(_)));
    let error = error.to_string();
    assert!(error.contains("400 AccessDeniedException not for you") && error.contains(&url));
    assert!(!error.contains("secret-of-the-test"));
    let (url, serving) = answer("200 OK", "<html>");
    let error = runtime.block_on(at(&url).unwrap(&[1], "g")).unwrap_err().to_string();
    let _ = serving.join().unwrap();
    assert!(error.contains("its reply is none of KMS"), "{error}");
    let nobody = at("http://127.0.0.1:1");
    let error = runtime.block_on(nobody.wrap(&[7; 32], "g")).unwrap_err().to_string();
    assert!(error.contains("AWS KMS (http://127.0.0.1:1)"), "{error}");
}
