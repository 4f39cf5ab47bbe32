use serde_json::{Value, json};

use crate::arguments::{Check, Format};
use crate::project::{Complained, Invalid, Project};
use crate::routes;
use crate::terminal::{self, harmless};

/// Validates the file and prints its routes. Warnings fail it only with `--strict`.
pub(crate) fn run(arguments: &Check) -> anyhow::Result<()> {
    let is_valid = match arguments.format {
        Format::Json => {
            let result = Project::read(&arguments.directory, "check")?;
            terminal::print_json(&to_json(&result))?;
            result.is_ok_and(|project| accepts(arguments, &project))
        }
        Format::Text => {
            let project = Project::load(&arguments.directory, "check")?;
            terminal::print(routes::table_with_origins(&project.config, &project.file))?;
            terminal::say(format_args!("\n{}\n", summary(&project)));
            accepts(arguments, &project)
        }
    };
    if is_valid {
        Ok(())
    } else {
        Err(Complained.into())
    }
}

fn accepts(arguments: &Check, project: &Project) -> bool {
    project.warnings.is_empty() || !arguments.strict
}

fn summary(project: &Project) -> String {
    let routes = project.config.apis.iter().map(|api| api.routes.len()).sum();
    let warnings = project.warnings.len();
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

fn to_json(result: &Result<Project, Invalid>) -> Value {
    match result {
        Ok(project) => {
            let source = portcullis_config::Source {
                name: &project.file,
                text: &project.text,
            };
            json!({
                "valid": true,
                "diagnostics": project.warnings.to_json(&source),
                "routes": routes::to_json(&project.config),
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
