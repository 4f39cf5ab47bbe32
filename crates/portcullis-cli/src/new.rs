//! `portcullis new`: a folder with a project that `dev` runs as it is.

mod template;

use std::fs::{self, File};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{self, Path};

use anyhow::Context as _;
use clap::ValueEnum as _;

pub(crate) use self::template::Template;
use crate::arguments::New;
use crate::invocation::{program, quoted};
use crate::terminal::{self, BOLD, Failure, LINK, harmless, styled};

/// More than anybody types for the name of a template, in bytes.
const LONGEST_ANSWER: u64 = 256;

/// Makes the project and says how to run it.
pub(crate) fn run(arguments: &New) -> anyhow::Result<()> {
    let directory = &arguments.directory;
    check_vacant(directory)?;
    let template = match arguments.template {
        Some(template) => template,
        None => ask()?,
    };
    for (name, content) in template.files() {
        let file = directory.join(name);
        write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    }
    say_next(directory, template);
    Ok(())
}

/// A folder that holds anything is somebody's work, even if no file of ours has its name.
fn check_vacant(directory: &Path) -> anyhow::Result<()> {
    let cannot = |error: io::Error| {
        Err(anyhow::Error::new(error).context(format!("cannot read {}", directory.display())))
    };
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(Ok(_)) => Err(Failure::with_hint(
                format!("{} is not empty", directory.display()),
                "name a folder that is empty, or not there yet",
            )),
            Some(Err(error)) => cannot(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => cannot(error),
    }
}

/// Asks on a terminal; a program is told of the flag instead of being waited for.
fn ask() -> anyhow::Result<Template> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let names = Template::value_variants()
            .iter()
            .map(|template| template.name());
        let names = names.collect::<Vec<_>>().join("`, `");
        return Err(Failure::with_hint(
            "there is no terminal to ask for a template at",
            format!("say `--template` with one of `{names}`"),
        ));
    }
    for template in Template::value_variants() {
        let value = template.to_possible_value();
        let help = value.as_ref().and_then(|value| value.get_help());
        terminal::say(format_args!(
            "    {}  {}\n",
            styled(BOLD, format!("{:<8}", template.name())),
            help.map(ToString::to_string).unwrap_or_default()
        ));
    }
    terminal::say("Which template? ");
    let mut answer = String::new();
    let answered = io::stdin()
        .lock()
        .take(LONGEST_ANSWER)
        .read_line(&mut answer);
    answered.context("cannot read the answer")?;
    let answer = answer.trim();
    Template::from_str(answer, true)
        .map_err(|_| anyhow::anyhow!("there is no template `{}`", harmless(answer)))
}

/// Writes a file that must not be there, with the folders above it.
fn write(file: &Path, content: &str) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    File::create_new(file)?.write_all(content.as_bytes())
}

fn say_next(directory: &Path, template: Template) {
    let name = harmless(&directory.display().to_string());
    terminal::say(format_args!("{} is made. Next:\n\n", styled(BOLD, &name)));
    let program = program_from_anywhere();
    let mut commands = Vec::new();
    if directory != Path::new(".") {
        commands.push(format!("cd {}", quoted(&name)));
    }
    commands.push(format!("{program} dev"));
    for command in &commands {
        terminal::say(format_args!("    {}\n", styled(LINK, command)));
    }
    for (place, command) in template.next() {
        let command = styled(LINK, command.replace("portcullis", &program));
        terminal::say(format_args!("\n{place}:\n\n    {command}\n"));
    }
}

/// How the program is typed after a `cd`, where a path from this folder leads nowhere.
fn program_from_anywhere() -> String {
    let program = program();
    if !program.contains('/') {
        return program;
    }
    path::absolute(&program).map_or_else(
        |_| quoted(&program),
        |path| quoted(&path.display().to_string()),
    )
}
