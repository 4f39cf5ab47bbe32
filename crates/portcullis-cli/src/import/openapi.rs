//! `OpenAPI` 3.0 and 3.1: paths become routes, `security` becomes `auth`.

mod scheme;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_config::PathPattern;
use serde_json::{Map, Value};

use self::server::Server;
use super::document::{resolve, step};
use super::draft::{Api, Auth, Draft, Entries, slug, text};
use super::{Problem, cors};
use crate::arguments::OpenApi;

/// The operations of a path, by the member that holds them.
const METHODS: [(&str, &str); 9] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("query", "QUERY"),
    ("x-amazon-apigateway-any-method", "ANY"),
];

struct Importer<'d> {
    document: &'d Value,
    options: &'d OpenApi,
    draft: Draft,
    problems: Vec<Problem>,
    /// The authorizers for which one of the scopes is enough, as it is for Amazon's.
    any_scope: BTreeSet<String>,
}

/// Drafts the file for `document`.
pub(super) fn import(document: &Value, options: &OpenApi) -> Result<Draft, Vec<Problem>> {
    let mut importer = Importer {
        document,
        options,
        draft: Draft::default(),
        problems: Vec::new(),
        any_scope: BTreeSet::new(),
    };
    if let Err(problem) = check_version(document) {
        return Err(vec![problem]);
    }
    importer.read();
    if importer.problems.is_empty() {
        Ok(importer.draft)
    } else {
        Err(importer.problems)
    }
}

fn check_version(document: &Value) -> Result<(), Problem> {
    match document.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.") => Ok(()),
        _ => Err(Problem::new("", "not an OpenAPI 3 document")
            .hint("convert a Swagger 2 document to OpenAPI 3 before")),
    }
}

impl Importer<'_> {
    fn read(&mut self) {
        let server = match server::read(self.document, self.options) {
            Ok(server) => server,
            Err(problem) => return self.problems.push(problem),
        };
        let shared = self.document.get("security").map(|security| {
            let auth = self.auth(security, "/security");
            (security, auth)
        });
        let mut api = Api {
            entries: server.entries(),
            routes: Vec::new(),
        };
        if let Some((_, Some(auth))) = &shared {
            api.entries.set("auth", auth);
        }
        let document = self.document;
        let (cors, notes) = cors::of_openapi(document);
        if let Some(cors) = cors {
            api.entries.set("cors", cors);
        }
        self.draft.notes.extend(notes);
        let Some(paths) = document.get("paths").and_then(Value::as_object) else {
            return self
                .problems
                .push(Problem::new("/paths", "the document has no paths"));
        };
        for (path, item) in paths {
            if !path.starts_with("x-") {
                self.path(path, item, &server, shared.is_some(), &mut api);
            }
        }
        if !self.any_scope.is_empty() && self.any_scope.len() == self.draft.authorizers.len() {
            api.entries.set("errors", text("aws"));
        }
        let title = document.pointer("/info/title").and_then(Value::as_str);
        let name = slug(self.options.name.as_deref().or(title).unwrap_or("main"));
        self.draft.apis.insert(name, api);
    }

    fn path(&mut self, path: &str, item: &Value, server: &Server, has_shared: bool, api: &mut Api) {
        let pointer = format!("/paths{}", step(path));
        if let Err(error) = PathPattern::parse(path) {
            let problem = Problem::new(pointer, format!("`{path}` cannot be a route: {error}"));
            self.problems.push(match error.hint() {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
            return;
        }
        let Some(item) = resolve(self.document, item).and_then(Value::as_object) else {
            let message = "the path's operations are not in this document";
            return self.problems.push(Problem::new(pointer, message));
        };
        if item.contains_key("trace") {
            self.note(
                &pointer,
                "TRACE requests are never forwarded: the operation is left out",
            );
        }
        if item.contains_key("servers") {
            self.note(&pointer, "the path's own servers are left out");
        }
        for (member, method) in METHODS {
            let Some(operation) = item.get(member) else {
                continue;
            };
            let pointer = pointer.clone() + &step(member);
            if let Some(entries) = self.operation(operation, &pointer, server, has_shared) {
                api.routes.push((format!("{method} {path}"), entries));
            }
        }
    }

    fn operation(
        &mut self,
        operation: &Value,
        pointer: &str,
        server: &Server,
        has_shared: bool,
    ) -> Option<Entries> {
        let mut entries = server.target();
        if operation.get("servers").is_some() {
            self.note(pointer, "the operation's own servers are left out");
        }
        match operation.get("security") {
            Some(own) => {
                let auth = self.auth(own, &format!("{pointer}/security"))?;
                entries.set("auth", &auth);
            }
            None if has_shared => {}
            None if self.options.public => entries.set("auth", text("none")),
            None => {
                let message = "the document does not say who may call this";
                let hint = "add `security` to the document, or say `--public` to let everybody in";
                self.problems
                    .push(Problem::new(pointer, message).hint(hint));
                return None;
            }
        }
        Some(entries)
    }

    /// A list of security requirements: any one of them is enough, none at all lets everybody in.
    fn auth(&mut self, security: &Value, pointer: &str) -> Option<Auth> {
        let Some(list) = security.as_array() else {
            self.problems
                .push(Problem::new(pointer, "`security` is not a list"));
            return None;
        };
        let alternatives: Option<Vec<_>> = list
            .iter()
            .enumerate()
            .map(|(index, needs)| self.alternative(needs, &format!("{pointer}/{index}")))
            .collect();
        let alternatives = alternatives?.into_iter();
        let mut alternatives: Vec<_> = alternatives.flat_map(|own| self.spread(own)).collect();
        if alternatives.is_empty() {
            alternatives.push(BTreeMap::new());
        }
        Some(Auth(alternatives))
    }

    /// One alternative for each scope where one of them is enough.
    fn spread(&self, needs: BTreeMap<String, Vec<String>>) -> Vec<BTreeMap<String, Vec<String>>> {
        match needs.first_key_value() {
            Some((name, scopes))
                if needs.len() == 1 && scopes.len() > 1 && self.any_scope.contains(name) =>
            {
                let one = |scope: &String| BTreeMap::from([(name.clone(), vec![scope.clone()])]);
                scopes.iter().map(one).collect()
            }
            _ => vec![needs],
        }
    }

    fn alternative(
        &mut self,
        needs: &Value,
        pointer: &str,
    ) -> Option<BTreeMap<String, Vec<String>>> {
        let Some(needs) = needs.as_object() else {
            self.problems.push(Problem::new(
                pointer,
                "a security requirement is not an object",
            ));
            return None;
        };
        let mut alternative = BTreeMap::new();
        for (scheme, scopes) in needs {
            let pointer = pointer.to_owned() + &step(scheme);
            let scopes: Option<Vec<String>> = scopes.as_array().and_then(|scopes| {
                let own = |scope: &Value| scope.as_str().map(str::to_owned);
                scopes.iter().map(own).collect()
            });
            let Some(scopes) = scopes else {
                self.problems
                    .push(Problem::new(pointer, "scopes are not a list of strings"));
                return None;
            };
            let authorizer = self.authorizer(scheme, &pointer)?;
            // Two schemes of one name in our letters would be one authorizer.
            alternative.insert(authorizer, scopes);
        }
        Some(alternative)
    }

    /// The authorizer for a security scheme, which is drafted when it is first asked for.
    fn authorizer(&mut self, scheme: &str, pointer: &str) -> Option<String> {
        let name = slug(scheme);
        if name != scheme
            && self
                .document
                .pointer(&format!("/components/securitySchemes{}", step(&name)))
                .is_some()
        {
            let message = format!("the schemes `{scheme}` and `{name}` would have one name here");
            self.problems.push(Problem::new(pointer, message));
            return None;
        }
        if self.draft.authorizers.contains_key(&name) {
            return Some(name);
        }
        match scheme::read(self.document, self.options, scheme, pointer) {
            Ok(found) => {
                self.draft.notes.extend(found.notes);
                if found.any_scope {
                    self.any_scope.insert(name.clone());
                }
                self.draft.authorizers.insert(name.clone(), found.entries);
                Some(name)
            }
            Err(problem) => {
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    fn note(&mut self, pointer: &str, note: &str) {
        self.draft.notes.push(format!("#{pointer}: {note}"));
    }
}

/// A member that is an object.
fn object<'d>(value: &'d Value, member: &str) -> Option<&'d Map<String, Value>> {
    value.get(member)?.as_object()
}
