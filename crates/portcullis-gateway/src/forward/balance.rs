//! Which address of an upstream is asked.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Weak;

use portcullis_config::Balance;

use super::health::Standing;
use super::pool::Pool;
use super::upstream::Upstream;

/// One thread's connections to the addresses of one upstream.
#[derive(Debug)]
pub(super) struct Group {
    /// Keeps the memory of an upstream that is gone from becoming another one.
    upstream: Weak<Upstream>,
    /// By the index of the address.
    pub(super) pools: Box<[Rc<Pool>]>,
    /// Where the search for the next address begins.
    next: Cell<usize>,
}

/// An address that was chosen, and what was known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) index: usize,
    pub(super) standing: Standing,
}

/// The addresses that a request has tried: a bit for each, of which there are at most 64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried(u64);

impl Choice {
    /// Of the one address that there is.
    pub(super) const ONLY: Self = Self {
        index: 0,
        standing: Standing::In,
    };
}

impl Tried {
    pub(super) const fn none() -> Self {
        Self(0)
    }

    pub(super) const fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    const fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl Group {
    pub(super) const fn new(upstream: Weak<Upstream>, pools: Box<[Rc<Pool>]>) -> Self {
        Self {
            upstream,
            pools,
            next: Cell::new(0),
        }
    }

    /// Whether a plan has the upstream.
    pub(super) fn is_used(&self) -> bool {
        self.upstream.strong_count() > 0
    }

    /// The address for a request, or for its next attempt: none when all were tried.
    pub(super) fn choose(&self, upstream: &Upstream, tried: Tried) -> Option<Choice> {
        let count = upstream.addresses.len();
        if count == 1 {
            return (!tried.has(0)).then_some(Choice::ONLY);
        }
        let first = self.next.get();
        self.next.set((first + 1) % count);
        let health = |index: usize| &upstream.addresses[index].health;
        let mut out = tried;
        while let Some(index) = self.best(upstream, first, out, |index| {
            health(index).standing() != Standing::Out
        }) {
            let standing = health(index).standing();
            if standing == Standing::In || health(index).take_trial() {
                return Some(Choice { index, standing });
            }
            out.insert(index);
        }
        // None is known to be well, and any may be.
        let index = self.best(upstream, first, tried, |_| true)?;
        let standing = Standing::Out;
        Some(Choice { index, standing })
    }

    /// The first from `first` on; where the fewest requests are under way, if that is wanted.
    fn best(
        &self,
        upstream: &Upstream,
        first: usize,
        out: Tried,
        may_be: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let count = self.pools.len();
        let mut candidates = (first..first + count)
            .map(|index| index % count)
            .filter(|index| !out.has(*index) && may_be(*index));
        match upstream.config.balance {
            Balance::RoundRobin => candidates.next(),
            Balance::LeastConnections => candidates.min_by_key(|index| self.pools[*index].active()),
        }
    }
}
