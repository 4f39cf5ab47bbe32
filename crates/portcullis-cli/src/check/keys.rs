//! What `check` says of the keys of authorizers: only what is not the default.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anstyle::Style;
use portcullis_config::{
    AuthorizerKind, Check, JwtAuthorizer, KeySource, Readiness, SharedSecret, Start,
};

use crate::local_keys;
use crate::project::Project;
use crate::terminal::{self, BOLD, DIM};

/// One line for each authorizer whose keys the file says something about.
pub(super) fn table(project: &Project) -> String {
    let rows = project.config.authorizers.iter().filter_map(|authorizer| {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        let told = told(jwt);
        (!told.is_empty()).then(|| {
            vec![
                (BOLD, authorizer.name.clone()),
                (Style::new(), source(jwt)),
                (DIM, told.join(", ")),
            ]
        })
    });
    terminal::table(&rows.collect::<Vec<_>>())
}

fn source(jwt: &JwtAuthorizer) -> String {
    match (&jwt.keys, &jwt.issuer) {
        (KeySource::Discovery, Check::Is(issuer)) => format!("keys of {}", issuer.as_written()),
        (KeySource::Discovery, Check::Any) => "no keys".to_owned(),
        (KeySource::Jwks(url), _) => format!("keys at {url}"),
        (KeySource::File(path), _) => format!("keys in {path}"),
        (KeySource::Secret(SharedSecret::File(path)), _) => format!("the secret in {path}"),
        (KeySource::Secret(SharedSecret::Given(_)), _) => "a secret".to_owned(),
    }
}

/// What the file says beyond where keys are.
fn told(jwt: &JwtAuthorizer) -> Vec<String> {
    let fetching = &jwt.fetching;
    let mut told = Vec::new();
    if let KeySource::File(_) | KeySource::Secret(_) = jwt.keys {
        let names: Vec<_> = jwt.algorithms.iter().map(|one| one.name()).collect();
        told.push(names.join(", "));
    }
    match fetching.start {
        Start::Lazy => {}
        Start::Wait(time) => told.push(format!("waits {} s for them", time.as_secs())),
        Start::Fail(_) => told.push("does not start without them".to_owned()),
    }
    if fetching.readiness == Readiness::Optional {
        told.push("ready without them".to_owned());
    }
    if fetching.max_stale.is_zero() {
        told.push("none once they should have been fetched again".to_owned());
    }
    if let Some(path) = &fetching.snapshot {
        told.push(format!("snapshot in {path}"));
    }
    let distrusted = jwt.distrust.ids.len().max(jwt.distrust.thumbprints.len());
    if distrusted > 0 {
        told.push(format!("{distrusted} distrusted"));
    }
    told
}

/// Reads the keys that files hold, and sees whether snapshots could be written.
pub(super) fn check(project: &Project) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    for authorizer in &project.config.authorizers {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        local_keys::load(&project.directory, jwt)?;
        let Some(path) = &jwt.fetching.snapshot else {
            continue;
        };
        if let Err(error) = try_writing(&project.directory.join(path)) {
            let name = &authorizer.name;
            warnings.push(format!(
                "the snapshot of `{name}`, {path}, cannot be written: {error}"
            ));
        }
    }
    Ok(warnings)
}

/// Makes a file beside `path`, as each snapshot does, and removes it.
fn try_writing(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut probe = path.as_os_str().to_owned();
    probe.push(format!(".check-{}", std::process::id()));
    let probe = PathBuf::from(probe);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)?;
    fs::remove_file(&probe)
}
