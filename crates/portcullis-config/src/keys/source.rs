use super::{Kind, Table, key};

pub(crate) const SOURCE: Table = Table {
    title: "[[authorizer.NAME.sources]]",
    doc: "One place where a request may carry its token: a `header`, a `cookie`, a `query` \
          parameter or a field of a `form`.",
    keys: &[
        key(
            "header",
            Kind::Text,
            r#""x-access-token""#,
            "A header other than `Authorization`.",
        ),
        key(
            "prefix",
            Kind::Text,
            r#""Token ""#,
            "What stands before the token in the `header`, in any case.",
        )
        .default(r#""""#),
        key(
            "cookie",
            Kind::Text,
            r#""session""#,
            "A cookie. Browsers send it whoever made them send the request.",
        ),
        key(
            "cross_site",
            Kind::Choice(&["refuse", "allow"]),
            r#""allow""#,
            "Whether the `cookie` counts when another site made the browser send the request, as \
             `Sec-Fetch-Site` tells.",
        )
        .default(r#""refuse""#),
        key(
            "query",
            Kind::Text,
            r#""access_token""#,
            "A parameter of the query. Histories and the logs of others may keep it.",
        ),
        key(
            "form",
            Kind::Text,
            r#""access_token""#,
            "A field of a form that is the body of a POST, PUT or PATCH (RFC 6750 section 2.2). Forms \
             of more than 64 KiB are then refused with 413, whoever sends them.",
        ),
    ],
    later: &[],
};
