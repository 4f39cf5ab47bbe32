use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Build, Launch, NotBuilt, Place, esbuild};
use crate::sources::Sources;

/// Ours, which ask for invocations and call the handler: nothing need be installed in the project.
const NODE: &str = include_str!("../bootstrap/node.mjs");
const PYTHON: &str = include_str!("../bootstrap/python.py");

const SCRIPTS: &[&str] = &[
    ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json",
];
const MODULES: &[&str] = &[".py"];

/// Endings in the order in which they are looked for, and whether Node must be helped with them.
const LANGUAGES: [(&str, Language); 9] = [
    (".ts", Language::Bundled),
    (".tsx", Language::Bundled),
    (".mts", Language::Bundled),
    (".cts", Language::Bundled),
    (".js", Language::Node),
    (".jsx", Language::Bundled),
    (".mjs", Language::Node),
    (".cjs", Language::Node),
    (".py", Language::Python),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    /// What esbuild makes JavaScript of.
    Bundled,
    /// What Node understands.
    Node,
    Python,
}

/// Finds the file of `path/file.export`, and bundles it where Node would not understand it.
pub(super) async fn build(
    handler: &str,
    directory: &Path,
    place: &Place,
    number: u64,
) -> Result<Build, NotBuilt> {
    let (stem, export) = split(handler);
    let Some((file, language)) = find(directory, stem) else {
        return Err(NotBuilt {
            message: missing(directory, stem),
            sources: Sources::Folder(
                directory.to_owned(),
                &[
                    ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".py",
                ],
            ),
        });
    };
    let launch = |program: &str, source: &str, file: &Path| Launch {
        program: program.into(),
        arguments: match language {
            Language::Python => ["-u", "-c", source].map(OsString::from).to_vec(),
            Language::Bundled | Language::Node => {
                let options = [
                    "--enable-source-maps",
                    "--input-type=module",
                    "--eval",
                    source,
                ];
                let mut arguments = options.map(OsString::from).to_vec();
                arguments.push("--".into());
                arguments
            }
        }
        .into_iter()
        .chain([file.as_os_str().to_owned(), export.into()])
        .collect(),
        directory: directory.to_owned(),
        handler: handler.to_owned(),
        wants_scheme: false,
    };
    match language {
        Language::Python => Ok(Build {
            launch: launch("python3", PYTHON, &file),
            sources: Sources::Folder(directory.to_owned(), MODULES),
        }),
        Language::Node => Ok(Build {
            launch: launch("node", NODE, &file),
            sources: Sources::Folder(directory.to_owned(), SCRIPTS),
        }),
        Language::Bundled => match esbuild::bundle(&file, directory, place, number).await {
            Ok(bundle) => Ok(Build {
                launch: launch("node", NODE, &bundle.file),
                sources: Sources::Files(bundle.sources),
            }),
            Err(message) => Err(NotBuilt {
                message,
                sources: Sources::Folder(directory.to_owned(), SCRIPTS),
            }),
        },
    }
}

/// `functions/hello` and `main` of `functions/hello.main`.
fn split(handler: &str) -> (&str, &str) {
    let file = handler.rfind('/').map_or(0, |slash| slash + 1);
    let dot = handler.get(file..).and_then(|name| name.find('.'));
    let (stem, export) = handler.split_at(dot.map_or(handler.len(), |dot| file + dot));
    (stem, export.trim_start_matches('.'))
}

fn find(directory: &Path, stem: &str) -> Option<(PathBuf, Language)> {
    LANGUAGES.into_iter().find_map(|(ending, language)| {
        let file = directory.join(format!("{stem}{ending}"));
        file.is_file().then_some((file, language))
    })
}

fn missing(directory: &Path, stem: &str) -> String {
    let endings: Vec<_> = LANGUAGES.iter().map(|(ending, _)| *ending).collect();
    format!(
        "there is no {} with one of the endings {}",
        directory.join(stem).display(),
        endings.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_a_file_and_an_export() {
        for (handler, expected) in [
            ("hello.main", ("hello", "main")),
            ("a/b.c/hello.main", ("a/b.c/hello", "main")),
            ("hello.a.b", ("hello", "a.b")),
            ("hello", ("hello", "")),
        ] {
            assert_eq!(split(handler), expected, "{handler}");
        }
    }

    #[test]
    fn the_first_ending_wins() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(folder.path(), "hello"), None);
        for (ending, language) in LANGUAGES.into_iter().rev() {
            let file = folder.path().join(format!("hello{ending}"));
            std::fs::write(&file, "").unwrap();
            assert_eq!(find(folder.path(), "hello"), Some((file, language)));
        }
    }
}
