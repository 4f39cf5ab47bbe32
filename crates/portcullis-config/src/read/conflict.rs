use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::reader::Reader;
use crate::api::{Method, Route};
use crate::diagnostic::Diagnostic;
use crate::host::HostPattern;
use crate::path::PathPattern;

/// What two routes that cannot be told apart have in common.
pub(super) type Shape = (Method, PathPattern);

/// A route, and where it was said.
pub(super) struct Located {
    pub(super) route: Route,
    pub(super) key: Range<usize>,
}

impl Located {
    pub(super) fn shape(&self) -> Shape {
        (self.route.methods.clone(), self.route.path.shape())
    }
}

/// The routes of all APIs so far, by what can be told apart.
#[derive(Default)]
pub(super) struct Seen {
    /// Of one host, or of the APIs that answer every host.
    routes: HashMap<(Option<HostPattern>, Shape), Range<usize>>,
    reported: HashSet<(usize, usize)>,
}

/// The same for an API with these hosts.
pub(super) struct SeenAt<'s> {
    seen: &'s mut Seen,
    hosts: &'s [HostPattern],
}

impl Seen {
    pub(super) const fn of<'s>(&'s mut self, hosts: &'s [HostPattern]) -> SeenAt<'s> {
        SeenAt { seen: self, hosts }
    }

    fn check_at(&mut self, reader: &mut Reader<'_>, located: &Located, host: Option<HostPattern>) {
        let Located { route, key } = located;
        let shape = (host, located.shape());
        let Some(first) = self.routes.get(&shape) else {
            self.routes.insert(shape, key.clone());
            return;
        };
        // Two upstreams on one base are one mistake, though each implies two routes.
        if self.reported.insert((first.start, key.start)) {
            let message = format!(
                "`{} {}` cannot be told apart from another route",
                route.methods, route.path
            );
            let problem = Diagnostic::new(key.clone(), message)
                .label("these requests…")
                .secondary(first.clone(), "…are already answered here");
            reader.refuse(problem);
        }
    }
}

impl SeenAt<'_> {
    /// Refuses a route whose requests another route of the same host answers already.
    pub(super) fn check(&mut self, reader: &mut Reader<'_>, located: &Located) {
        if self.hosts.is_empty() {
            self.seen.check_at(reader, located, None);
        }
        for host in self.hosts {
            self.seen.check_at(reader, located, Some(host.clone()));
        }
    }
}
