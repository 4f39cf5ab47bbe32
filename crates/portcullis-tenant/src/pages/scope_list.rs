/// A scope that is asked for, in the order of the request.
#[derive(Clone, Copy, Debug)]
pub struct ConsentScope<'a> {
    /// Such as `read:reports` or `email`.
    pub name: &'a str,
    /// Given where the tenant shows its APIs' descriptions (`use_scope_descriptions_for_consent`).
    pub description: Option<&'a str>,
}

/// A line of the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentItem {
    /// What it is about, such as `Reports`; empty when `detail` says all.
    pub heading: String,
    /// What becomes possible, such as `read and write your reports`.
    pub detail: String,
}

/// Writes scopes for people, as Auth0 does.
///
/// Scopes such as `read:posts` and `write:posts` become one line, "Posts: read and write your
/// posts". `openid` is not told: it only says that this is a login.
pub fn list_scopes(scopes: &[ConsentScope<'_>]) -> Vec<ConsentItem> {
    let mut items = profile(scopes).into_iter().collect::<Vec<_>>();
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut others = Vec::new();
    for scope in scopes {
        if matches!(scope.name, "openid" | "profile" | "email") {
            continue;
        }
        match (scope.description, scope.name.split_once(':')) {
            (Some(description), _) => others.push(plain(description)),
            (None, _) if scope.name == "offline_access" => others.push(ConsentItem {
                heading: "Offline access".to_owned(),
                detail: "keep this access while you are away".to_owned(),
            }),
            (None, Some((action, resource))) if !action.is_empty() && !resource.is_empty() => {
                add(&mut groups, action, resource);
            }
            (None, _) => others.push(plain(scope.name)),
        }
    }
    items.extend(groups.into_iter().map(|(resource, actions)| {
        let (resource, actions) = (spaced(resource), enumerate(&actions));
        ConsentItem {
            heading: capitalized(&resource),
            detail: format!("{actions} your {resource}"),
        }
    }));
    items.extend(others);
    items
}

fn profile(scopes: &[ConsentScope<'_>]) -> Option<ConsentItem> {
    let has = |name| scopes.iter().any(|scope| scope.name == name);
    let (heading, detail) = match (has("profile"), has("email")) {
        (true, true) => ("Profile", "access to your profile and email"),
        (true, false) => ("Profile", "access to your profile"),
        (false, true) => ("Email", "access to your email"),
        (false, false) => return None,
    };
    Some(ConsentItem {
        heading: heading.to_owned(),
        detail: detail.to_owned(),
    })
}

fn add<'a>(groups: &mut Vec<(&'a str, Vec<&'a str>)>, action: &'a str, resource: &'a str) {
    match groups.iter_mut().find(|(known, _)| *known == resource) {
        Some((_, actions)) if actions.contains(&action) => {}
        Some((_, actions)) => actions.push(action),
        None => groups.push((resource, vec![action])),
    }
}

fn plain(text: &str) -> ConsentItem {
    ConsentItem {
        heading: String::new(),
        detail: text.to_owned(),
    }
}

/// `read`, `read and write`, `read, write and delete`.
fn enumerate(actions: &[&str]) -> String {
    let actions: Vec<_> = actions.iter().map(|action| spaced(action)).collect();
    match actions.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        actions => actions.concat(),
    }
}

fn spaced(text: &str) -> String {
    text.replace(['_', '-'], " ")
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_told_as_auth0_tells_them() {
        for (scopes, expected) in [
            ("", ""),
            ("openid", ""),
            (
                "openid profile email",
                "Profile: access to your profile and email",
            ),
            ("profile", "Profile: access to your profile"),
            ("email", "Email: access to your email"),
            ("read:posts write:posts", "Posts: read and write your posts"),
            (
                "delete:posts read:users read:posts write:posts read:posts",
                "Posts: delete, read and write your posts\nUsers: read your users",
            ),
            (
                "update:current_user_metadata",
                "Current user metadata: update your current user metadata",
            ),
            (
                "openid read:reports offline_access",
                "Reports: read your reports\nOffline access: keep this access while you are away",
            ),
            ("transfer", "transfer"),
            (":posts read:", ":posts\nread:"),
            ("read:a:b", "A:b: read your a:b"),
        ] {
            let scopes: Vec<_> = scopes
                .split_whitespace()
                .map(|name| ConsentScope {
                    name,
                    description: None,
                })
                .collect();
            assert_eq!(told(&scopes), expected, "{scopes:?}");
        }
    }

    #[test]
    fn a_description_takes_the_place_of_its_scope() {
        let scopes = [
            ConsentScope {
                name: "read:reports",
                description: Some("See what you spent"),
            },
            ConsentScope {
                name: "write:reports",
                description: None,
            },
        ];
        let expected = "Reports: write your reports\nSee what you spent";
        assert_eq!(told(&scopes), expected);
    }

    fn told(scopes: &[ConsentScope<'_>]) -> String {
        let items = list_scopes(scopes);
        let lines: Vec<_> = items
            .iter()
            .map(|item| match item.heading.as_str() {
                "" => item.detail.clone(),
                heading => format!("{heading}: {}", item.detail),
            })
            .collect();
        lines.join("\n")
    }
}
