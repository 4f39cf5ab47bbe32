use std::env;

use crate::environment::program_folders;

/// How a person here types this program: its name where the shell finds it, else its path.
pub(crate) fn program() -> String {
    let Ok(program) = env::current_exe() else {
        return "portcullis".to_owned();
    };
    let name = program.file_name().unwrap_or_default();
    if program_folders()
        .iter()
        .any(|folder| folder.join(name) == program)
    {
        return name.display().to_string();
    }
    let here = env::current_dir().ok();
    let relative = here
        .as_ref()
        .and_then(|here| program.strip_prefix(here).ok());
    relative.unwrap_or(&program).display().to_string()
}
