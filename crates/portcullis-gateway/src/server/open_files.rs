//! How many connections the limit on open files allows.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Left for files, listeners, key fetching and whatever else the process opens.
const RESERVED: usize = 64;
/// Connections that a thread has no use for more than.
const MOST_OF_A_WORKER: usize = 16 * 1024;

/// Raises the limit on open files as far as this process may, and returns it.
pub(super) fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let raised = limit.current != limit.maximum && setrlimit(Resource::Nofile, highest).is_ok();
    let current = if raised { limit.maximum } else { limit.current };
    current.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

/// The connections of one of `workers` threads: its share of `wanted`, as far as `open_files` allow.
pub(super) fn connections_of_a_worker(
    wanted: Option<NonZeroUsize>,
    workers: usize,
    open_files: usize,
) -> usize {
    // A request may need a connection to its upstream too.
    let possible = open_files.saturating_sub(RESERVED) / 2 / workers.max(1);
    let share = wanted.map_or(MOST_OF_A_WORKER, |wanted| {
        wanted.get().div_ceil(workers.max(1))
    });
    share.min(possible).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_shared_out_and_leave_files_to_others() {
        for (wanted, workers, open_files, expected) in [
            (None, 1, usize::MAX, 16 * 1024),
            (None, 2, 1024, 240),
            (None, 4, 64, 1),
            (Some(100), 2, 1_000_000, 50),
            (Some(101), 2, 1_000_000, 51),
            (Some(1), 8, 1_000_000, 1),
            (Some(100_000), 2, 1024, 240),
            (Some(100_000), 2, 1_000_000, 50_000),
        ] {
            let found =
                connections_of_a_worker(wanted.and_then(NonZeroUsize::new), workers, open_files);
            assert_eq!(found, expected, "{wanted:?} {workers} {open_files}");
        }
    }

    #[test]
    fn the_limit_on_open_files_is_raised_to_the_highest_allowed() {
        let raised = raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        let current = limit.current.map(|files| usize::try_from(files).unwrap());
        assert_eq!(raised, current.unwrap_or(usize::MAX));
    }
}
