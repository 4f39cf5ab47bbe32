use super::{Key, Kind, Table, key};

pub(crate) const ERRORS: Table = Table {
    title: "[errors]",
    doc: "Other words for refusals, by the style of `errors` and the code of the reason.",
    keys: &[
        style("problem"),
        style("aws"),
        style("tyk"),
        style("express-jwt"),
    ],
    later: &[],
};

const fn style(name: &'static str) -> Key {
    key(
        name,
        Kind::TextTable,
        r#"{ expired = "Log in again." }"#,
        "The text of the body by the reason's code, as logs and `explain` name it: one line of at \
         most 200 characters. Status and challenge stay as they are.",
    )
    .default("{}")
}
