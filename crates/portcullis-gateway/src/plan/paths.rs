use std::borrow::Cow;

use http::HeaderMap;
use portcullis_token::{Step, Trace};

use super::{Api, Need, Plan, Route};
use crate::hosts::Wanted;
use crate::path::{self, PathError, lenient};
use crate::refuse::Refusal;

/// A path to match and to forward, and what else servers may take it for.
type Readings<'r> = (Cow<'r, str>, Vec<String>);

/// A request's route, and the canonical path that chose it.
#[derive(Debug)]
pub(crate) struct Matched<'p> {
    pub(crate) route: &'p Route,
    pub(crate) path: String,
    /// What else some servers take the path for, where a route answers that too.
    pub(crate) readings: Vec<String>,
}

impl Plan {
    /// The route for a request, by its host and the one canonical form of its path.
    pub(crate) fn route(
        &self,
        method: &str,
        headers: &HeaderMap,
        path: &str,
        trace: &mut impl Trace,
    ) -> Result<Matched<'_>, Refusal> {
        let wanted = self.table.wanted(method, headers);
        let (path, readings) = self
            .canonical(&wanted, path)
            .inspect_err(|error: &PathError| {
                let expected = || "a path that every server reads alike".to_owned();
                trace.refused(Step::Path, expected, || format!("`{path}`: {error}"));
            })?;
        trace.passed(Step::Path, || format!("`{path}`"));
        let Some(index) = wanted.find(&path) else {
            let got = || wanted.describe(&path);
            trace.refused(
                Step::Route,
                || "a method and path of the route table".to_owned(),
                got,
            );
            return Err(Refusal::NoRoute);
        };
        let route = &self.routes[index];
        trace.passed(Step::Route, || {
            format!("`{}` of API `{}`", route.name, route.api.name)
        });
        Ok(Matched {
            route,
            path: path.into_owned(),
            readings,
        })
    }

    /// The one path that the target stands for, whoever reads it.
    ///
    /// An API's own rules are asked only about what is refused otherwise, and hold only if they
    /// lead to a route of that same API. Where two APIs would have the path, nobody can tell whose
    /// rules it is to be read by.
    pub(super) fn canonical<'r>(
        &self,
        wanted: &Wanted<'_, '_>,
        path: &'r str,
    ) -> Result<Readings<'r>, PathError> {
        // RFC 9112 section 3.2.3: the target of CONNECT is a host, whatever it looks like.
        if wanted.method == "CONNECT" {
            return Err(PathError::NotAbsolute);
        }
        let error = match self.canonical_for_all(wanted, path) {
            Ok(canonical) if self.is_raw(wanted, &canonical) => {
                return self.raw(wanted, path).map(|path| (path.into(), Vec::new()));
            }
            Ok(canonical) => return Ok((canonical, Vec::new())),
            Err(error) => error,
        };
        let mut claimed = None;
        for api in &self.lenient {
            if let Ok((canonical, readings)) = self.canonical_by(api, wanted, path)
                && claimed.replace((canonical, readings)).is_some()
            {
                return Err(error);
            }
        }
        let (canonical, readings) = claimed.ok_or(error)?;
        Ok((canonical.into(), readings))
    }

    /// The path by the rules that hold for every API.
    fn canonical_for_all<'r>(
        &self,
        wanted: &Wanted<'_, '_>,
        path: &'r str,
    ) -> Result<Cow<'r, str>, PathError> {
        let path = path::canonical(path)?;
        self.check_readers(wanted, &path, wanted.find(&path))?;
        Ok(path)
    }

    /// Servers that cut parameters off or ignore case must come to the same rules.
    fn check_readers(
        &self,
        wanted: &Wanted<'_, '_>,
        path: &str,
        route: Option<usize>,
    ) -> Result<(), PathError> {
        let bare = path::without_parameters(path);
        if bare.is_some_and(|bare| wanted.find(&bare) != route) {
            return Err(PathError::Parameter);
        }
        // Express and servers on Windows ignore case: to them, `/Admin` is what `/admin` guards.
        let in_any_case = wanted.find_in_any_case(path);
        match (route, in_any_case) {
            (Some(route), Some(other)) if self.have_other_rules(route, other) => {
                Err(PathError::Case)
            }
            _ => Ok(()),
        }
    }

    /// The path by the rules of one API, for a route of that API.
    fn canonical_by(
        &self,
        api: &Api,
        wanted: &Wanted<'_, '_>,
        path: &str,
    ) -> Result<(String, Vec<String>), PathError> {
        if api.paths.raw {
            return self
                .raw_of(api, wanted, path)
                .map(|path| (path, Vec::new()));
        }
        let base = api.base.matches('/').count();
        let canonical = lenient::canonical(api.paths, base, path)?;
        let route = wanted.find(&canonical);
        let route = route.filter(|route| self.routes[*route].api.index == api.index);
        let route = route.ok_or(PathError::Ambiguous)?;
        self.check_readers(wanted, &canonical, Some(route))?;
        let readings = lenient::readings(&canonical);
        for reading in &readings {
            // What no route answers, nobody may reach: a rule like any other.
            let other = wanted.find(reading).ok_or(PathError::Ambiguous)?;
            if self.have_other_rules(route, other) {
                return Err(PathError::Ambiguous);
            }
            self.check_readers(wanted, reading, Some(other))?;
        }
        Ok((canonical, readings))
    }

    fn is_raw(&self, wanted: &Wanted<'_, '_>, canonical: &str) -> bool {
        let is_raw = |api: &Api| api.paths.raw;
        self.lenient.iter().any(|api| is_raw(api))
            && wanted
                .find(canonical)
                .is_some_and(|route| is_raw(&self.routes[route].api))
    }

    /// The path as it was received, for the API whose path that is in its canonical form.
    fn raw(&self, wanted: &Wanted<'_, '_>, path: &str) -> Result<String, PathError> {
        let canonical = path::canonical(path)?;
        let route = wanted.find(&canonical);
        let route = route.ok_or(PathError::Ambiguous)?;
        self.raw_of(&self.routes[route].api, wanted, path)
    }

    /// The path as it was received, if every server takes it for one of this API.
    ///
    /// All routes of such an API have the same rules, so that is enough.
    fn raw_of(&self, api: &Api, wanted: &Wanted<'_, '_>, path: &str) -> Result<String, PathError> {
        lenient::check_raw(path)?;
        // The base is taken off by its length.
        let below = path.strip_prefix(api.base.as_str());
        if below.is_none_or(|below| !below.is_empty() && !below.starts_with('/')) {
            return Err(PathError::Ambiguous);
        }
        // An upstream may stand below a path of its own, and the base may be cut off.
        if below.is_some_and(lenient::climbs) {
            return Err(PathError::DotSegment);
        }
        let is_own = |route: Option<usize>| {
            route.is_some_and(|route| self.routes[route].api.index == api.index)
        };
        let all_own = lenient::every_reading(path).iter().all(|reading| {
            is_own(wanted.find(reading)) && is_own(wanted.find_in_any_case(reading))
        });
        if all_own {
            Ok(path.to_owned())
        } else {
            Err(PathError::Ambiguous)
        }
    }

    /// Whether who may take the one route may not be who may take the other.
    fn have_other_rules(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.routes[one], &self.routes[other]);
        let mut needs = one.auth.alternatives.iter().flatten();
        let imposes = |need: &Need| self.authorizer(need.authorizer).imposed.is_some();
        // What a policy gives access to is an API, or endpoints of it.
        one.auth != other.auth || (one.api.index != other.api.index && needs.any(imposes))
    }
}
