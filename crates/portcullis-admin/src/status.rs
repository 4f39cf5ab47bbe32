//! Health and keys as programs read them.

use portcullis::{KeyStatus, KnownKey};
use serde_json::{Value, json};

use crate::operations::{AuthorizerKeys, Health, UpstreamState};

/// `{"status": "ok", "ready": true, "generation": 1, "last_reload": null, "authorizers": […],
/// "upstreams": […]}`.
///
/// The status is `degraded` while the keys of an authorizer are missing or too old, or its
/// provider fails, or the last reload has failed, or an address of an upstream is not well.
pub(crate) fn health(health: &Health, is_ready: bool) -> Value {
    let issuers = || health.authorizers.iter().flat_map(|known| &known.issuers);
    let has_keys = issuers().all(|status| status.is_usable && !status.is_stale);
    let reloads = health.last_reload.is_none_or(|last| last.succeeded);
    let answers = health.upstreams.iter().all(|state| state.is_healthy);
    let last_reload = health.last_reload.map(|last| {
        json!({
            "trigger": last.trigger,
            "at": last.at.to_string(),
            "succeeded": last.succeeded,
        })
    });
    json!({
        "status": if has_keys && reloads && answers { "ok" } else { "degraded" },
        "ready": is_ready,
        "generation": health.generation,
        "last_reload": last_reload,
        "authorizers": of_each(&health.authorizers, state),
        "upstreams": health.upstreams.iter().map(upstream).collect::<Vec<_>>(),
    })
}

fn upstream(state: &UpstreamState) -> Value {
    json!({
        "api": state.api,
        "address": state.address,
        "healthy": state.is_healthy,
        "failures": state.failures,
    })
}

/// `{"authorizers": [{"name": "user", "issuers": [{"issuer": …, "keys": […], "skipped": […]}]}]}`.
pub(crate) fn keys(authorizers: &[AuthorizerKeys]) -> Value {
    json!({ "authorizers": of_each(authorizers, known) })
}

fn of_each(authorizers: &[AuthorizerKeys], show: fn(&KeyStatus) -> Value) -> Value {
    let one = |authorizer: &AuthorizerKeys| {
        let issuers: Vec<_> = authorizer.issuers.iter().map(show).collect();
        json!({ "name": authorizer.name, "issuers": issuers })
    };
    authorizers.iter().map(one).collect()
}

fn state(status: &KeyStatus) -> Value {
    json!({
        "issuer": status.issuer,
        "keys": status.keys.len(),
        "usable": status.is_usable,
        "stale": status.is_stale,
        "age_s": status.age.map(|age| age.as_secs()),
        "failures": status.failures,
        "last_error": status.last_error,
    })
}

fn known(status: &KeyStatus) -> Value {
    let skipped = status.skipped.iter();
    let skipped =
        skipped.map(|skipped| json!({ "kid": skipped.kid, "why": skipped.why.to_string() }));
    json!({
        "issuer": status.issuer,
        "source": status.source.as_ref().map(ToString::to_string),
        "origin": status.origin.name(),
        "fetched_at": status.fetched_at.map(|at| at.to_string()),
        "age_s": status.age.map(|age| age.as_secs()),
        "usable": status.is_usable,
        "keys": status.keys.iter().map(key).collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

fn key(key: &KnownKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm.name(),
        "thumbprint": key.thumbprint,
        "distrusted": key.is_distrusted,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis::{Issuer, Verifier};
    use portcullis_token::UnixTime;

    use super::*;
    use crate::operations::LastReload;

    #[test]
    fn what_a_person_must_look_at_is_degraded() {
        let issuer = Issuer::fixed(Arc::default()).audience("a").named("b");
        let without_keys = Verifier::builder().issuer(issuer).build().unwrap();
        let authorizer = AuthorizerKeys {
            name: "user".to_owned(),
            issuers: without_keys.key_status(),
        };
        let reload = |succeeded| {
            Some(LastReload {
                trigger: "file",
                at: UnixTime(0),
                succeeded,
            })
        };
        let upstream = |is_healthy| UpstreamState {
            api: "main".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            is_healthy,
            failures: 2,
        };
        let (well, ill) = (vec![upstream(true)], vec![upstream(true), upstream(false)]);
        for (authorizers, last_reload, upstreams, expected) in [
            (Vec::new(), None, Vec::new(), "ok"),
            (Vec::new(), reload(true), well, "ok"),
            (Vec::new(), reload(false), Vec::new(), "degraded"),
            (Vec::new(), None, ill, "degraded"),
            (vec![authorizer], None, Vec::new(), "degraded"),
        ] {
            let state = Health {
                generation: 1,
                last_reload,
                authorizers,
                upstreams,
            };
            assert_eq!(health(&state, true)["status"], expected, "{state:?}");
        }
    }
}
