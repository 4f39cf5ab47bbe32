//! Paths by an API's own rules: what it takes beyond what every server reads alike.

use portcullis_config::{DotSegments, EmptySegments, EncodedSlash, PathRules};

use super::{PathError, Slash, check_characters, decode_with, escaped, without_parameter};

/// The one spelling of `path` by these rules, under a base of so many segments.
///
/// # Errors
/// [`PathError`], for the first thing that the rules do not take.
pub(crate) fn canonical(rules: PathRules, base: usize, path: &str) -> Result<String, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    check_characters(path)?;
    let slash = match rules.encoded_slash {
        EncodedSlash::Refuse => Slash::Refuse,
        EncodedSlash::Keep => Slash::Keep,
    };
    let decoded = decode_with(path, slash)?;
    let mut segments: Vec<&str> = Vec::new();
    let (mut has_empty, mut has_dots) = (false, false);
    let mut rest = decoded.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        let is_last = rest.peek().is_none();
        match segment {
            "" if is_last => segments.push(""),
            "" => {
                // Directly behind the base it would make a host of what follows: `//host/`.
                if rules.empty_segments == EmptySegments::Refuse || segments.len() <= base {
                    return Err(PathError::EmptySegment);
                }
                has_empty = true;
                if rules.empty_segments == EmptySegments::Keep {
                    segments.push("");
                }
            }
            "." | ".." if rules.dot_segments == DotSegments::Resolve => {
                has_dots = true;
                let above = segment == ".." && (segments.len() <= base || segments.pop().is_none());
                if above {
                    return Err(PathError::DotSegment);
                }
                // RFC 3986 section 5.2.4: what is left is a folder.
                if is_last {
                    segments.push("");
                }
            }
            _ => {
                check_pieces(segment)?;
                segments.push(segment);
            }
        }
    }
    // Servers that merge first resolve to another path than those that do not.
    if has_dots && has_empty && rules.empty_segments == EmptySegments::Keep {
        return Err(PathError::EmptySegment);
    }
    Ok(format!("/{}", segments.join("/")))
}

/// No part of a segment may be a dot segment or empty to servers that decode first.
fn check_pieces(segment: &str) -> Result<(), PathError> {
    segment
        .split("%2F")
        .try_for_each(|piece| match without_parameter(piece) {
            "." | ".." => Err(PathError::DotSegment),
            "" => Err(PathError::EmptySegment),
            _ => Ok(()),
        })
}

/// What else servers may take a canonical path for: with slashes decoded, with slashes merged.
pub(crate) fn readings(canonical: &str) -> Vec<String> {
    let decoded = canonical.replace("%2F", "/");
    let mut readings = vec![merge(canonical), merge(&decoded), decoded];
    readings.retain(|reading| reading != canonical);
    readings
}

/// Refuses what no rule takes: a target that is no path, and what is no character of one.
///
/// # Errors
/// [`PathError`], for the first offence.
pub(crate) fn check_raw(path: &str) -> Result<(), PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    check_characters(path)?;
    for (index, _) in path.match_indices('%') {
        match escaped(path.as_bytes(), index) {
            None => return Err(PathError::Encoding),
            Some(0) => return Err(PathError::Ambiguous),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Everything that servers may take a path for as it was received.
///
/// They decode once, twice or not at all, cut parameters off or not, take a backslash for a slash,
/// and resolve dot segments before or after they merge slashes.
pub(crate) fn every_reading(path: &str) -> Vec<String> {
    let mut readings = vec![path.to_owned()];
    for text in every_spelling(path) {
        readings.extend([resolve(&merge(&text)), merge(&resolve(&text))]);
    }
    readings
}

/// Whether some server takes the path, which begins below some folder, for one outside of it.
///
/// It matters whatever stands above: what an upstream's own base is put before, resolves there.
pub(crate) fn climbs(path: &str) -> bool {
    every_spelling(path).iter().any(|text| {
        let mut depth: Option<usize> = Some(0);
        for segment in text.split('/') {
            depth = match segment {
                // Of no height for servers that merge slashes.
                "" | "." => depth,
                ".." => depth.and_then(|depth| depth.checked_sub(1)),
                _ => depth.map(|depth| depth + 1),
            };
        }
        depth.is_none()
    })
}

/// What becomes of a path before its segments are looked at.
fn every_spelling(path: &str) -> Vec<String> {
    let once = decode_all(path);
    let twice = decode_all(&once);
    let mut spellings = Vec::new();
    for decoded in [path, &once, &twice] {
        let slashes = decoded.replace('\\', "/");
        spellings.extend([cut_parameters(&slashes), slashes]);
    }
    spellings
}

fn decode_all(text: &str) -> String {
    // Bytes beyond ASCII are no part of a rule that is got around; they need only differ from it.
    let bytes = percent_encoding::percent_decode_str(text);
    bytes.map(char::from).collect()
}

fn cut_parameters(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(without_parameter).collect();
    segments.join("/")
}

/// Without empty segments, but with one slash at the end where there was one.
fn merge(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let end = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

/// RFC 3986 section 5.2.4: nothing is above the root.
fn resolve(path: &str) -> String {
    let mut resolved: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(resolved.pop()),
            other => resolved.push(other),
        }
    }
    format!("/{}", resolved.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> PathRules {
        PathRules {
            encoded_slash: if text.contains('s') {
                EncodedSlash::Keep
            } else {
                EncodedSlash::Refuse
            },
            dot_segments: if text.contains('d') {
                DotSegments::Resolve
            } else {
                DotSegments::Refuse
            },
            empty_segments: match text {
                _ if text.contains('k') => EmptySegments::Keep,
                _ if text.contains('m') => EmptySegments::Merge,
                _ => EmptySegments::Refuse,
            },
            raw: false,
        }
    }

    /// `s` keeps encoded slashes, `d` resolves dots, `k` keeps and `m` merges empty segments.
    #[test]
    fn each_rule_takes_what_it_is_for_and_nothing_else() {
        for (own, path, expected) in [
            ("", "/a/b", Ok("/a/b")),
            ("", "/a%2fb", Err(PathError::Ambiguous)),
            ("s", "/a%2fb", Ok("/a%2Fb")),
            ("s", "/%61%2Fb/", Ok("/a%2Fb/")),
            ("s", "/a%2f..", Err(PathError::DotSegment)),
            ("s", "/..%2fa", Err(PathError::DotSegment)),
            ("s", "/a;x%2f..%2fb", Err(PathError::DotSegment)),
            ("s", "/a%2f..;x", Err(PathError::DotSegment)),
            ("s", "/a%2f", Err(PathError::EmptySegment)),
            ("s", "/%2fa", Err(PathError::EmptySegment)),
            ("s", "/a%2f%2fb", Err(PathError::EmptySegment)),
            ("s", "/a%252fb", Err(PathError::Ambiguous)),
            ("s", "/a%5cb", Err(PathError::Ambiguous)),
            ("s", "/a%00", Err(PathError::Ambiguous)),
            ("s", "/a/../b", Err(PathError::DotSegment)),
            ("sd", "/a%2f../b", Err(PathError::DotSegment)),
            ("d", "/a/../b", Ok("/b")),
            ("d", "/a/%2e%2E/b", Ok("/b")),
            ("d", "/a/./b/.", Ok("/a/b/")),
            ("d", "/a/b/..", Ok("/a/")),
            ("d", "/..", Err(PathError::DotSegment)),
            ("d", "/a/../../b", Err(PathError::DotSegment)),
            ("d", "/a/..;x/b", Err(PathError::DotSegment)),
            ("d", "/a//b", Err(PathError::EmptySegment)),
            ("k", "/a//b", Ok("/a//b")),
            ("k", "/a//", Ok("/a//")),
            ("k", "//a", Err(PathError::EmptySegment)),
            ("k", "/a/;x/b", Err(PathError::EmptySegment)),
            ("kd", "/a//../b", Err(PathError::EmptySegment)),
            ("m", "/a//b", Ok("/a/b")),
            ("m", "/a///b//", Ok("/a/b/")),
            ("m", "//a", Err(PathError::EmptySegment)),
            ("md", "/a//../b", Ok("/b")),
        ] {
            let found = canonical(rules(own), 0, path);
            assert_eq!(
                found.as_deref(),
                expected.as_ref().copied(),
                "{own}: {path}"
            );
        }
    }

    #[test]
    fn nothing_leaves_the_base() {
        for (path, expected) in [
            ("/base/a/../b", Ok("/base/b")),
            ("/base/../other", Err(PathError::DotSegment)),
            ("/other/../base/a", Err(PathError::DotSegment)),
            ("/base//a", Err(PathError::EmptySegment)),
            ("/base/a//b", Ok("/base/a/b")),
        ] {
            let found = canonical(rules("dm"), 1, path);
            assert_eq!(found.as_deref(), expected.as_ref().copied(), "{path}");
        }
    }

    #[test]
    fn a_path_climbs_if_any_server_comes_out_above_where_it_began() {
        for (path, expected) in [
            ("", false),
            ("/", false),
            ("/a/../b", false),
            ("/a/b/../..", false),
            ("/..a/...", false),
            ("/..", true),
            ("/./../a", true),
            ("/a/../../a", true),
            ("/a/../../a/b/c", true),
            ("//../a", true),
            ("/%2e%2e/a", true),
            ("/a%2f..%2f..", true),
            ("/%252e%252e/a", true),
            ("/..%5ca", true),
            ("/..;x/a", true),
            ("/..%3bx/a", true),
        ] {
            assert_eq!(climbs(path), expected, "{path}");
        }
    }

    #[test]
    fn a_path_as_it_was_received_has_every_reading() {
        let readings = every_reading("/a/%252e%252e/b;x/%5C..%2fc");
        for expected in ["/a/%252e%252e/b;x/%5C..%2fc", "/b;x/c", "/b/c", "/c"] {
            let found = readings.iter().any(|reading| reading == expected);
            assert!(found, "{expected}: {readings:?}");
        }
        for (path, expected) in [
            ("/a", Ok(())),
            ("/a%2F..//%5c", Ok(())),
            ("a", Err(PathError::NotAbsolute)),
            ("/a%0", Err(PathError::Encoding)),
            ("/a%00", Err(PathError::Ambiguous)),
            ("/a\\b", Err(PathError::Character)),
        ] {
            assert_eq!(check_raw(path), expected, "{path}");
        }
    }
}
