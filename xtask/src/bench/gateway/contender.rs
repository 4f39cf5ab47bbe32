//! The proxies, each with one thread and a configuration that does no more than it must.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{GatewayBenchError, TOOL};

/// A proxy, and what is sent through it once it runs.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) passes: &'static [Pass],
    /// What prints its version, where it may not be installed.
    probe: Option<&'static [&'static str]>,
    /// The names and texts of its files.
    files: &'static [(&'static str, &'static str)],
    /// What stands in its files for `EXTRA`.
    extra: &'static str,
    command: &'static [&'static str],
}

/// Requests with so many different tokens.
pub(super) struct Pass {
    pub(super) name: &'static str,
    pub(super) tokens: u32,
}

const NGINX: &str = "daemon off; master_process off; worker_processes 1; error_log stderr; pid FOLDER/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER; uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;
  keepalive_requests 1000000;
  upstream api { server 127.0.0.1:18481; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:18480;
    location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection \"\"; }
  }
}
";

const HAPROXY: &str = "global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:18480
EXTRA
  default_backend api
backend api
  http-reuse always
  server api 127.0.0.1:18481
";

const HAPROXY_CHECKS: &str = "  http-request deny deny_status 401 unless { http_auth_bearer,jwt_header_query('$.alg') -m str RS256 }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_payload_query('$.iss') -m str https://issuer.example/ }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(\"RS256\",\"FOLDER/key.pem\") -m int 1 }
";

const ENVOY: &str = "static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 18480 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          route_config:
            virtual_hosts:
            - { name: api, domains: ['*'], routes: [{ match: { prefix: / }, route: { cluster: api } }] }
          http_filters:
          - name: envoy.filters.http.jwt_authn
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                issuer:
                  issuer: https://issuer.example/
                  audiences: ['https://expenses-api']
                  local_jwks: { filename: FOLDER/jwks.json }
EXTRA
              rules: [{ match: { prefix: / }, requires: { provider_name: issuer } }]
          - name: envoy.filters.http.router
            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: api
    type: STATIC
    load_assignment:
      cluster_name: api
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 18481 } } } }] }]
";

const ENVOY_CACHE: &str = "                  jwt_cache_config: { jwt_cache_size: 100000 }";

const PORTCULLIS: &str = "[server]
listen = \"127.0.0.1:18480\"
workers = 1
[authorizer.bench]
issuer = \"https://issuer.example/\"
jwks = \"http://127.0.0.1:18481/jwks.json\"
audience = [\"https://expenses-api\"]
algorithms = [\"RS256\"]
[api.reports]
upstream = \"http://127.0.0.1:18481\"
auth = { bench = [\"read:reports\"] }
token = \"keep\"
[log]
access = false
";

/// All of them, in the order of the report: what nginx takes is what the others are compared with.
pub(super) const CONTENDERS: [Contender; 7] = [
    Contender {
        name: "nginx",
        passes: &[Pass {
            name: "nginx, no authentication",
            tokens: 1,
        }],
        probe: Some(&["nginx", "-v"]),
        files: &[("nginx.conf", NGINX)],
        extra: "",
        command: &["nginx", "-p", "FOLDER", "-c", "FOLDER/nginx.conf"],
    },
    Contender {
        name: "haproxy",
        passes: &[Pass {
            name: "HAProxy, no authentication",
            tokens: 1,
        }],
        probe: Some(&["haproxy", "-v"]),
        files: &[("haproxy.cfg", HAPROXY)],
        extra: "",
        command: &["haproxy", "-db", "-f", "FOLDER/haproxy.cfg"],
    },
    Contender {
        name: "hyper",
        passes: &[Pass {
            name: "a plain hyper proxy",
            tokens: 1,
        }],
        probe: None,
        files: &[],
        extra: "",
        command: &[TOOL, "proxy", "127.0.0.1:18480", "127.0.0.1:18481"],
    },
    Contender {
        name: "portcullis",
        passes: &[
            Pass {
                name: "Portcullis, 1 token",
                tokens: 1,
            },
            Pass {
                name: "Portcullis, every token verified",
                tokens: 100_000,
            },
            Pass {
                name: "Portcullis, 100,000 tokens",
                tokens: 100_000,
            },
        ],
        probe: None,
        files: &[("portcullis.toml", PORTCULLIS)],
        extra: "",
        command: &["target/dist/portcullis", "serve", "FOLDER"],
    },
    Contender {
        name: "haproxy jwt",
        passes: &[Pass {
            name: "HAProxy jwt_verify",
            tokens: 1,
        }],
        probe: Some(&["haproxy", "-v"]),
        files: &[("haproxy-jwt.cfg", HAPROXY)],
        extra: HAPROXY_CHECKS,
        command: &["haproxy", "-db", "-f", "FOLDER/haproxy-jwt.cfg"],
    },
    Contender {
        name: "envoy cache",
        passes: &[Pass {
            name: "Envoy jwt_authn with its cache",
            tokens: 1,
        }],
        probe: Some(&["envoy", "--version"]),
        files: &[("envoy-cache.yaml", ENVOY)],
        extra: ENVOY_CACHE,
        command: &[
            "envoy",
            "--concurrency",
            "1",
            "-l",
            "error",
            "-c",
            "FOLDER/envoy-cache.yaml",
        ],
    },
    Contender {
        name: "envoy",
        passes: &[Pass {
            name: "Envoy jwt_authn",
            tokens: 1,
        }],
        probe: Some(&["envoy", "--version"]),
        files: &[("envoy.yaml", ENVOY)],
        extra: "",
        command: &[
            "envoy",
            "--concurrency",
            "1",
            "-l",
            "error",
            "-c",
            "FOLDER/envoy.yaml",
        ],
    },
];

impl Contender {
    /// Writes its files and returns its command; nothing where it is not installed.
    pub(super) fn prepare(&self, folder: &Path) -> Result<Option<Vec<String>>, GatewayBenchError> {
        if let Some([program, arguments @ ..]) = self.probe
            && Command::new(program).args(arguments).output().is_err()
        {
            return Ok(None);
        }
        let fill = |text: &str| text.replace("FOLDER", &folder.display().to_string());
        for (name, text) in self.files {
            let text = fill(&text.replace("EXTRA", self.extra));
            let path = folder.join(name);
            fs::write(&path, text).map_err(|cause| GatewayBenchError::File {
                path: path.display().to_string(),
                cause,
            })?;
        }
        Ok(Some(self.command.iter().map(|word| fill(word)).collect()))
    }
}
