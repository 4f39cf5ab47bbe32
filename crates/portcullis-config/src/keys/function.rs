use super::{Kind, Table, key};

pub(crate) const FUNCTION: Table = Table {
    title: "[function.NAME]",
    doc: "A function that routes name by `function = \"NAME\"`, and how it is run.",
    keys: &[
        key(
            "handler",
            Kind::Text,
            r#""functions/hello.main""#,
            "The file without its ending, relative to `directory`, and what it exports: TypeScript, \
             JavaScript or Python.",
        ),
        key(
            "command",
            Kind::SomeTexts,
            r#"["./hello", "--quiet"]"#,
            "A program that speaks the Lambda Runtime API, and its arguments.",
        ),
        key(
            "binary",
            Kind::Text,
            r#""hello""#,
            "A binary of the Rust crate in `directory`, which `cargo build` makes.",
        ),
        key(
            "directory",
            Kind::Text,
            r#""packages/functions""#,
            "The folder it is started in, relative to the project's. That itself when absent.",
        ),
        key(
            "timeout",
            Kind::Text,
            r#""10s""#,
            "How long one invocation may take, up to 30 seconds. Its process is then killed, and \
             the answer is 503.",
        )
        .default(r#""6s""#),
        key(
            "concurrency",
            Kind::Count(1, 64),
            "10",
            "How many invocations run at a time, each in a process of its own. Others wait.",
        )
        .default("4"),
        key(
            "environment",
            Kind::TextTable,
            r#"{ TABLE = "expenses" }"#,
            "Its variables. Of the gateway's own it sees `PATH`, `HOME` and the like only.",
        )
        .default("{}"),
    ],
    later: &[],
};
