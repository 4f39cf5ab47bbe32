use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub(crate) struct TextFile {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path)
            .extension()
            .and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }
}

/// Folders that hold what tools made, at any depth: .gitignore's, and the console's build.
const GENERATED: [&str; 5] = [".git", ".portcullis", "dist", "node_modules", "target"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file below `folder` that a person wrote, in the order of their paths.
pub(crate) fn files_below(folder: &str) -> Vec<TextFile> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!files.is_empty(), "there are files below {folder:?}");
    files
}

fn collect(folder: &str, files: &mut Vec<TextFile>) {
    for entry in fs::read_dir(root().join(folder)).expect("the folder is readable") {
        let entry = entry.expect("the entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        let kind = entry.file_type().expect("the entry has a type");
        if kind.is_dir() && !GENERATED.contains(&name.as_str()) {
            collect(&path, files);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(TextFile { path, text });
        }
    }
}
