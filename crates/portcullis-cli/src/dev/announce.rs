use std::collections::BTreeSet;
use std::net::SocketAddr;

use anstyle::Style;
use portcullis_config::{Api, AuthorizerKind, Check, Method, Route, Segment};
use portcullis_token::Secret;
use serde_json::{Value, json};
use url::Url;

use super::tenant::Secure;
use crate::identity_pool::PoolServers;
use crate::invocation::{program, quoted};
use crate::project::Project;
use crate::terminal::{BOLD, DIM, LINK, harmless, styled, table};
use crate::{policies, reach, routes};

/// Everything that runs, for those who want to use it.
pub(crate) struct Running<'r> {
    pub(crate) project: &'r Project,
    pub(crate) gateway: SocketAddr,
    /// The tenant; absent with `--issuer real`.
    pub(crate) issuer: Option<&'r Url>,
    /// Where the tenant speaks TLS; absent where it does not.
    pub(crate) secure: Option<&'r Secure>,
    /// The user whom the file does not name, with the password.
    pub(crate) made_up: Option<(&'static str, Secret<String>)>,
    pub(crate) real_issuers: &'r BTreeSet<String>,
    /// The identity pools.
    pub(crate) pools: &'r PoolServers,
}

impl Running<'_> {
    /// `{"apis": {"main": "http://127.0.0.1:8080"}, "tenant": "http://localhost:4000/", …}`.
    pub(crate) fn to_json(&self) -> Value {
        let apis: serde_json::Map<_, _> = self
            .apis()
            .map(|api| (api.name.clone(), json!(self.url(api))))
            .collect();
        let mut json = json!({ "apis": apis });
        if let Some(issuer) = self.issuer {
            json["tenant"] = json!(issuer);
            json["issuer"] = json!(issuer);
        }
        if let Some(secure) = self.secure {
            json["tenant_https"] = json!(secure.url);
            json["tenant_authority"] = json!(secure.authority);
        }
        if let Some(pools) = self.pools.to_json() {
            json["identity_pools"] = pools;
        }
        json
    }

    /// The same for a person, with the routes and what to try first.
    pub(crate) fn to_text(&self) -> String {
        let project = self.project;
        let name = project.config.name.as_deref().unwrap_or(&project.file);
        let mut page = format!(
            "\n  {} {}\n\n",
            styled(BOLD, "Portcullis"),
            styled(DIM, harmless(name))
        );
        page += &self.addresses();
        if let Some(secure) = self.secure {
            page += &trust(secure);
        }
        page += &format!("\n  {}\n", styled(BOLD, "Routes"));
        page += &routes::table(&project.config);
        let policies = policies::table(&project.config);
        if !policies.is_empty() {
            page += &format!("\n  {}\n{policies}", styled(BOLD, "Policies"));
        }
        if let Some((api, route)) = self.first_to_try() {
            page += &format!(
                "\n  {}\n{}",
                styled(BOLD, "Try it"),
                self.commands(api, route)
            );
        }
        page + &format!("\n  {}\n\n", styled(DIM, "Ctrl-C stops everything."))
    }

    fn addresses(&self) -> String {
        let cell = |style, text: &str| (style, text.to_owned());
        let mut rows: Vec<_> = self
            .apis()
            .map(|api| {
                let name = format!("API {}", api.name);
                vec![cell(Style::new(), &name), cell(LINK, &self.url(api))]
            })
            .collect();
        if let Some(issuer) = self.issuer {
            let others = self
                .real_issuers
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            rows.push(vec![
                cell(Style::new(), "Tenant"),
                cell(LINK, issuer.as_str()),
                cell(DIM, &format!("stands in for {others}")),
            ]);
        }
        if let Some(secure) = self.secure {
            rows.push(vec![
                cell(Style::new(), "Tenant"),
                cell(LINK, secure.url.as_str()),
                cell(DIM, "by TLS"),
            ]);
        }
        for (name, url, id) in self.pools.rows() {
            rows.push(vec![
                cell(Style::new(), &format!("Identity pool {name}")),
                cell(LINK, &url),
                cell(DIM, id),
            ]);
        }
        if let Some((email, password)) = &self.made_up {
            rows.push(vec![
                cell(Style::new(), "User"),
                cell(Style::new(), email),
                cell(DIM, &format!("password {}", password.expose())),
            ]);
        }
        table(&rows)
    }

    fn apis(&self) -> impl Iterator<Item = &Api> {
        self.project.config.apis.iter()
    }

    /// Where an API is, its base included, without a slash at the end.
    fn url(&self, api: &Api) -> String {
        let scheme = match self.project.config.server.tls {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}{}", reach::from_here(self.gateway), api.base)
    }

    /// The first guarded route that answers GET, else the first that does.
    fn first_to_try(&self) -> Option<(&Api, &Route)> {
        let gets = || {
            let all = self
                .apis()
                .flat_map(|api| api.routes.iter().map(move |route| (api, route)));
            all.filter(|(_, route)| match &route.methods {
                Method::Any => true,
                Method::One(method) => method == "GET",
            })
        };
        gets()
            .find(|(_, route)| !route.auth.anonymous)
            .or_else(|| gets().next())
    }

    fn commands(&self, api: &Api, route: &Route) -> String {
        let url = self.url(api);
        let address = format!("{}{}", url.trim_end_matches(&api.base), example_path(route));
        let address = harmless(&quoted(&address));
        let mut commands = format!("    curl -i {address}\n");
        if self.issuer.is_some() && !route.auth.anonymous && !route.auth.alternatives.is_empty() {
            let token = format!("{} token{}", quoted(&program()), self.audience_flag(route));
            let token = harmless(&token);
            commands += &format!("    curl -i -H \"Authorization: Bearer $({token})\" {address}\n");
        }
        commands
    }

    /// `--audience A`, where the file has several of them.
    fn audience_flag(&self, route: &Route) -> String {
        let config = &self.project.config;
        if config.permissions_by_audience().len() < 2 {
            return String::new();
        }
        let need = route
            .auth
            .alternatives
            .first()
            .and_then(|needs| needs.first());
        let authorizer = need.and_then(|need| config.authorizers.get(need.authorizer));
        let Some(AuthorizerKind::Jwt(jwt)) = authorizer.map(|authorizer| &authorizer.kind) else {
            return String::new();
        };
        match &jwt.audience {
            Check::Is(audiences) => audiences
                .first()
                .map(|audience| format!(" --audience {}", quoted(audience))),
            Check::Any => None,
        }
        .unwrap_or_default()
    }
}

/// How browsers and programs come to trust the tenant's authority.
fn trust(secure: &Secure) -> String {
    let file = secure.authority.display().to_string();
    let file = harmless(&quoted(&file));
    let program = styled(
        DIM,
        "in a browser: import that file as an authority for web sites",
    );
    format!(
        "\n  {}\n    export NODE_EXTRA_CA_CERTS={file}\n    curl --cacert {file} {}\n    {program}\n",
        styled(BOLD, "Trust the tenant's certificate"),
        secure.url,
    )
}

/// A path that the route answers, every parameter filled in with `world`.
fn example_path(route: &Route) -> String {
    let segments = route.path.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => text.as_str(),
        Segment::Parameter(_) | Segment::Remainder(_) => "world",
    });
    format!("/{}", segments.collect::<Vec<_>>().join("/"))
}
