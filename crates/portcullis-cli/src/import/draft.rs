//! A portcullis.toml in the making.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, Formatted, InlineTable, Item, Table, Value, value};

/// What the file will say, in its order.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) authorizers: BTreeMap<String, Entries>,
    pub(super) policies: BTreeMap<String, Entries>,
    pub(super) apis: BTreeMap<String, Api>,
    /// What the source says and the file does not, for the person who reads it.
    pub(super) notes: Vec<String>,
}

/// The keys of a table with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries(Vec<(String, Value)>);

/// One API: its own keys, and those of its routes.
#[derive(Debug, Default)]
pub(super) struct Api {
    pub(super) entries: Entries,
    /// By `METHOD /path`, in the order of the source.
    pub(super) routes: Vec<(String, Entries)>,
}

/// Who may call: any one of the alternatives, each with scopes by authorizer; an empty one is
/// everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Auth(pub(super) Vec<BTreeMap<String, Vec<String>>>);

impl Draft {
    /// The text of the file.
    pub(super) fn to_toml(&self, heading: &str) -> String {
        let mut document = DocumentMut::new();
        for (name, entries) in &self.authorizers {
            put(&mut document, "authorizer", name, entries.table());
        }
        for (name, entries) in &self.policies {
            put(&mut document, "policy", name, entries.table());
        }
        for (name, api) in &self.apis {
            let mut table = api.entries.table();
            if !api.routes.is_empty() {
                let mut routes = Table::new();
                for (route, entries) in &api.routes {
                    routes.insert(route, value(entries.inline()));
                }
                table.insert("routes", Item::Table(routes));
            }
            put(&mut document, "api", name, table);
        }
        format!("# {heading}\n\n{}", document.to_string().trim_start())
    }
}

fn put(document: &mut DocumentMut, kind: &str, name: &str, table: Table) {
    let tables = document.entry(kind).or_insert_with(|| {
        let mut tables = Table::new();
        // Only `[kind.name]` is written, not `[kind]`.
        tables.set_implicit(true);
        Item::Table(tables)
    });
    if let Some(tables) = tables.as_table_mut() {
        tables.insert(name, Item::Table(table));
    }
}

impl Entries {
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.push((key.to_owned(), value.into()));
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        for (key, own) in &self.0 {
            table.insert(key, value(own.clone()));
        }
        table
    }

    pub(super) fn inline(&self) -> InlineTable {
        let mut table = InlineTable::new();
        for (key, own) in &self.0 {
            table.insert(key, own.clone());
        }
        table
    }
}

/// A string that the file takes as it is: nothing in it is a variable of the environment.
pub(super) fn text(text: &str) -> Value {
    Value::String(Formatted::new(text.replace("${", "$${")))
}

/// A list of strings.
pub(super) fn texts<'t>(list: impl IntoIterator<Item = &'t str>) -> Value {
    list.into_iter().map(text).collect::<Array>().into()
}

impl From<&Auth> for Value {
    fn from(auth: &Auth) -> Self {
        match auth.0.as_slice() {
            [only] => alternative(only),
            several => several.iter().map(alternative).collect::<Array>().into(),
        }
    }
}

fn alternative(needs: &BTreeMap<String, Vec<String>>) -> Value {
    let mut needs_scopes = needs.iter().filter(|(_, scopes)| !scopes.is_empty());
    match needs.iter().next() {
        None => text("none"),
        Some((name, _)) if needs.len() == 1 && needs_scopes.next().is_none() => text(name),
        Some(_) => needs
            .iter()
            .map(|(name, scopes)| (name.as_str(), texts(scopes.iter().map(String::as_str))))
            .collect::<InlineTable>()
            .into(),
    }
}

/// `name` as the name of an authorizer, an API or a policy: letters, digits, `_` and `-`.
pub(super) fn slug(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let slug: String = name.chars().map(plain).collect();
    let words: Vec<&str> = slug.split('-').filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(64).collect();
    match slug.trim_end_matches('-') {
        "" | "none" | "any" => "main".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_what_names_may_hold() {
        for (name, expected) in [
            ("Pet Store", "pet-store"),
            ("  Ä b_c--d! ", "b_c-d"),
            ("any", "main"),
            ("///", "main"),
            ("x\"]\n[api.evil]", "x-api-evil"),
        ] {
            assert_eq!(slug(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_strangers_text_stays_a_text() {
        let mut draft = Draft::default();
        let hostile = "a\"\n[api.evil]\nauth = \"none\" # ${HOME}";
        let entries = Entries::default().with("issuer", text(hostile));
        draft.authorizers.insert("x.y]".to_owned(), entries);
        let written = draft.to_toml("Imported.");
        let read: DocumentMut = written.parse().unwrap();
        assert!(read.get("api").is_none(), "{written}");
        assert_eq!(
            read["authorizer"]["x.y]"]["issuer"].as_str(),
            Some(hostile.replace("${", "$${").as_str())
        );
    }

    #[test]
    fn auth_is_written_as_short_as_it_can_be() {
        let needs = |needs: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            let own = |scopes: &[&str]| scopes.iter().map(|&scope| scope.to_owned()).collect();
            needs
                .iter()
                .map(|(name, scopes)| ((*name).to_owned(), own(scopes)))
                .collect()
        };
        for (auth, expected) in [
            (vec![needs(&[])], r#""none""#),
            (vec![needs(&[("a", &[])])], r#""a""#),
            (vec![needs(&[("a", &["x", "y"])])], r#"{ a = ["x", "y"] }"#),
            (
                vec![needs(&[("a", &[]), ("b", &["x"])])],
                r#"{ a = [], b = ["x"] }"#,
            ),
            (vec![needs(&[]), needs(&[("a", &[])])], r#"["none", "a"]"#),
        ] {
            let auth = Auth(auth);
            assert_eq!(Value::from(&auth).to_string(), expected, "{auth:?}");
        }
    }
}
