use std::collections::BTreeMap;

use portcullis_config::Config;

use super::{describe_auth, describe_target, routes};

/// How many routes are named for each kind of change.
const NAMED: usize = 5;

/// One line about the routes that differ: `added GET /b; removed GET /a`.
pub(crate) fn changes(before: &Config, after: &Config) -> String {
    let (before, after) = (by_name(before), by_name(after));
    let without = |some: &BTreeMap<String, String>, others: &BTreeMap<String, String>| {
        let only = some.keys().filter(|name| !others.contains_key(*name));
        only.cloned().collect::<Vec<_>>()
    };
    let differs =
        |(name, what): &(&String, &String)| before.get(*name).is_some_and(|other| other != *what);
    let changed: Vec<_> = after
        .iter()
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect();
    let parts: Vec<_> = [
        ("added", without(&after, &before)),
        ("removed", without(&before, &after)),
        ("changed", changed),
    ]
    .iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| format!("{what} {}", list(names)))
    .collect();
    if parts.is_empty() {
        "the routes are the same".to_owned()
    } else {
        parts.join("; ")
    }
}

fn by_name(config: &Config) -> BTreeMap<String, String> {
    let all = routes(config).map(|(api, route)| {
        let auth = describe_auth(config, &route.auth);
        let what = format!("{} {auth} {}", api.name, describe_target(&route.target));
        (format!("{} {}", route.methods, route.path), what)
    });
    all.collect()
}

fn list(names: &[String]) -> String {
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let named = named.join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_config::{Source, parse};

    use super::*;

    fn config(routes: &[(&str, &str)]) -> Config {
        let mut text = "[api.main]\nauth = \"none\"\n[api.main.routes]\n".to_owned();
        for (route, word) in routes {
            text += &format!("\"{route}\" = {{ respond = \"{word}\" }}\n");
        }
        let source = Source {
            name: "portcullis.toml",
            text: &text,
        };
        parse(&source, &|_| None).unwrap().config
    }

    #[test]
    fn what_differs_is_told_in_one_line() {
        let paths: Vec<_> = (0..7).map(|index| format!("GET /{index}")).collect();
        let routes = |count| paths.iter().take(count).map(|path| (path.as_str(), "a"));
        let old = [("GET /a", "a"), ("GET /b", "b")];
        for (before, after, expected) in [
            (old.to_vec(), old.to_vec(), "the routes are the same"),
            (
                old.to_vec(),
                vec![old[1], old[0]],
                "the routes are the same",
            ),
            (old.to_vec(), vec![old[0]], "removed GET /b"),
            (
                old.to_vec(),
                vec![("GET /a", "x"), ("GET /c", "c"), ("PUT /b", "b")],
                "added GET /c, PUT /b; removed GET /b; changed GET /a",
            ),
            (
                routes(1).collect(),
                routes(6).collect(),
                "added GET /1, GET /2, GET /3, GET /4, GET /5",
            ),
            (
                routes(1).collect(),
                routes(7).collect(),
                "added GET /1, GET /2, GET /3, GET /4, GET /5 and 1 more",
            ),
        ] {
            assert_eq!(changes(&config(&before), &config(&after)), expected);
        }
    }
}
