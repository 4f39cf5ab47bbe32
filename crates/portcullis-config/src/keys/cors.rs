use super::{Kind, Table, key};

pub(crate) const CORS: Table = Table {
    title: "[api.NAME.cors]",
    doc: "Which pages of other origins may read answers, as browsers are told.",
    keys: &[
        key(
            "origins",
            Kind::SomeTextsOrAny,
            r#"["https://app.example", "https://*.example.com"]"#,
            "Whose pages may read answers: scheme, host and port, exactly; `*.` stands for every \
             name below a domain, `\"any\"` for every site.",
        )
        .required(),
        key(
            "methods",
            Kind::SomeTexts,
            r#"["GET", "PUT"]"#,
            "The methods that their scripts may use. Those of the routes when absent.",
        ),
        key(
            "headers",
            Kind::SomeTexts,
            r#"["authorization", "content-type"]"#,
            "The headers that their scripts may set. Those that are asked for when absent.",
        ),
        key(
            "expose",
            Kind::Texts,
            r#"["x-total"]"#,
            "The headers of answers that their scripts may read, besides the gateway's own.",
        )
        .default("[]"),
        key(
            "credentials",
            Kind::Flag,
            "false",
            "Whether browsers add cookies. Not to be had with `origins = \"any\"` or `\"null\"`.",
        )
        .default("false"),
        key(
            "max_age",
            Kind::Text,
            r#""1h""#,
            "How long browsers may remember the answer to a preflight: at most 1d. As they like \
             when absent.",
        ),
    ],
    later: &[],
};
