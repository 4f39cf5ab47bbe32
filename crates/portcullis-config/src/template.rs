use crate::environment::Piece;
use crate::path::is_parameter_name;

/// The text of an answer, with the parameters of the path in it: `Hello {name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The parts, in their order.
    pub parts: Vec<TemplatePart>,
}

/// One part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Stands for itself.
    Text(String),
    /// Stands for the value of the parameter of this name.
    Parameter(String),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// The path has no parameter of this name.
    #[error("the path has no parameter `{0}`")]
    UnknownParameter(String),
    /// A brace that is neither doubled nor around a name.
    #[error("`{{` and `}}` must be around a parameter's name")]
    Brace,
}

impl Template {
    /// Reads the pieces of a value. What came from the environment is never read as a parameter.
    pub(crate) fn parse(pieces: &[Piece], parameters: &[&str]) -> Result<Self, TemplateError> {
        let mut parts = Parts::default();
        for piece in pieces {
            match piece {
                Piece::Inserted(text) => parts.text.push_str(text),
                Piece::Written(text) => parts.read(text, parameters)?,
            }
        }
        Ok(parts.finish())
    }
}

#[derive(Default)]
struct Parts {
    done: Vec<TemplatePart>,
    text: String,
}

impl Parts {
    fn read(&mut self, text: &str, parameters: &[&str]) -> Result<(), TemplateError> {
        let mut rest = text;
        while let Some((before, brace)) = rest.find(['{', '}']).map(|at| rest.split_at(at)) {
            self.text.push_str(before);
            rest = if let Some(after) = brace.strip_prefix("{{") {
                self.text.push('{');
                after
            } else if let Some(after) = brace.strip_prefix("}}") {
                self.text.push('}');
                after
            } else {
                let inside = brace.strip_prefix('{').ok_or(TemplateError::Brace)?;
                let (name, after) = inside.split_once('}').ok_or(TemplateError::Brace)?;
                self.parameter(name, parameters)?;
                after
            };
        }
        self.text.push_str(rest);
        Ok(())
    }

    fn parameter(&mut self, name: &str, parameters: &[&str]) -> Result<(), TemplateError> {
        if !is_parameter_name(name) {
            return Err(TemplateError::Brace);
        }
        if !parameters.contains(&name) {
            return Err(TemplateError::UnknownParameter(name.to_owned()));
        }
        self.end_text();
        self.done.push(TemplatePart::Parameter(name.to_owned()));
        Ok(())
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.done
                .push(TemplatePart::Text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self) -> Template {
        self.end_text();
        Template { parts: self.done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<TemplatePart>, TemplateError> {
        let pieces = [Piece::Written(text.to_owned())];
        Template::parse(&pieces, &["name", "rest"]).map(|template| template.parts)
    }

    fn text(text: &str) -> TemplatePart {
        TemplatePart::Text(text.to_owned())
    }

    fn parameter(name: &str) -> TemplatePart {
        TemplatePart::Parameter(name.to_owned())
    }

    #[test]
    fn a_template_is_text_and_parameters() {
        for (written, expected) in [
            ("", vec![]),
            ("Hello", vec![text("Hello")]),
            ("Hello {name}", vec![text("Hello "), parameter("name")]),
            (
                "{name}{rest}!",
                vec![parameter("name"), parameter("rest"), text("!")],
            ),
            ("{{name}}", vec![text("{name}")]),
            ("{{{name}}}", vec![text("{"), parameter("name"), text("}")]),
            (
                r#"{{"a":"{name}"}}"#,
                vec![text(r#"{"a":""#), parameter("name"), text(r#""}"#)],
            ),
        ] {
            assert_eq!(parse(written), Ok(expected), "{written:?}");
        }
    }

    #[test]
    fn a_brace_without_a_meaning_is_refused() {
        for written in [
            "{", "}", "{name", "name}", "{}", "{ name }", "{a{name}", "{1}",
        ] {
            assert_eq!(parse(written), Err(TemplateError::Brace), "{written:?}");
        }
        let unknown = TemplateError::UnknownParameter("nmae".to_owned());
        assert_eq!(parse("{name} {nmae}"), Err(unknown));
    }

    #[test]
    fn what_the_environment_says_is_never_a_parameter() {
        let pieces = [
            Piece::Written("{name} ".to_owned()),
            Piece::Inserted("{name} {".to_owned()),
            Piece::Written("!".to_owned()),
        ];
        let template = Template::parse(&pieces, &["name"]).unwrap();
        assert_eq!(template.parts, [parameter("name"), text(" {name} {!")]);
    }
}
