//! What a caller may cost, and the certificates it is met with.

use super::read;
use super::values::assert_cases;
use crate::*;

#[test]
fn what_a_caller_may_cost_has_limits_of_its_own() {
    let headers = "`headers` must be from `8KiB` to `256KiB`";
    let wait = "must be from `10ms` to `24h`";
    assert_cases(
        &[
            ("headers = \"8KiB\"", ""),
            ("headers = \"256KiB\"", ""),
            ("headers = \"8191B\"", headers),
            ("headers = \"257KiB\"", headers),
            ("header_count = 1000", ""),
            (
                "header_count = 1001",
                "`header_count` must be a whole number from 1 to 1000",
            ),
            ("connections = 1", ""),
            (
                "connections = 0",
                "`connections` must be a whole number from 1 to 1000000",
            ),
            ("head_timeout = \"10ms\"", ""),
            ("head_timeout = \"9ms\"", &format!("`head_timeout` {wait}")),
            ("idle_timeout = \"24h\"", ""),
            ("idle_timeout = \"25h\"", &format!("`idle_timeout` {wait}")),
            (
                "request_timeout = \"0s\"",
                &format!("`request_timeout` {wait}"),
            ),
            (
                "request_timeout = \"1\"",
                "`request_timeout` must be a duration",
            ),
        ],
        |line| format!("[server.limits]\n{line}\n"),
    );
}

#[test]
fn the_server_has_several_certificates_the_files_of_which_are_named() {
    let text = "[server.tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\nmin_version = \"1.3\"\n\
                client_ca = \"ca.pem\"\n[[server.tls.more]]\ncertificate = \"b.pem\"\nkey = \"b.key\"\n";
    let tls = read(text).config.server.tls.unwrap();
    let files: Vec<_> = tls
        .certificates
        .iter()
        .map(|own| (own.certificate.as_str(), own.key.as_str()))
        .collect();
    assert_eq!(files, [("a.pem", "a.key"), ("b.pem", "b.key")]);
    assert_eq!(tls.client_ca.as_deref(), Some("ca.pem"));
    assert_eq!(tls.min_version, TlsVersion::V1_3);
    assert_cases(
        &[
            ("", "`key` is missing"),
            ("key = \"\"", "`key` is empty"),
            (
                "key = \"a\"\nmin_version = \"1.1\"",
                "`min_version` must be `1.2` or `1.3`",
            ),
            (
                "key = \"a\"\nmore = [{ key = \"b\" }]",
                "`certificate` is missing",
            ),
        ],
        |lines| format!("[server.tls]\ncertificate = \"a\"\n{lines}\n"),
    );
}
