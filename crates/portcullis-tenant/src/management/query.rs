use url::form_urlencoded;

use super::refusal::Refusal;

/// The parameters of a request's query; of two with one name the first counts.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned();
        Self(pairs.collect())
    }

    /// Refuses parameters that would have no effect: a filter that is not known is not a filter.
    pub(super) fn check_names(&self, is_known: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        let unknown: Vec<&str> = self
            .0
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !is_known(name))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let unknown = unknown.join(",");
        Err(Refusal::Query(format!(
            "'Additional properties not allowed: {unknown}'"
        )))
    }

    /// The value of a parameter; absent when it is empty, too.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The value of a parameter that must be there.
    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.find(name)
            .ok_or_else(|| Refusal::Query(format!("'Missing required property: {name}'")))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.find(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(wrong_type("boolean", name)),
        }
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        (minimum, maximum): (u32, u32),
    ) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.find(name) else {
            return Ok(None);
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.is_empty() {
            return Err(wrong_type("integer", name));
        }
        let refuse = |bound: &str, limit| {
            let text = format!("'Value {text} is {bound} {limit}' on property {name}");
            Err(Refusal::Query(text))
        };
        match text.parse::<u32>() {
            Ok(number) if number < minimum => refuse("less than minimum", minimum),
            Ok(number) if number <= maximum => Ok(Some(number)),
            _ if text.starts_with('-') => refuse("less than minimum", minimum),
            _ => refuse("greater than maximum", maximum),
        }
    }

    /// Auth0's search: `field:"value"` and more of them joined by `AND`.
    ///
    /// It is the parameter `q`; `search`, as the SDKs call it for logs, is taken where an operation
    /// has it. A search that is not understood is refused: ignoring it would answer with everybody.
    pub(super) fn search(&self, fields: &[&str]) -> Result<Vec<(&str, &str)>, Refusal> {
        let Some(text) = self.find("q").or_else(|| self.find("search")) else {
            return Ok(Vec::new());
        };
        text.split(" AND ")
            .map(|term| {
                let (field, value) = term.trim().split_once(':').ok_or(())?;
                let quoted = value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                let value = quoted.unwrap_or(value);
                let is_plain = |c: char| !"\"*?[]{}()\\~^".contains(c);
                let is_whole = quoted.is_some() || !value.contains(' ');
                let holds = fields.contains(&field) && !value.is_empty() && is_whole;
                let holds = holds && value.chars().all(is_plain);
                if holds { Ok((field, value)) } else { Err(()) }
            })
            .collect::<Result<_, ()>>()
            .map_err(|()| {
                let fields = fields.join(", ");
                let text = format!("'q must be terms FIELD:\"VALUE\" joined by AND, of: {fields}'");
                Refusal::Query(text)
            })
    }
}

fn wrong_type(expected: &str, name: &str) -> Refusal {
    Refusal::Query(format!(
        "'Expected type {expected} but found type string' on property {name}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_within_its_bounds() {
        for (text, expected) in [
            ("", Ok(None)),
            ("n=", Ok(None)),
            ("n=1", Ok(Some(1))),
            ("n=100", Ok(Some(100))),
            ("n=0", Err("'Value 0 is less than minimum 1' on property n")),
            (
                "n=-1",
                Err("'Value -1 is less than minimum 1' on property n"),
            ),
            (
                "n=101",
                Err("'Value 101 is greater than maximum 100' on property n"),
            ),
            (
                "n=99999999999",
                Err("'Value 99999999999 is greater than maximum 100' on property n"),
            ),
            (
                "n=1e3",
                Err("'Expected type integer but found type string' on property n"),
            ),
            (
                "n=-",
                Err("'Expected type integer but found type string' on property n"),
            ),
        ] {
            let query = Query::parse(text);
            let number = query
                .number("n", (1, 100))
                .map_err(|error| error.to_string());
            let expected = expected.map_err(|text| format!("Query validation error: {text}."));
            assert_eq!(number, expected, "{text}");
        }
    }

    #[test]
    fn a_search_is_understood_or_refused() {
        for (text, expected) in [
            ("", Some(vec![])),
            (
                "q=email%3Aada%40example.com",
                Some(vec![("email", "ada@example.com")]),
            ),
            ("q=email:%22a%20b%22", Some(vec![("email", "a b")])),
            (
                "q=email:a+AND+blocked:true",
                Some(vec![("email", "a"), ("blocked", "true")]),
            ),
            ("search=email:a", Some(vec![("email", "a")])),
            ("q=email:a*", None),
            ("q=email:a+b", None),
            ("q=email:", None),
            ("q=name:a", None),
            ("q=ada", None),
            ("q=NOT+email:a", None),
            ("q=email:a+OR+email:b", None),
            ("q=email:(a)", None),
            ("q=email:%22a%22b%22", None),
        ] {
            let query = Query::parse(text);
            assert_eq!(query.search(&["email", "blocked"]).ok(), expected, "{text}");
        }
    }
}
