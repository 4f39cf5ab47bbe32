mod keys;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::arguments::{Check, Format};
use crate::project::{Complained, Invalid, Project};
use crate::terminal::{self, harmless};
use crate::{policies, routes};

/// Validates the file and prints its routes. Warnings fail it only with `--strict`.
pub(crate) fn run(arguments: &Check) -> anyhow::Result<()> {
    let is_valid = match arguments.format {
        Format::Json => {
            let result = Project::read(&arguments.directory, "check")?;
            let warnings = result.as_ref().map_or(Ok(Vec::new()), more_warnings)?;
            terminal::print_json(&to_json(&result, &warnings))?;
            result.is_ok_and(|project| accepts(arguments, &project, &warnings))
        }
        Format::Text => {
            let project = Project::load(&arguments.directory, "check")?;
            terminal::print(routes::table_with_origins(&project.config, &project.file))?;
            for section in [keys::table(&project), policies::table(&project.config)] {
                if !section.is_empty() {
                    terminal::print(format_args!("\n{section}"))?;
                }
            }
            let warnings = more_warnings(&project)?;
            for warning in &warnings {
                terminal::warn(warning);
            }
            terminal::say(format_args!("\n{}\n", summary(&project, &warnings)));
            accepts(arguments, &project, &warnings)
        }
    };
    if is_valid {
        Ok(())
    } else {
        Err(Complained.into())
    }
}

/// What only this machine can tell of the keys.
fn more_warnings(project: &Project) -> anyhow::Result<Vec<String>> {
    keys::check(project).context("the keys of an authorizer cannot be used")
}

fn accepts(arguments: &Check, project: &Project, warnings: &[String]) -> bool {
    (project.warnings.is_empty() && warnings.is_empty()) || !arguments.strict
}

fn summary(project: &Project, warnings: &[String]) -> String {
    let routes = project.config.apis.iter().map(|api| api.routes.len()).sum();
    let warnings = project.warnings.len() + warnings.len();
    let file = harmless(&project.file);
    let mut summary = format!("{file} is valid: {}", counted(routes, "route"));
    if warnings > 0 {
        summary += &format!(", {}", counted(warnings, "warning"));
    }
    summary
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn to_json(result: &Result<Project, Invalid>, warnings: &[String]) -> Value {
    match result {
        Ok(project) => {
            let source = portcullis_config::Source {
                name: &project.file,
                text: &project.text,
            };
            json!({
                "valid": true,
                "diagnostics": project.warnings.to_json(&source),
                "warnings": warnings,
                "routes": routes::to_json(&project.config),
                "policies": policies::to_json(&project.config),
            })
        }
        Err(invalid) => {
            let source = portcullis_config::Source {
                name: &invalid.file,
                text: &invalid.text,
            };
            json!({ "valid": false, "diagnostics": invalid.errors.to_json(&source) })
        }
    }
}
