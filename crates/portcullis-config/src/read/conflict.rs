use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::reader::Reader;
use crate::api::{Method, Route};
use crate::diagnostic::Diagnostic;
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
    routes: HashMap<Shape, Range<usize>>,
    reported: HashSet<(usize, usize)>,
}

impl Seen {
    /// Refuses a route whose requests another route answers already.
    pub(super) fn check(&mut self, reader: &mut Reader<'_>, located: &Located) {
        let Located { route, key } = located;
        let shape = located.shape();
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
