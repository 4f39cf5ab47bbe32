//! Keys in PEM and in certificates, made with OpenSSL for these tests.

use portcullis_token::{Algorithm, KeySet, KeySetError, PemError, Unusable};
use serde_json::{Value, json};

const X: &str = "XEEbNYPLwCMAxwd6hBhqnW_YoMPBhYwoLDLvRfU_wbI";
const Y: &str = "UYPi7LeS-sLjdyfgiEcmbJuIszHOVZ0oTW1Dcfqo7pc";
/// The P-256 key as a `SubjectPublicKeyInfo`.
const EC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXEEbNYPLwCMAxwd6hBhqnW/YoMPBhYwoLDLvRfU/wbJR\
    g+Lst5L6wuN3J+CIRyZsm4izMc5VnShNbUNx+qjulw==";
/// A certificate of the P-256 key.
const EC_CERTIFICATE: &str = "\
    MIIBiDCCAS2gAwIBAgIULSGvCurd1v4mWLggTYgsiE+JqPQwCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwO\
    aXNzdWVyLmV4YW1wbGUwHhcNMjYxMTI0MDgyMDQyWhcNMzYxMTIxMDgyMDQyWjAZMRcwFQYDVQQDDA5p\
    c3N1ZXIuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFxBGzWDy8AjAMcHeoQYap1v2KDD\
    wYWMKCwy70X1P8GyUYPi7LeS+sLjdyfgiEcmbJuIszHOVZ0oTW1Dcfqo7pejUzBRMB0GA1UdDgQWBBT2\
    79fatypIHH3nfHrhl9w+NlbRTDAfBgNVHSMEGDAWgBT279fatypIHH3nfHrhl9w+NlbRTDAPBgNVHRMB\
    Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCgljLd87rNiSZFBnwuZT6fhDANSEahD+ZsAzpU1rdu\
    QgIhAIBJ6cD9u9xb2yGQbPiB9u8ct5tqM+E8v+SOvKEb5EA2";
/// An RSA key as a `SubjectPublicKeyInfo`.
const RSA_KEY: &str = "\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmVcptOFhIS0+GdGcgwas4alYQ/pgEvnVJJBN\
    +Xw3vfdVmYZkRhdh+DQmDqBmN1F0x6RXDmSXSKNfR/2B9FzTg+gEQtP5bGRSF9e2HhYYZ9vAyjqjpKY3\
    BBWa+BjZS42S2UahsZsynqZGtfpKtT9/CE8QhB8L/kjMme6f991E545mDumAslkfHtzphP/s+JWeor8W\
    4HcpylZH+NAxZJEjw77iDFQ4UR7OjzzocN/D94foBn7aIsmRE72iAaHRWxelYT+H2fowJ5Zved1uTmaO\
    Hp3vCQzS+jfoPZD7xNDo8sOsAma5WOITTHC4r7lzOq2ftA9Towh8PJPxKYNfwPuZDwIDAQAB";
/// The same as an `RSAPublicKey`.
const RSA_PKCS1: &str = "\
    MIIBCgKCAQEAmVcptOFhIS0+GdGcgwas4alYQ/pgEvnVJJBN+Xw3vfdVmYZkRhdh+DQmDqBmN1F0x6RX\
    DmSXSKNfR/2B9FzTg+gEQtP5bGRSF9e2HhYYZ9vAyjqjpKY3BBWa+BjZS42S2UahsZsynqZGtfpKtT9/\
    CE8QhB8L/kjMme6f991E545mDumAslkfHtzphP/s+JWeor8W4HcpylZH+NAxZJEjw77iDFQ4UR7Ojzzo\
    cN/D94foBn7aIsmRE72iAaHRWxelYT+H2fowJ5Zved1uTmaOHp3vCQzS+jfoPZD7xNDo8sOsAma5WOIT\
    THC4r7lzOq2ftA9Towh8PJPxKYNfwPuZDwIDAQAB";
/// A certificate of the RSA key.
const RSA_CERTIFICATE: &str = "\
    MIIDEzCCAfugAwIBAgIUaV81v5v3NKbYy/afsfr9SC9DhhAwDQYJKoZIhvcNAQELBQAwGTEXMBUGA1UE\
    AwwOaXNzdWVyLmV4YW1wbGUwHhcNMjYxMTI0MDgyMDQzWhcNMzYxMTIxMDgyMDQzWjAZMRcwFQYDVQQD\
    DA5pc3N1ZXIuZXhhbXBsZTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAJlXKbThYSEtPhnR\
    nIMGrOGpWEP6YBL51SSQTfl8N733VZmGZEYXYfg0Jg6gZjdRdMekVw5kl0ijX0f9gfRc04PoBELT+Wxk\
    UhfXth4WGGfbwMo6o6SmNwQVmvgY2UuNktlGobGbMp6mRrX6SrU/fwhPEIQfC/5IzJnun/fdROeOZg7p\
    gLJZHx7c6YT/7PiVnqK/FuB3KcpWR/jQMWSRI8O+4gxUOFEezo886HDfw/eH6AZ+2iLJkRO9ogGh0VsX\
    pWE/h9n6MCeWb3ndbk5mjh6d7wkM0vo36D2Q+8TQ6PLDrAJmuVjiE0xwuK+5czqtn7QPU6MIfDyT8SmD\
    X8D7mQ8CAwEAAaNTMFEwHQYDVR0OBBYEFNhM8waztD77UBdpmW4zWanvXAeyMB8GA1UdIwQYMBaAFNhM\
    8waztD77UBdpmW4zWanvXAeyMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAGqgpY8l\
    qZ/LjDhxf6QTNJxlTjNRkHIJ3LcUTGhkI9TkIgElsB+R8JJaLeYzR8QCi6dLSZiBcf9HDNosJLx4C92s\
    93el2Szrpy+1oUYlJsUgHMAOWNnlnJ8lv7S7PeVwEGL4PrIKrcZ6Dj9WzxPUKwztNznVlnHgIw8QILaa\
    VJCaPxc5iXuzLDQwq/ILnFxPy7FJXLplGlGQgwpuSLj4ZNeuMIzGv2COD7G8qN8zoym4uEr/f7L5INYs\
    wLdBPvXyzExQy2YS6dD3qtfgrlSb7vJTUIHpe5uJiTNKbE6M67CtRZzCYrubIaeFfWGnojc6WFj2aQBv\
    LV5nMND4eChIlbs=";

fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn thumbprint(label: &str, body: &str, algorithm: Algorithm) -> [u8; 32] {
    let keys = KeySet::from_pem(&pem(label, body), algorithm);
    *keys.unwrap_or_else(|why| panic!("{label}: {why}")).keys()[0].thumbprint()
}

fn ec(changes: &Value) -> Result<KeySet, KeySetError> {
    let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y });
    crate::signer::change(&mut jwk, changes);
    KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes())
}

#[test]
fn a_key_is_the_same_key_in_every_form() {
    let published = ec(&json!({})).unwrap();
    let published = published.keys()[0].thumbprint();
    for (label, body) in [("PUBLIC KEY", EC_KEY), ("CERTIFICATE", EC_CERTIFICATE)] {
        assert_eq!(
            thumbprint(label, body, Algorithm::Es256),
            *published,
            "{label}"
        );
    }
    let rsa = thumbprint("PUBLIC KEY", RSA_KEY, Algorithm::Rs256);
    for (label, body) in [
        ("RSA PUBLIC KEY", RSA_PKCS1),
        ("CERTIFICATE", RSA_CERTIFICATE),
    ] {
        assert_eq!(thumbprint(label, body, Algorithm::Ps512), rsa, "{label}");
    }
}

#[test]
fn a_form_under_another_label_is_refused() {
    for (label, body) in [
        ("CERTIFICATE", EC_KEY),
        ("PUBLIC KEY", EC_CERTIFICATE),
        ("PUBLIC KEY", RSA_PKCS1),
        ("RSA PUBLIC KEY", RSA_KEY),
    ] {
        let result = KeySet::from_pem(&pem(label, body), Algorithm::Rs256);
        assert_eq!(
            result.map(drop),
            Err(PemError::Content),
            "{label} {body:.20}"
        );
    }
}

#[test]
fn a_key_is_not_used_with_the_certificate_of_another() {
    for (name, changes, expected) in [
        ("its own", json!({ "x5c": [EC_CERTIFICATE] }), None),
        (
            "its own and others",
            json!({ "x5c": [EC_CERTIFICATE, RSA_CERTIFICATE] }),
            None,
        ),
        (
            "another",
            json!({ "x5c": [RSA_CERTIFICATE] }),
            Some(Unusable::Certificate),
        ),
        (
            "another first",
            json!({ "x5c": [RSA_CERTIFICATE, EC_CERTIFICATE] }),
            Some(Unusable::Certificate),
        ),
        ("none", json!({ "x5c": [] }), Some(Unusable::Certificate)),
        (
            "no list",
            json!({ "x5c": EC_CERTIFICATE }),
            Some(Unusable::Certificate),
        ),
        (
            "no certificate",
            json!({ "x5c": ["AAAA"] }),
            Some(Unusable::Certificate),
        ),
    ] {
        let why = match ec(&changes) {
            Ok(_) => None,
            Err(KeySetError::Empty(skipped)) => Some(skipped[0].why),
            Err(other) => panic!("{name}: {other}"),
        };
        assert_eq!(why, expected, "{name}");
    }
}
