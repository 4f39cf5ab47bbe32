//! The functions of a project: run beside the gateway, and told of.

mod told;

use std::env;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use portcullis::SystemClock;
use portcullis_config::{Config, Target};
use portcullis_functions::{Call, Caller, Function, Functions, InvokeError, Options, Report};
use portcullis_gateway::{
    FunctionAnswer, FunctionCall, FunctionFailure, FunctionFailureKind, FunctionTarget, Plan,
};

use crate::project::{self, Project};

/// What runs the functions of the configurations that are served one after another.
#[derive(Debug)]
pub(crate) struct Running {
    /// Absent until a configuration has any.
    functions: Option<Functions>,
    directory: PathBuf,
    how: How,
}

/// For whom functions are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// For who writes them: files are followed, and the terminal shows what they write.
    Development,
    /// For callers: the log has what they write.
    Production,
}

impl Running {
    pub(crate) fn new(project: &Project, how: How) -> Self {
        Self {
            functions: None,
            directory: project.directory.clone(),
            how,
        }
    }

    /// Has the functions of `config` answer for `plan`. Those that stay the same go on.
    pub(crate) async fn connect(&mut self, plan: &mut Plan, config: &Config) -> anyhow::Result<()> {
        let routes = config.apis.iter().flat_map(|api| &api.routes);
        let named = routes.filter_map(|route| match &route.target {
            Target::Function(function) => Some(&**function),
            Target::Respond(_) | Target::Upstream(_) => None,
        });
        let named: Vec<_> = named.collect();
        if self.functions.is_none() && named.is_empty() {
            return Ok(());
        }
        let functions = match &mut self.functions {
            Some(functions) => functions,
            absent => {
                let started = start(self.directory.clone(), self.how).await;
                absent.insert(started.context("functions cannot be run")?)
            }
        };
        functions.replace(named);
        self.attach(plan);
        Ok(())
    }

    /// Has the functions that run answer for another plan of the same configuration.
    pub(crate) fn attach(&self, plan: &mut Plan) {
        let Some(functions) = &self.functions else {
            return;
        };
        plan.connect_functions(&mut |config| {
            let function = functions.find(config)?.clone();
            Some(Arc::new(Wired(function)))
        });
    }

    /// Kills what is left.
    pub(crate) async fn stop(self, patience: Duration) {
        if let Some(functions) = self.functions {
            functions.stop(patience).await;
        }
    }
}

async fn start(directory: PathBuf, how: How) -> anyhow::Result<Functions> {
    let is_development = how == How::Development;
    if is_development {
        project::ignore_state(&directory)?;
    }
    let program = env::current_exe().context("the program cannot find itself")?;
    let options = Options {
        state: directory.join(".portcullis").join("functions"),
        directory,
        guard: Some(vec![program.into_os_string(), GUARD.into()]),
        is_development,
        clock: Arc::new(SystemClock),
        report: Arc::new(move |report: Report| match how {
            How::Development => told::show(&report),
            How::Production => told::log(&report),
        }),
    };
    Ok(Functions::start(options).await?)
}

/// The command that ends the workers of a gateway that was killed.
pub(crate) const GUARD: &str = "function-guard";

/// Runs that command.
pub(crate) fn guard() -> anyhow::Result<()> {
    Ok(portcullis_functions::guard(io::stdin().lock())?)
}

/// A function as the gateway knows it.
#[derive(Debug)]
struct Wired(Function);

impl FunctionTarget for Wired {
    fn call(&self, call: FunctionCall) -> FunctionAnswer {
        let function = self.0.clone();
        Box::pin(async move {
            let FunctionCall {
                head,
                path,
                body,
                route,
                parameters,
                api,
                source,
                request_id,
                time,
                claims,
                scopes,
            } = call;
            let call = Call {
                head,
                path,
                body,
                route,
                parameters,
                api,
                source,
                request_id,
                time,
                caller: claims.map(|claims| Caller { claims, scopes }),
            };
            let answer = function
                .call(&call)
                .await
                .map_err(|error| failure(&error))?;
            let boxed = |error| -> Box<dyn Error + Send + Sync> { Box::new(error) };
            Ok(answer.map(|body| body.map_err(boxed).boxed_unsync()))
        })
    }
}

fn failure(error: &InvokeError) -> FunctionFailure {
    let kind = match error {
        InvokeError::TimedOut(_) => FunctionFailureKind::Timeout,
        InvokeError::Busy | InvokeError::Ending => FunctionFailureKind::Busy,
        InvokeError::EventTooLarge => FunctionFailureKind::TooLarge,
        _ => FunctionFailureKind::Failed,
    };
    FunctionFailure {
        kind,
        detail: error.to_json(),
    }
}
