use std::fmt;
use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::scan::MORE;

/// One claim's value, read where it is kept.
///
/// ```
/// use portcullis_token::Introspected;
///
/// let answer = Introspected::parse(br#"{"active":true,"org":{"id":7}}"#)?;
/// let org = answer.claims().find("org").unwrap();
/// assert_eq!(org.as_str(), None);
/// assert_eq!(org.member("id").unwrap().as_f64(), Some(7.0));
/// assert_eq!(org.to_string(), r#"{"id":7}"#);
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Copy)]
pub struct ClaimValue<'c> {
    tag: u8,
    content: &'c str,
}

impl<'c> ClaimValue<'c> {
    /// The text of a string; nothing for anything else.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"team":"r\u00e9d"}"#)?;
    /// assert_eq!(answer.claims().find("team").unwrap().as_str(), Some("réd"));
    /// assert_eq!(answer.claims().find("active").unwrap().as_str(), None);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn as_str(self) -> Option<&'c str> {
        (self.tag == b'"').then_some(self.content)
    }

    /// The value of a boolean; nothing for anything else.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"email_verified":"true"}"#)?;
    /// assert_eq!(answer.claims().find("active").unwrap().as_bool(), Some(true));
    /// assert_eq!(answer.claims().find("email_verified").unwrap().as_bool(), None);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn as_bool(self) -> Option<bool> {
        match self.tag {
            b't' => Some(true),
            b'f' => Some(false),
            _ => None,
        }
    }

    /// The nearest floating-point number of a number; nothing for anything else.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"level":2}"#)?;
    /// assert_eq!(answer.claims().find("level").unwrap().as_f64(), Some(2.0));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn as_f64(self) -> Option<f64> {
        let number = (self.tag == b'0').then_some(self.content)?;
        number.parse().ok()
    }

    /// Whether it is `null`.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"org":null}"#)?;
    /// assert!(answer.claims().find("org").unwrap().is_null());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn is_null(self) -> bool {
        self.tag == b'n'
    }

    /// Whether it is an object.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"org":{}}"#)?;
    /// assert!(answer.claims().find("org").unwrap().is_object());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn is_object(self) -> bool {
        self.tag == b'{'
    }

    /// Whether it is an array.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"roles":[]}"#)?;
    /// assert!(answer.claims().find("roles").unwrap().is_array());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn is_array(self) -> bool {
        self.tag == b'['
    }

    /// A member of an object, the last one where its name stands twice.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"org":{"id":"org_1"}}"#)?;
    /// let org = answer.claims().find("org").unwrap();
    /// assert_eq!(org.member("id").unwrap().as_str(), Some("org_1"));
    /// assert!(org.member("name").is_none());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn member(self, name: &str) -> Option<Self> {
        let named = self.members().filter(|(member, _)| *member == name);
        named.last().map(|(_, value)| value)
    }

    /// The items of an array; none of anything else.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"roles":["staff",7]}"#)?;
    /// let roles = answer.claims().find("roles").unwrap().items();
    /// assert!(roles.map(|role| role.as_str()).eq([Some("staff"), None]));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn items(self) -> impl Iterator<Item = Self> + use<'c> {
        let kept = if self.is_array() { self.content } else { "" };
        let mut at = 0;
        std::iter::from_fn(move || {
            let item = Place::of_value(kept.as_bytes(), at)?;
            at = item.content.end;
            item.value(kept)
        })
    }

    /// The same as a value of its own.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    /// use serde_json::json;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"org":{"id":7}}"#)?;
    /// assert_eq!(answer.claims().find("org").unwrap().to_value(), json!({ "id": 7 }));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn to_value(self) -> Value {
        match self.tag {
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'0' => number(self.content).map_or(Value::Null, Value::Number),
            b'"' => Value::String(self.content.to_owned()),
            b'[' => self.items().map(Self::to_value).collect(),
            b'{' => Value::Object(self.to_map()),
            _ => Value::Null,
        }
    }

    /// The value at a JSON pointer (RFC 6901), which is empty or begins with `/`.
    pub(crate) fn pointer(self, pointer: &str) -> Option<Self> {
        let mut steps = pointer.split('/');
        steps.next();
        steps.try_fold(self, |value, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match value.tag {
                b'{' => value.member(&step),
                b'[' => value.items().nth(index(&step)?),
                _ => None,
            }
        })
    }

    pub(super) fn members(self) -> Members<'c> {
        Members::new(if self.is_object() { self.content } else { "" })
    }

    fn to_map(self) -> Map<String, Value> {
        self.members()
            .map(|(name, value)| (name.to_owned(), value.to_value()))
            .collect()
    }

    /// The value that `kept` begins with.
    pub(super) fn first(kept: &'c str) -> Option<Self> {
        Place::of_value(kept.as_bytes(), 0)?.value(kept)
    }
}

impl fmt::Display for ClaimValue<'_> {
    /// As JSON, without white space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

impl fmt::Debug for ClaimValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

/// The members of an object, in the order in which they were written.
#[derive(Clone)]
pub(crate) struct Members<'c> {
    kept: &'c str,
    at: usize,
}

impl<'c> Members<'c> {
    pub(super) const fn new(kept: &'c str) -> Self {
        Self { kept, at: 0 }
    }

    /// The first member of this name.
    pub(super) fn find(mut self, name: &str) -> Option<ClaimValue<'c>> {
        loop {
            let (member, value) = self.next_place()?;
            if self.kept.as_bytes().get(member) == Some(name.as_bytes()) {
                return value.value(self.kept);
            }
        }
    }

    /// Where the next member begins.
    pub(super) const fn place(&self) -> usize {
        self.at
    }

    fn next_place(&mut self) -> Option<(Range<usize>, Place)> {
        let name = text_place(self.kept.as_bytes(), self.at)?;
        let value = Place::of_value(self.kept.as_bytes(), name.end)?;
        self.at = value.content.end;
        Some((name, value))
    }
}

impl<'c> Iterator for Members<'c> {
    type Item = (&'c str, ClaimValue<'c>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.next_place()?;
        Some((self.kept.get(name)?, value.value(self.kept)?))
    }
}

/// Where a value is kept.
struct Place {
    tag: u8,
    content: Range<usize>,
}

impl Place {
    /// The value that begins at `at`.
    fn of_value(kept: &[u8], at: usize) -> Option<Self> {
        let tag = *kept.get(at)?;
        let content = match tag {
            b't' | b'f' | b'n' => at + 1..at + 1,
            _ => text_place(kept, at + 1)?,
        };
        Some(Self { tag, content })
    }

    fn value(self, kept: &str) -> Option<ClaimValue<'_>> {
        let content = kept.get(self.content)?;
        Some(ClaimValue {
            tag: self.tag,
            content,
        })
    }
}

/// Where the text is whose length begins at `at`.
fn text_place(kept: &[u8], at: usize) -> Option<Range<usize>> {
    let mut group = *kept.get(at)?;
    let mut start = at + 1;
    let mut length = usize::from(group & !MORE);
    let mut bits = MORE.trailing_zeros();
    while group & MORE != 0 {
        group = *kept.get(start)?;
        start += 1;
        length |= usize::from(group & !MORE) << bits;
        bits += MORE.trailing_zeros();
    }
    Some(start..start + length)
}

/// An integer where it is one that 64 bits hold, else the nearest floating-point number.
fn number(text: &str) -> Option<Number> {
    // A negative zero is no integer.
    let integer = text.parse::<u64>().map(Number::from).ok();
    integer
        .or_else(|| {
            let negative = text.parse::<i64>().ok().filter(|number| *number != 0);
            negative.map(Number::from)
        })
        .or_else(|| Number::from_f64(text.parse().ok()?))
}

/// RFC 6901 section 4: an array's index has no leading zeros and no sign.
fn index(step: &str) -> Option<usize> {
    let is_canonical = step == "0" || !step.starts_with(['0', '+']);
    is_canonical.then(|| step.parse().ok()).flatten()
}
