//! What `portcullis new` can make: the folders of `examples`, in the program itself.

use clap::ValueEnum;

/// A project for one of the guides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// An API that is the file itself, behind a token.
    Hello,
    /// A service that knows nothing about tokens, guarded; it needs python3.
    Gateway,
    /// A web application with its login, and the API that it calls; it needs Node.js.
    Expenses,
}

/// A file's path in the project, with slashes, and its text.
pub(crate) type Content = (&'static str, &'static str);

/// The paths stay those of the example, so that a test can hold one against the other.
macro_rules! example {
    ($example:literal: $($file:literal),+) => {
        &[$(($file, include_str!(concat!("../../../../examples/", $example, "/", $file)))),+]
    };
}

/// Where `dev` keeps keys and people: nobody's repository should have them.
const IGNORED: Content = (".gitignore", "/.portcullis/\n");

const HELLO: &[Content] = example!("hello": "portcullis.toml");
const GATEWAY: &[Content] = example!("proxy": "portcullis.toml", "upstream.py", ".env");
const EXPENSES: &[Content] = example!(
    "expenses": "portcullis.toml", "package.json", "package-lock.json", ".gitignore",
    "api/server.js", "web/server.js", "test/login.js"
);

impl Template {
    /// What `--template` calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Gateway => "gateway",
            Self::Expenses => "expenses",
        }
    }

    /// The project's files, with a `.gitignore` of ours where the example has none.
    pub(crate) fn files(self) -> impl Iterator<Item = Content> {
        let files = self.example();
        let ignores = files.iter().any(|(name, _)| *name == IGNORED.0);
        let ignored = (!ignores).then_some(IGNORED);
        files.iter().copied().chain(ignored)
    }

    /// What else is started, and what to try: where, and the command.
    pub(crate) const fn next(self) -> &'static [(&'static str, &'static str)] {
        const SECOND: &str = "In a second terminal, in the same folder";
        match self {
            Self::Hello => &[(
                SECOND,
                r#"curl -H "Authorization: Bearer $(portcullis token)" localhost:8080/hello/world"#,
            )],
            Self::Gateway => &[
                (SECOND, "python3 upstream.py"),
                (
                    "In a third one",
                    r#"curl -H "Authorization: Bearer $(portcullis token)" localhost:8080/reports/2026"#,
                ),
            ],
            Self::Expenses => &[
                (SECOND, "npm ci && npm run api"),
                (
                    "In a third one, and then open http://localhost:3000 to log in as ada@example.com (correct horse)",
                    "npm run web",
                ),
            ],
        }
    }

    const fn example(self) -> &'static [Content] {
        match self {
            Self::Hello => HELLO,
            Self::Gateway => GATEWAY,
            Self::Expenses => EXPENSES,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_name_is_that_of_the_flag() {
        for template in Template::value_variants() {
            let value = template.to_possible_value().unwrap();
            assert_eq!(value.get_name(), template.name());
        }
    }

    #[test]
    fn a_template_has_every_file_of_its_example_but_the_readme() {
        for (template, example) in [
            (Template::Hello, "hello"),
            (Template::Gateway, "proxy"),
            (Template::Expenses, "expenses"),
        ] {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
            let mut found = BTreeSet::new();
            collect(&root.join(example), "", &mut found);
            let had = template
                .example()
                .iter()
                .map(|(name, _)| (*name).to_owned());
            assert_eq!(had.collect::<BTreeSet<_>>(), found, "{example}");
        }
    }

    /// The names of files below `folder`, without what running the example leaves there.
    fn collect(folder: &Path, above: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if ["README.md", "node_modules", ".portcullis"].contains(&name.as_str()) {
                continue;
            }
            let name = format!("{above}{name}");
            if entry.file_type().unwrap().is_dir() {
                collect(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }
}
