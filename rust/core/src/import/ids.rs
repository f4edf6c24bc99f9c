//! Ids, hashes and the byte form they are taken over.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Lower-case hex SHA-256 of `bytes`.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// `sha256:<hex>` of `bytes`, the form of `result.audit_hash`.
pub(super) fn audit_hash(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

/// `<prefix>` and the first 32 hex digits of SHA-256 over the parts joined with `|`.
pub(super) fn audit_id(prefix: &str, parts: &[&str]) -> String {
    let mut id = sha256_hex(parts.join("|").as_bytes());
    id.truncate(32);
    format!("{prefix}{id}")
}

/// Compact JSON with the keys of every object in byte order.
///
/// `serde_json`'s own order depends on a feature that any crate of a build may switch on, and
/// these bytes are hashed, so the order is made here.
pub(super) fn stable_json(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_stable(value, &mut out);
    out
}

fn write_stable(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_stable(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(Value::String(key.clone()).to_string().as_bytes());
                out.push(b':');
                write_stable(item, out);
            }
            out.push(b'}');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stable_json_sorts_keys_at_every_depth() {
        let value = json!({"b": [1, {"z": null, "a": "é\n"}], "a": 1.5});
        assert_eq!(
            String::from_utf8(stable_json(&value)).unwrap(),
            "{\"a\":1.5,\"b\":[1,{\"a\":\"é\\n\",\"z\":null}]}"
        );
    }

    #[test]
    fn ids_are_the_documented_hash() {
        // printf 'tool|toolu_1' | sha256sum
        let id = audit_id("audit_cc_", &["tool", "toolu_1"]);
        assert_eq!(id, format!("audit_cc_{}", &sha256_hex(b"tool|toolu_1")[..32]));
        assert_eq!(id.len(), "audit_cc_".len() + 32);
        assert_ne!(id, audit_id("audit_cc_", &["usage", "toolu_1"]));
    }

    #[test]
    fn hash_of_nothing_is_the_known_value() {
        assert_eq!(
            audit_hash(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
