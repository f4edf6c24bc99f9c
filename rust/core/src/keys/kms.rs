//! A master key in AWS KMS, which never leaves it: KMS wraps and unwraps.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::BASE64;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredentialProvider};
use object_store::client::HttpRequest;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Secret;
use crate::{Error, Result};

/// Variables that say where KMS is.
pub(crate) const VARIABLES: [&str; 4] =
    ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"];
/// Name of what the encryption context says.
const CONTEXT: &str = "sealtrail";
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest reply.
const LONGEST: usize = 64 << 10;

/// A key of KMS.
pub(super) struct KmsKey {
    /// Id, alias or ARN, as it was given.
    key: String,
    endpoint: String,
    region: String,
    credentials: AwsCredentialProvider,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: Secret,
}

impl KmsKey {
    /// The key with this id, alias or ARN. Nothing is asked yet; credentials are those of the
    /// environment or the instance.
    ///
    /// # Errors
    /// `Usage` if nothing says in which region it is, `Key` if the client cannot be set up.
    pub(super) fn new(key: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let region = region_in(key).map(str::to_owned);
        let region = region.or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
        let unknown = "the region of the KMS key is not known: set AWS_REGION, or give its ARN";
        let region = region.ok_or_else(|| Error::Usage(unknown.to_owned()))?;
        let endpoint = set("AWS_ENDPOINT_URL_KMS").or_else(|| set("AWS_ENDPOINT_URL"));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com"));
        let url = url::Url::parse(&endpoint).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(Error::Usage(format!("{endpoint:?} is no endpoint of KMS")));
        }
        // Only how it finds credentials is used of this client.
        let client = AmazonS3Builder::from_env()
            .with_bucket_name("unused")
            .with_region(&region)
            .build()
            .map_err(|e| Error::Key(format!("the client of AWS cannot be set up: {e}")))?;
        let credentials = Arc::clone(client.credentials());
        Ok(Self { key: key.to_owned(), endpoint, region, credentials })
    }

    /// What wrapped keys call it until KMS tells its ARN.
    pub(super) fn name(&self) -> String {
        name_of(&self.key)
    }

    pub(super) fn place(&self) -> String {
        format!("AWS KMS ({})", self.endpoint)
    }

    /// Whether a key that is named so in a store is certainly this one.
    pub(super) fn is(&self, name: &str) -> bool {
        let id =
            |text: &str| text.rsplit_once(":key/").map_or(text.to_owned(), |(_, id)| id.into());
        let named = name.strip_prefix(PREFIX);
        named.is_some_and(|named| named == self.key || id(named) == id(&self.key))
    }

    /// Whether it may be: which key an alias means, only KMS knows.
    pub(super) fn may_be(&self, name: &str) -> bool {
        self.is(name) || name.starts_with(PREFIX) && self.key.contains("alias/")
    }

    /// Has a key wrapped: the name of the master key, and what KMS made of it.
    pub(super) async fn wrap(&self, key: &[u8; 32], context: &str) -> Result<(String, Vec<u8>)> {
        let plain = Zeroizing::new(BASE64.encode(key));
        let body = json!({
            "EncryptionContext": {CONTEXT: context},
            "KeyId": self.key,
            "Plaintext": plain.as_str(),
        });
        let done: Encrypted = self.ask("Encrypt", body).await?;
        let blob = BASE64.decode(done.ciphertext_blob.as_bytes());
        Ok((name_of(&done.key_id), blob.map_err(|_| self.nonsense())?))
    }

    /// Has a key unwrapped.
    pub(super) async fn unwrap(&self, wrapped: &[u8], context: &str) -> Result<Secret> {
        let body = json!({
            "CiphertextBlob": BASE64.encode(wrapped),
            "EncryptionContext": {CONTEXT: context},
            "KeyId": self.key,
        });
        let done: Decrypted = self.ask("Decrypt", body).await?;
        Ok(done.plaintext)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, action: &str, body: Value) -> Result<T> {
        let body = Zeroizing::new(body.to_string());
        let failed = |what: String| Error::Key(format!("{}: {action}: {what}", self.place()));
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|e| failed(format!("no credentials: {e}")))?;
        let mut request = HttpRequest::new(body.as_bytes().to_vec().into());
        let malformed = |_| Error::Usage(format!("{:?} is no endpoint of KMS", self.endpoint));
        *request.method_mut() = reqwest::Method::POST;
        *request.uri_mut() = self.endpoint.parse().map_err(malformed)?;
        let headers = request.headers_mut();
        let header = reqwest::header::HeaderValue::from_str;
        let target = header(&format!("TrentService.{action}"));
        headers.insert("x-amz-target", target.map_err(|e| failed(e.to_string()))?);
        let kind = reqwest::header::HeaderValue::from_static("application/x-amz-json-1.1");
        headers.insert("content-type", kind);
        AwsAuthorizer::new(&credential, "kms", &self.region).authorize(&mut request, None);
        let sending = client()?
            .post(&self.endpoint)
            .headers(request.headers().clone())
            .body(body.as_bytes().to_vec());
        let reply = sending.send().await.map_err(|e| failed(told(&e)))?;
        let status = reply.status();
        let text = Zeroizing::new(reply.bytes().await.map_err(|e| failed(told(&e)))?.to_vec());
        if text.len() > LONGEST {
            return Err(self.nonsense());
        }
        if !status.is_success() {
            return Err(failed(refusal(status.as_u16(), &text)));
        }
        serde_json::from_slice(&text).map_err(|_| self.nonsense())
    }

    fn nonsense(&self) -> Error {
        Error::Key(format!("{}: its reply is none of KMS", self.place()))
    }
}

const PREFIX: &str = "aws-kms:";

fn name_of(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// The region in an ARN (`arn:aws:kms:<region>:...`).
fn region_in(key: &str) -> Option<&str> {
    let mut parts = key.split(':');
    let arn = parts.next()? == "arn" && parts.nth(1)? == "kms";
    parts.next().filter(|region| arn && !region.is_empty())
}

/// What KMS says of a request that it refused.
fn refusal(status: u16, text: &[u8]) -> String {
    let reply: Value = serde_json::from_slice(text).unwrap_or_default();
    let part = |names: [&str; 2]| names.iter().find_map(|name| reply[*name].as_str());
    let kind = part(["__type", "code"]).unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let message = part(["message", "Message"]).unwrap_or_default();
    format!("refused with {status} {kind} {message}").trim_end().to_owned()
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn client() -> Result<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| reqwest::Client::builder().timeout(PATIENCE).build().ok());
    made.as_ref().ok_or_else(|| Error::Key("the client of AWS KMS cannot be set up".to_owned()))
}

#[cfg(test)]
#[path = "kms_tests.rs"]
mod tests;
