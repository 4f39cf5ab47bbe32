use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::*;

/// Names by which `serde_json` hands values to itself when some of its features are on.
const MAGIC_NAMES: [&str; 2] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];

const LIMITS: Limits = Limits {
    depth: 3,
    members: 2,
};

#[test]
fn one_object_within_the_limits_is_read() {
    for json in [
        "{}",
        " {\"a\":1}\n",
        r#"{"a":[[1]]}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"a":"[[[[[["}"#,
        r#"{"a":"\"[[[[[["}"#,
        r#"{"cnf":{"jkt":"x"}}"#,
        r#"{"cnf":1}"#,
        r#"{"cnf":[1]}"#,
    ] {
        assert!(Object::parse(json.as_bytes(), LIMITS).is_ok(), "{json}");
    }
}

#[test]
fn everything_else_is_refused() {
    for json in [
        "",
        "[]",
        "\"a\"",
        "null",
        "{}x",
        "{} {}",
        "\u{feff}{}",
        "{\"a\":1",
        r#"{"a":[[[1]]]}"#,
        r#"{"a":1,"b":2,"c":3}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
    ] {
        assert_eq!(
            Object::parse(json.as_bytes(), LIMITS),
            Err(NotAnObject),
            "{json}"
        );
    }
    for name in ["cnf", "jwk"] {
        let twice_inside = format!(r#"{{"{name}":{{"jkt":1,"jkt":1}}}}"#);
        let read = Object::parse(twice_inside.as_bytes(), LIMITS);
        assert_eq!(read, Err(NotAnObject), "{twice_inside}");
    }
    assert_eq!(Object::parse(b"{\"a\":\"\xff\"}", LIMITS), Err(NotAnObject));
}

#[test]
fn an_object_stands_for_itself_whatever_its_names() {
    for name in MAGIC_NAMES {
        let json = format!(r#"{{"a":{{"{name}":"1"}}}}"#);
        let members = Object::parse(json.as_bytes(), LIMITS).unwrap();
        assert_eq!(
            members.find("a").unwrap().member(name).unwrap().as_str(),
            Some("1"),
            "{json}"
        );
        assert_eq!(
            parse_value(json.as_bytes()).unwrap()["a"][name],
            "1",
            "{json}"
        );
    }
}

#[test]
fn strings_are_kept_without_their_escapes() {
    let long = "x".repeat(5_000);
    for (text, expected) in [
        (r#""""#, Some("")),
        (r#""a""#, Some("a")),
        (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
        (r#""a\u00e9b""#, Some("a\u{e9}b")),
        (r#""\uD83D\uDE00""#, Some("\u{1f600}")),
        (r#""\u0000""#, Some("\0")),
        (&format!("\"{long}\""), Some(long.as_str())),
        (r#""\uD83D""#, None),
        (r#""\uD83Dx""#, None),
        (r#""\uD83D\n""#, None),
        (r#""\uD83D\uD83D""#, None),
        (r#""\uDE00""#, None),
        (r#""\u00g0""#, None),
        (r#""\u00""#, None),
        (r#""\U0041""#, None),
        (r#""\x""#, None),
        ("\"\t\"", None),
        ("\"a", None),
        ("'a'", None),
    ] {
        let read = parse_value(text.as_bytes()).ok();
        assert_eq!(read, expected.map(Value::from), "{text:.40}");
    }
}

#[test]
fn numbers_are_those_of_rfc_8259() {
    let digits = |count: usize| "9".repeat(count);
    for (text, expected) in [
        ("0", Some(Value::from(0))),
        ("-0", Some(Value::from(-0.0))),
        ("-7", Some(Value::from(-7))),
        ("1.50", Some(Value::from(1.5))),
        ("1e2", Some(Value::from(100.0))),
        ("1E-2", Some(Value::from(0.01))),
        ("18446744073709551615", Some(Value::from(u64::MAX))),
        ("-9223372036854775808", Some(Value::from(i64::MIN))),
        (
            "18446744073709551616",
            Some(Value::from(18_446_744_073_709_551_616.0)),
        ),
        ("1e308", Some(Value::from(1e308))),
        ("1e309", None),
        (&digits(308), Some(Value::from(1e308))),
        (&digits(309), None),
        ("01", None),
        ("+1", None),
        (".1", None),
        ("1.", None),
        ("1e", None),
        ("1e+", None),
        ("-", None),
        ("0x1", None),
        ("NaN", None),
        ("Infinity", None),
    ] {
        assert_eq!(parse_value(text.as_bytes()).ok(), expected, "{text:.40}");
    }
}

#[test]
fn a_value_that_is_not_json_says_where() {
    for (json, at) in [
        ("", 0),
        ("nul", 0),
        (r#"{"a":x}"#, 5),
        ("[1 2]", 3),
        ("[1]]", 3),
    ] {
        assert_eq!(parse_value(json.as_bytes()), Err(NotJson { at }), "{json}");
    }
}

#[test]
fn a_value_nests_as_deep_as_it_may() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_value(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        parse_value(nested(MAX_DEPTH + 1).as_bytes()),
        Err(NotJson { at: MAX_DEPTH })
    );
    let beside = format!("[{0},{0}]", nested(MAX_DEPTH - 1));
    assert!(parse_value(beside.as_bytes()).is_ok());
}

#[test]
fn a_pointer_leads_where_rfc_6901_says() {
    let json = br#"{"a":{"b/c":[1,{"~":2}],"":3,"d":4,"d":5}}"#;
    let object = Object::parse(json, Limits { depth: 9, ..LIMITS }).unwrap();
    let root = object.find("a").unwrap();
    let theirs = root.to_value();
    for pointer in [
        "",
        "/",
        "/b~1c",
        "/b~1c/0",
        "/b~1c/1/~0",
        "/b~1c/00",
        "/b~1c/01",
        "/b~1c/+0",
        "/b~1c/2",
        "/b~1c/-",
        "/d",
        "/x",
        "/d/0",
        "/b~1c/1/~0/x",
    ] {
        let ours = root.pointer(pointer).map(ClaimValue::to_value);
        assert_eq!(ours.as_ref(), theirs.pointer(pointer), "{pointer}");
    }
}

/// Text that is JSON, or nearly.
fn json_like() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        r#""([ -!#-\[\]-~\u{80}-\u{10ffff}]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,8}""#,
    ];
    let spaced = leaf.prop_recursive(6, 60, 6, |inner| {
        let member = (r#""([a-c]|cnf|\\u006[1-3])""#, inner.clone());
        let member = member.prop_map(|(name, value)| format!("{name} :{value}"));
        prop_oneof![
            vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(member, 0..6).prop_map(|members| format!("{{\n{}}}", members.join(","))),
        ]
    });
    (spaced, "[ \t\r\n]{0,2}").prop_map(|(value, space)| format!("{space}{value}{space}"))
}

/// One byte more, less or other.
fn mutate(mut json: Vec<u8>, place: Index, byte: u8, how: u8) -> Vec<u8> {
    let place = place.index(json.len().max(1));
    match how {
        0 => json.insert(place, byte),
        1 if place < json.len() => json[place] = byte,
        _ if place < json.len() => drop(json.remove(place)),
        _ => {}
    }
    json
}

/// Equal, but for the last digit of a floating-point number.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_both = |(name, value): (&String, &Value)| {
                b.get(name).is_some_and(|other| same(value, other))
            };
            a.len() == b.len() && a.iter().all(in_both)
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= a.abs() * 1e-14
        }
        (a, b) => a == b,
    }
}

/// The outermost names, each as often as it is written.
struct Names(Vec<String>);

impl<'de> Visitor<'de> for Names {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Vec<String>, A::Error> {
        while let Some((name, IgnoredAny)) = access.next_entry()? {
            self.0.push(name);
        }
        Ok(self.0)
    }
}

/// We differ from `serde_json` in nothing but what [`Object::parse`] says.
fn compare(json: &[u8]) -> Result<(), TestCaseError> {
    let theirs: Result<Value, _> = serde_json::from_slice(json);
    let ours = parse_value(json);
    prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else {
        let object = Object::parse(json, WIDE);
        prop_assert_eq!(object, Err(NotAnObject));
        return Ok(());
    };
    prop_assert!(same(&ours, &theirs), "{} {}", ours, theirs);
    let Value::Object(members) = &theirs else {
        prop_assert_eq!(Object::parse(json, WIDE), Err(NotAnObject));
        return Ok(());
    };
    let names = serde_json::Deserializer::from_slice(json).deserialize_map(Names(Vec::new()));
    let is_unique = names.unwrap().len() == members.len();
    match Object::parse(json, WIDE) {
        Ok(object) => {
            prop_assert!(is_unique);
            prop_assert!(same(&Value::Object(object.to_map()), &theirs));
        }
        // Inside of `cnf` a name may stand twice too.
        Err(NotAnObject) => prop_assert!(!is_unique || members.contains_key("cnf")),
    }
    Ok(())
}

/// No limit but on the depth.
const WIDE: Limits = Limits {
    depth: MAX_DEPTH,
    members: usize::MAX,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_oracle_agrees_on_any_bytes(json in any::<Vec<u8>>(), text in ".*") {
        compare(&json)?;
        compare(text.as_bytes())?;
    }

    #[test]
    fn the_oracle_agrees_on_json_and_on_what_is_nearly_json(
        json in json_like(),
        mutations in vec((any::<Index>(), any::<u8>(), 0_u8..3), 0..4),
        punctuation in vec((any::<Index>(), select(PUNCTUATION), 0_u8..3), 0..3),
    ) {
        compare(json.as_bytes())?;
        let mut mutated = json.into_bytes();
        for (place, byte, how) in mutations.into_iter().chain(punctuation) {
            mutated = mutate(mutated, place, byte, how);
            compare(&mutated)?;
        }
    }
}

const PUNCTUATION: &[u8] = b"{}[]:,\"\\ \n0-.eEu1";
