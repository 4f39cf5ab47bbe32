use super::{Kind, Table, key};

pub(crate) const LOG: Table = Table {
    title: "[log]",
    doc: "What is written down about requests.",
    keys: &[
        key(
            "access",
            Kind::Flag,
            "false",
            "Whether there is a line for each answered request.",
        )
        .default("true"),
        key(
            "subject",
            Kind::Choice(&["plain", "hash", "none"]),
            r#""hash""#,
            "How that line names the caller: by `sub`, by a hash of issuer and `sub`, or not at all.",
        )
        .default(r#""plain""#),
        key(
            "refusals",
            Kind::Choice(&["sampled", "off"]),
            r#""off""#,
            "Whether there is a line for each refused token, with a hint at what is wrong: of each \
             reason the first 10 of a second, then one of 100.",
        )
        .default(r#""sampled""#),
        key(
            "format",
            Kind::Choice(&["json", "text"]),
            r#""json""#,
            "How `serve` writes its lines. For people on a terminal, and else JSON, when absent.",
        ),
    ],
    later: &[],
};

pub(crate) const TELEMETRY: Table = Table {
    title: "[telemetry]",
    doc: "Where traces are sent.",
    keys: &[
        key(
            "otlp",
            Kind::Text,
            r#""http://127.0.0.1:4318""#,
            "The address of an OpenTelemetry collector that takes OTLP over HTTP. Nothing is traced \
             when absent.",
        ),
        key(
            "sample_percent",
            Kind::Count(0, 100),
            "10",
            "How many of a hundred requests are traced that belong to no caller's trace. For the \
             others the caller decides.",
        )
        .default("100"),
    ],
    later: &[],
};
