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
    assert_eq!(tls.client_certificates, ClientCertificates::Required);
    assert_eq!(tls.min_version, TlsVersion::V1_3);
    let optional = text.replace(
        "\"ca.pem\"",
        "\"ca.pem\"\nclient_certificates = \"optional\"",
    );
    let tls = read(&optional).config.server.tls.unwrap();
    assert_eq!(tls.client_certificates, ClientCertificates::Optional);
    assert_cases(
        &[
            ("", "`key` is missing"),
            ("key = \"\"", "`key` is empty"),
            (
                "key = \"a\"\nmin_version = \"1.1\"",
                "`min_version` must be `1.2` or `1.3`",
            ),
            (
                "key = \"a\"\nclient_certificates = \"required\"",
                "`client_certificates` needs `client_ca`: the authorities that are believed",
            ),
            (
                "key = \"a\"\nclient_ca = \"a\"\nclient_certificates = \"no\"",
                "`client_certificates` must be `required` or `optional`",
            ),
            (
                "key = \"a\"\nmore = [{ key = \"b\" }]",
                "`certificate` is missing",
            ),
        ],
        |lines| format!("[server.tls]\ncertificate = \"a\"\n{lines}\n"),
    );
}

#[test]
fn the_admin_listener_is_an_address_or_a_table_and_of_this_machine_unless_told() {
    let admin = |text: &str| read(text).config.server.admin.unwrap();
    let short = admin("[server]\nadmin = \"[::1]:9901\"\n");
    assert_eq!(short.listen.to_string(), "[::1]:9901");
    assert_eq!((short.token_file, short.hosts), (None, Vec::new()));
    let long = admin(
        "[server.admin]\nlisten = \"0.0.0.0:1\"\ntoken_file = \"t\"\nhosts = [\"A.b\", \"::1\"]\n",
    );
    assert_eq!(long.token_file.as_deref(), Some("t"));
    assert_eq!(long.hosts, ["a.b", "::1"]);
    let reach = "`admin` could be asked from other machines";
    let host = "an entry of `hosts` must be a host name or an IP address, without a port";
    assert_cases(
        &[
            ("admin = \"127.0.0.2:1\"", ""),
            ("admin = \"0.0.0.0:1\"", reach),
            ("admin = \"192.0.2.1:1\"", reach),
            ("admin = { listen = \"[::]:1\", hosts = [] }", reach),
            ("admin = { listen = \"[::]:1\", hosts = [\"a\"] }", ""),
            ("admin = { listen = \"[::]:1\", hosts = [\"a:1\"] }", host),
            ("admin = { hosts = [\"a\"] }", "`listen` is missing"),
            (
                "admin = \"localhost\"",
                "`admin` must be an IP address and a port",
            ),
            (
                "admin = 1",
                "`admin` must be an address or a table, not an integer",
            ),
        ],
        |line| format!("[server]\n{line}\n"),
    );
}

#[test]
fn the_time_to_end_has_a_limit() {
    let server = read("[server]\ndrain = \"0s\"\ndrain_delay = \"24h\"\n")
        .config
        .server;
    let times = (server.drain.as_secs(), server.drain_delay.as_secs());
    assert_eq!(times, (0, 86_400));
    assert_cases(
        &[
            ("drain = \"25h\"", "`drain` must be at most `24h`"),
            (
                "drain_delay = \"25h\"",
                "`drain_delay` must be at most `24h`",
            ),
            ("drain = \"soon\"", "`drain` must be a duration"),
        ],
        |line| format!("[server]\n{line}\n"),
    );
}
