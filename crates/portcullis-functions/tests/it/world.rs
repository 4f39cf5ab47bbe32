use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use portcullis::{Clock as _, SystemClock};
use portcullis_config::{Function as Config, Run, Source, Target};
use portcullis_functions::{Call, Caller, Function, Functions, InvokeError, Options, Report};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A project's folder, and the functions in it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) functions: Functions,
    reports: Arc<Mutex<Vec<Report>>>,
}

impl World {
    /// With these files, as `dev` runs them.
    pub(crate) async fn with(files: &[(&str, &str)]) -> Self {
        Self::start(files, true).await
    }

    pub(crate) async fn start(files: &[(&str, &str)], is_development: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let reports = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&reports);
        let functions = Functions::start(Options {
            directory: folder.path().canonicalize().unwrap(),
            state: folder.path().canonicalize().unwrap().join(".state"),
            guard: None,
            is_development,
            clock: Arc::new(SystemClock),
            report: Arc::new(move |report| told.lock().unwrap().push(report)),
        });
        Self {
            functions: functions.await.unwrap(),
            folder,
            reports,
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// The function that a route with `function = "hello"` has, by the lines of its table.
    pub(crate) fn function(&mut self, lines: &str) -> Function {
        let config = config(lines);
        self.functions.replace([&config]);
        self.functions.find(&config).unwrap().clone()
    }

    pub(crate) fn handler(&mut self, handler: &str) -> Function {
        self.function(&format!("handler = \"{handler}\""))
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    /// Waits until something was told.
    pub(crate) async fn told<T>(&self, find: impl Fn(&Report) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = self.reports().iter().find_map(&find) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, found).await.expect("it is told")
    }
}

pub(crate) fn config(lines: &str) -> Config {
    let text = format!(
        "[function.hello]\n{lines}\n[api.main]\nauth = \"none\"\n\
         routes = {{ \"GET /\" = \"hello\" }}\n"
    );
    let source = Source {
        name: "portcullis.toml",
        text: &text,
    };
    let parsed = portcullis_config::parse(&source, &|_| None).unwrap();
    match &parsed.config.apis[0].routes[0].target {
        Target::Function(function) => {
            assert!(!matches!(&function.run, Run::Command(words) if words.is_empty()));
            (**function).clone()
        }
        other => panic!("{other:?}"),
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// `POST /hello?who=…` of somebody with a token.
pub(crate) fn call(body: &str) -> Call {
    let request = http::Request::post("/hello?who=ada")
        .header("host", "localhost")
        .header("content-type", "application/json");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let claims = json!({ "sub": "auth0|ada", "roles": ["a", "b"] });
    Call {
        head,
        path: "/hello".to_owned(),
        body: body.to_owned().into(),
        route: "POST /hello".to_owned(),
        parameters: Vec::new(),
        api: "main".to_owned(),
        source: IpAddr::from([127, 0, 0, 1]),
        request_id: "request-1".to_owned(),
        time: SystemClock.now_exact(),
        caller: Some(Caller {
            claims: claims.as_object().unwrap().clone(),
            scopes: None,
        }),
    }
}

/// The status and the body of an answer.
pub(crate) async fn ask(function: &Function, body: &str) -> Result<(u16, String), InvokeError> {
    let call = call(body);
    let response = timeout(PATIENCE, function.call(&call))
        .await
        .expect("an answer")?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

pub(crate) async fn ask_json(function: &Function, body: &str) -> Value {
    let (status, body) = ask(function, body).await.unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}
