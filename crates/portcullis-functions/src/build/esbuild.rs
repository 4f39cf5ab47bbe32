use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::{Place, run};

/// What packages that call `require` miss in an ES module.
const BANNER: &str = "--banner:js=import { createRequire as portcullisCreateRequire } from 'module';\
                      const require = portcullisCreateRequire(import.meta.url);";

/// One file with all that its source imports.
pub(super) struct Bundle {
    pub(super) file: PathBuf,
    /// What it was made of, besides packages.
    pub(super) sources: Vec<PathBuf>,
}

/// Has the project's own esbuild make JavaScript of `file`.
pub(super) async fn bundle(
    file: &Path,
    directory: &Path,
    place: &Place,
    number: u64,
) -> Result<Bundle, String> {
    let Some(esbuild) = find(file, &place.project) else {
        return Err(format!(
            "{} needs esbuild, and there is no node_modules/.bin/esbuild in its folder or above: \
             `npm install --save-dev esbuild`",
            file.display()
        ));
    };
    let cannot_write = |error| format!("{} cannot be written: {error}", place.state.display());
    fs::create_dir_all(&place.state).map_err(cannot_write)?;
    let made = place.state.join(format!("{number}.mjs"));
    let metafile = place.state.join(format!("{number}.json"));
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let mut command = Command::new(esbuild);
    command
        .arg(file)
        .args([
            "--bundle",
            "--platform=node",
            "--format=esm",
            "--target=node18",
        ])
        .args([
            "--sourcemap=inline",
            "--log-level=warning",
            "--color=false",
            BANNER,
        ])
        .arg(option("outfile", &made))
        .arg(option("metafile", &metafile))
        .current_dir(directory);
    run(&mut command).await?;
    let meta = fs::read(&metafile).map_err(|error| format!("esbuild's metafile: {error}"))?;
    Ok(Bundle {
        file: made,
        sources: inputs(&meta, directory),
    })
}

/// The nearest one, from the file's folder up to the project's.
fn find(file: &Path, project: &Path) -> Option<PathBuf> {
    let inside = file.ancestors().skip(1);
    let mut inside = inside.take_while(|folder| folder.starts_with(project));
    inside.find_map(|folder| {
        let esbuild = folder.join("node_modules/.bin/esbuild");
        esbuild.is_file().then_some(esbuild)
    })
}

/// The files of a metafile, which names them from `directory`.
fn inputs(meta: &[u8], directory: &Path) -> Vec<PathBuf> {
    let meta: Value = serde_json::from_slice(meta).unwrap_or_default();
    let names = meta["inputs"].as_object().map(|inputs| inputs.keys());
    let names = names.into_iter().flatten();
    // Packages change by being installed, and there are thousands of their files.
    let own = names.filter(|name| !name.contains("node_modules/"));
    own.map(|name| directory.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esbuild_is_the_nearest_one_inside_the_project() {
        let outer = tempfile::tempdir().unwrap();
        let project = outer.path().join("project");
        let file = project.join("packages/functions/src/a.ts");
        let install = |folder: &Path| {
            let bin = folder.join("node_modules/.bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("esbuild"), "").unwrap();
            bin.join("esbuild")
        };
        install(outer.path());
        assert_eq!(find(&file, &project), None);
        let at_root = install(&project);
        assert_eq!(find(&file, &project), Some(at_root));
        let near = install(&project.join("packages/functions"));
        assert_eq!(find(&file, &project), Some(near));
    }

    #[test]
    fn packages_are_not_watched() {
        let meta = br#"{"inputs":{"src/a.ts":{},"node_modules/b/c.js":{},"../lib/d.ts":{}}}"#;
        let expected = [
            PathBuf::from("/p/../lib/d.ts"),
            PathBuf::from("/p/src/a.ts"),
        ];
        assert_eq!(inputs(meta, Path::new("/p")), expected);
        assert!(inputs(b"rubbish", Path::new("/p")).is_empty());
    }
}
