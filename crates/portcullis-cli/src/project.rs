//! A folder with a portcullis.toml.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis::Chain;
use portcullis_config::{AuthorizerKind, ClientProof, Config, Diagnostics, Source, Target};
use portcullis_tenant::{KeyRingError, UntrustedKeys};
use portcullis_token::Secret;

use crate::environment::{Environment, unreadable};
use crate::invocation::{program, quoted};
use crate::local_keys;
use crate::terminal::{self, Failure};

pub(crate) const FILE: &str = "portcullis.toml";

/// A folder with a configuration without errors.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder, absolute.
    pub(crate) directory: PathBuf,
    /// The file as messages name it, relative where the folder was given so.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) config: Config,
    pub(crate) warnings: Diagnostics,
}

/// The errors of a file, which are shown in their own way.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) errors: Diagnostics,
}

/// Everything there is to say was already said.
#[derive(Debug)]
pub(crate) struct Complained;

impl Project {
    /// Loads the configuration in `directory`, showing its errors and warnings on stderr.
    ///
    /// `typed` is what stands between the program's name and the folder's on the command line.
    pub(crate) fn load(directory: &Path, typed: &str) -> anyhow::Result<Self> {
        match Self::read(directory, typed)? {
            Ok(project) => {
                project.show_warnings();
                Ok(project)
            }
            Err(invalid) => {
                invalid.show();
                Err(Complained.into())
            }
        }
    }

    /// Reads the configuration in `directory`, which may also be named by its file.
    pub(crate) fn read(directory: &Path, typed: &str) -> anyhow::Result<Result<Self, Invalid>> {
        let file = file_of(directory);
        let file = file.strip_prefix("./").unwrap_or(&file);
        let text = read(file, typed)?;
        let directory = file
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = fs::canonicalize(directory.unwrap_or(Path::new(".")))
            .with_context(|| unreadable(file))?;
        let environment = Environment::load(&directory)?;

        let file = file.display().to_string();
        let source = Source {
            name: &file,
            text: &text,
        };
        Ok(
            match portcullis_config::parse(&source, &|name| environment.find(name)) {
                Ok(parsed) => {
                    let (config, warnings) = (parsed.config, parsed.warnings);
                    Ok(Self {
                        directory,
                        file,
                        text,
                        config,
                        warnings,
                    })
                }
                Err(errors) => Err(Invalid { file, text, errors }),
            },
        )
    }

    /// The same, where a slow file system must not hold others up.
    pub(crate) async fn read_aside(
        directory: &Path,
        typed: &'static str,
    ) -> anyhow::Result<Result<Self, Invalid>> {
        let directory = directory.to_owned();
        let read = tokio::task::spawn_blocking(move || Self::read(&directory, typed));
        read.await.context("the reading was cut off")?
    }

    /// Where the embedded tenant keeps its keys.
    pub(crate) fn tenant_directory(&self) -> PathBuf {
        tenant_directory(&self.directory)
    }

    /// The files that the configuration names, a change of which is one of the configuration.
    pub(crate) fn named_files(&self) -> Vec<PathBuf> {
        let mut files = self.certificate_files();
        files.extend(local_keys::files(&self.directory, &self.config));
        files
    }

    /// The files of certificates and keys that the configuration names.
    fn certificate_files(&self) -> Vec<PathBuf> {
        let tls = self.config.server.tls.iter();
        let named = tls.flat_map(|tls| {
            let certificates = tls.certificates.iter();
            let own = certificates.flat_map(|own| [&own.certificate, &own.key]);
            own.chain(&tls.client_ca)
        });
        let routes = self.config.apis.iter().flat_map(|api| &api.routes);
        let upstreams = routes.filter_map(|route| match &route.target {
            Target::Upstream(upstream) => Some(&upstream.tls),
            Target::Respond(_) | Target::Function(_) => None,
        });
        let of_upstreams: BTreeSet<&String> = upstreams
            .flat_map(|tls| {
                let certificate = tls.certificate.iter();
                let own = certificate.flat_map(|own| [&own.certificate, &own.key]);
                own.chain(&tls.ca)
            })
            .collect();
        let authorizers = self.config.authorizers.iter();
        let client_keys = authorizers.filter_map(|authorizer| {
            let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
            match &jwt.introspection.as_ref()?.client_proof {
                ClientProof::Key { file, .. } => Some(file),
                ClientProof::Secret(_) | ClientProof::PostedSecret(_) => None,
            }
        });
        named
            .chain(of_upstreams)
            .chain(client_keys)
            .map(|file| self.directory.join(file))
            .collect()
    }

    /// The URL of the embedded tenant's database, which may hold a password.
    pub(crate) fn tenant_database(&self) -> Secret<String> {
        let of_file = |path: PathBuf| Secret::new(format!("sqlite://{}", path.display()));
        match &self.config.store.database {
            None => of_file(self.tenant_directory().join("tenant.db")),
            Some(url) => match url.expose().strip_prefix("sqlite://") {
                Some(path) => of_file(self.directory.join(path)),
                None => url.clone(),
            },
        }
    }

    pub(crate) fn show_warnings(&self) {
        let source = Source {
            name: &self.file,
            text: &self.text,
        };
        if !self.warnings.is_empty() {
            terminal::say(self.warnings.render(&source, terminal::has_colour()) + "\n");
        }
    }
}

impl Invalid {
    pub(crate) fn show(&self) {
        let source = Source {
            name: &self.file,
            text: &self.text,
        };
        terminal::say(self.errors.render(&source, terminal::has_colour()));
    }
}

/// The file of a project, which may be named by its folder or by itself.
pub(crate) fn file_of(directory: &Path) -> PathBuf {
    if directory.is_file() {
        directory.to_owned()
    } else {
        directory.join(FILE)
    }
}

/// Where the embedded tenant of the project in `directory` keeps its keys.
pub(crate) fn tenant_directory(directory: &Path) -> PathBuf {
    directory.join(".portcullis").join("tenant")
}

/// The failure to have the tenant's keys, and what to do about those that are not used.
pub(crate) fn no_keys(error: KeyRingError) -> anyhow::Error {
    match &error {
        KeyRingError::Damaged { .. } => Failure::with_hint(
            Chain(&error).to_string(),
            "restore the file, or remove it to have keys made; tokens of the old ones are void then",
        ),
        KeyRingError::Untrusted { path, cause } => {
            Failure::with_hint(Chain(&error).to_string(), make_safe(path, *cause))
        }
        _ => error.into(),
    }
}

fn make_safe(path: &Path, cause: UntrustedKeys) -> String {
    match cause {
        UntrustedKeys::Mode { .. } => format!(
            "if nobody has read it: `chmod 600 {}`; else remove it to have keys made",
            quoted(&path.display().to_string())
        ),
        _ => "remove it to have keys made; tokens of the old ones are void then".to_owned(),
    }
}

/// Keeps what is made in a project's folder out of its repository.
pub(crate) fn ignore_state(directory: &Path) -> anyhow::Result<()> {
    let state = directory.join(".portcullis");
    let ignore = state.join(".gitignore");
    // What is there is the user's, even a link that leads nowhere.
    let create = |()| match File::create_new(&ignore) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    let written = fs::create_dir_all(&state).and_then(create);
    written.with_context(|| format!("{} cannot be written", state.display()))
}

fn read(file: &Path, typed: &str) -> anyhow::Result<String> {
    fs::read_to_string(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::with_hint(
            format!("there is no {}", file.display()),
            format!(
                "name the folder that has one, as in `{} {typed} examples/hello`",
                program()
            ),
        ),
        io::ErrorKind::InvalidData => anyhow::anyhow!("{} is not UTF-8 text", file.display()),
        _ => anyhow::Error::new(error).context(unreadable(file)),
    })
}

impl fmt::Display for Complained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has errors")
    }
}

impl std::error::Error for Complained {}
