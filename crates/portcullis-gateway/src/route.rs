//! Which route answers: the most specific path first, then the method.

use std::collections::BTreeMap;

use portcullis_config::{Method, PathPattern, Segment};

/// Routes by path: at each segment a literal beats a parameter, and that beats a remainder.
///
/// One slash at the end of a path does not change its route, since many servers do not tell the
/// two apart: a rule for `/reports` must hold for `/reports/` too.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    root: Node,
    /// The same routes, their literals in lower case.
    in_lower_case: Node,
    has_capitals: bool,
}

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<String, Self>,
    parameter: Option<Box<Self>>,
    remainder: Methods,
    here: Methods,
}

/// The routes of one path, by method; each is an index of the plan's routes.
#[derive(Debug, Default)]
struct Methods {
    named: Vec<(String, usize)>,
    any: Option<usize>,
}

impl RouteTable {
    /// Adds a route; the configuration has made sure that no two are alike.
    pub(crate) fn insert(&mut self, methods: &Method, path: &PathPattern, route: usize) {
        let same = |literal: &str| literal.to_owned();
        self.root.insert(methods, &path.segments, route, &same);
        let lower = |literal: &str| literal.to_ascii_lowercase();
        self.in_lower_case
            .insert(methods, &path.segments, route, &lower);
        self.has_capitals |= path.segments.iter().any(|segment| match segment {
            Segment::Literal(text) => has_capitals(text),
            Segment::Parameter(_) | Segment::Remainder(_) => false,
        });
    }

    /// The route for a method and a canonical path.
    ///
    /// A path whose most specific pattern does not take the method goes to the next one that
    /// does, so that `ANY /{rest+}` answers every method that nothing else names.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<usize> {
        // RFC 9110 section 9.1: methods are case-sensitive. Some servers take `get` for GET, which
        // another rule may guard. TRACE would show what only the upstream is told.
        if method == "TRACE" || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let segments: Vec<&str> = segments(path).collect();
        self.root.find(method, &segments)
    }

    /// The route that would answer if capitals were the same as other letters.
    pub(crate) fn find_in_any_case(&self, method: &str, path: &str) -> Option<usize> {
        if !self.has_capitals && !has_capitals(path) {
            return self.find(method, path);
        }
        let path = path.to_ascii_lowercase();
        let segments: Vec<&str> = segments(&path).collect();
        self.in_lower_case.find(method, &segments)
    }
}

/// The segments of a canonical path; none for `/`.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').skip(1)
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

impl Node {
    fn insert(
        &mut self,
        methods: &Method,
        path: &[Segment],
        route: usize,
        spell: &impl Fn(&str) -> String,
    ) {
        match path.split_first() {
            None => self.here.insert(methods, route),
            Some((Segment::Remainder(_), _)) => self.remainder.insert(methods, route),
            Some((Segment::Parameter(_), rest)) => {
                let node = self.parameter.get_or_insert_default();
                node.insert(methods, rest, route, spell);
            }
            Some((Segment::Literal(text), rest)) => {
                let node = self.literals.entry(spell(text)).or_default();
                node.insert(methods, rest, route, spell);
            }
        }
    }

    fn find(&self, method: &str, segments: &[&str]) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else {
            return self.here.find(method);
        };
        let literal = self
            .literals
            .get(*first)
            .and_then(|node| node.find(method, rest));
        literal
            .or_else(|| self.parameter.as_ref()?.find(method, rest))
            .or_else(|| self.remainder.find(method))
    }
}

impl Methods {
    fn insert(&mut self, methods: &Method, route: usize) {
        match methods {
            Method::Any => self.any = Some(route),
            Method::One(name) => self.named.push((name.clone(), route)),
        }
    }

    fn find(&self, method: &str) -> Option<usize> {
        // RFC 9110 section 9.3.2: HEAD is GET without the content, so the rule for GET holds.
        let get = (method == "HEAD").then(|| self.named("GET")).flatten();
        self.named(method).or(get).or(self.any)
    }

    fn named(&self, method: &str) -> Option<usize> {
        self.named
            .iter()
            .find(|(name, _)| name == method)
            .map(|(_, route)| *route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (index, (method, path)) in routes.iter().enumerate() {
            let methods = if *method == "ANY" {
                Method::Any
            } else {
                Method::One((*method).to_owned())
            };
            table.insert(&methods, &PathPattern::parse(path).unwrap(), index);
        }
        table
    }

    #[test]
    fn the_most_specific_route_answers() {
        let routes = [
            ("GET", "/"),
            ("GET", "/hello/{name}"),
            ("GET", "/hello/world"),
            ("POST", "/hello/{name}"),
            ("ANY", "/hello/{name}"),
            ("GET", "/files/{rest+}"),
            ("GET", "/files/{name}"),
            ("ANY", "/a/b/{rest+}"),
            ("GET", "/a/{x}/c"),
        ];
        let table = table(&routes);
        for (method, path, expected) in [
            ("GET", "/", Some(0)),
            ("GET", "/hello/ada", Some(1)),
            ("GET", "/hello/world", Some(2)),
            ("GET", "/hello/world/", Some(2)),
            ("HEAD", "/hello/world", Some(2)),
            ("HEAD", "/hello/ada", Some(1)),
            ("HEAD", "/", Some(0)),
            ("POST", "/hello/world", Some(3)),
            ("PUT", "/hello/world", Some(4)),
            ("GET", "/hello", None),
            ("GET", "/hello/", None),
            ("GET", "/hello/a/b", None),
            ("GET", "/files/a", Some(6)),
            ("GET", "/files/a/b", Some(5)),
            ("GET", "/files", None),
            ("GET", "/files/", None),
            ("GET", "/a/b/c", Some(7)),
            ("GET", "/a/x/c", Some(8)),
            ("POST", "/a/x/c", None),
            ("POST", "/", None),
            ("get", "/", None),
            ("PATCH", "/hello/ada", Some(4)),
            ("TRACE", "/hello/ada", None),
            ("get", "/hello/ada", None),
            ("Get", "/hello/ada", None),
        ] {
            assert_eq!(table.find(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_capital_may_lead_to_another_route() {
        let table = table(&[
            ("ANY", "/{rest+}"),
            ("GET", "/admin/{id}"),
            ("GET", "/Reports"),
        ]);
        for (path, found, in_any_case) in [
            ("/admin/X", Some(1), Some(1)),
            ("/Admin/X", Some(0), Some(1)),
            ("/Reports", Some(2), Some(2)),
            ("/reports", Some(0), Some(2)),
            ("/Other", Some(0), Some(0)),
        ] {
            assert_eq!(table.find("GET", path), found, "{path}");
            assert_eq!(table.find_in_any_case("GET", path), in_any_case, "{path}");
        }
    }
}
