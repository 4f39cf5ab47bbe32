//! Times every operation. `cargo xtask bench` prints the results as one table.

use std::time::Duration;

use criterion::Criterion;
use portcullis_bench::{SUBJECTS, Subject};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    for operation in SUBJECTS.into_iter().flat_map(Subject::operations) {
        let mut group = criterion.benchmark_group(operation.subject());
        group.bench_function(operation.contender().name(), |bencher| {
            bencher.iter(|| operation.run());
        });
        group.finish();
    }
    criterion.final_summary();
}
