use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::Allowance;

/// 2026-01-01T00:00:00Z.
const NOW: Duration = Duration::from_hours(490_896);
const MINUTE: Duration = Duration::from_mins(1);

fn rate(count: u32) -> PolicyLimit<'static> {
    PolicyLimit::new("standard", Allowance::rate(count, MINUTE).unwrap())
}

fn quota(count: u32) -> PolicyLimit<'static> {
    PolicyLimit::new("standard", Allowance::quota(count, MINUTE).unwrap())
}

fn caller(name: &str) -> CallerKey {
    CallerKey::new("https://issuer.example/", [name])
}

#[test]
fn of_64_parallel_callers_exactly_as_many_pass_as_the_limit_says() {
    let store = MemoryLimits::default();
    let (start, passed) = (Barrier::new(64), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                start.wait();
                let charge = store.charge_now(&caller("ada"), &[rate(10), quota(12)], NOW);
                passed.fetch_add(usize::from(charge.unwrap().is_allowed()), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(passed.into_inner(), 10);
    let quota = store.peek(&caller("ada"), &[quota(12)], NOW);
    assert_eq!(
        quota.standings[0].remaining, 1,
        "refused requests used nothing of the quota"
    );
}

#[test]
fn a_refused_request_changes_no_counter() {
    let store = MemoryLimits::default();
    let limits = [rate(1), quota(5)];
    assert!(
        store
            .charge_now(&caller("ada"), &limits, NOW)
            .unwrap()
            .is_allowed()
    );
    let first = store.charge_now(&caller("ada"), &limits, NOW).unwrap();
    for _ in 0..100 {
        assert_eq!(
            store.charge_now(&caller("ada"), &limits, NOW).unwrap(),
            first
        );
    }
    assert_eq!((first.is_allowed(), first.retry_after()), (false, MINUTE));
    assert_eq!(first.standings[1].remaining, 4);
    assert_eq!(first.standings[1].reset_after, MINUTE);
    let before = NOW + Duration::from_nanos(59_999_999_999);
    assert!(
        !store
            .charge_now(&caller("ada"), &limits, before)
            .unwrap()
            .is_allowed()
    );
    assert!(
        store
            .charge_now(&caller("ada"), &limits, NOW + MINUTE)
            .unwrap()
            .is_allowed()
    );
}

#[test]
fn callers_and_policies_are_counted_apart() {
    let store = MemoryLimits::default();
    let other = PolicyLimit::new("other", rate(1).allowance);
    let same_subject = CallerKey::new("https://partner.example/", ["ada"]);
    for (caller, limit) in [
        (caller("ada"), rate(1)),
        (caller("bob"), rate(1)),
        (same_subject, rate(1)),
        (caller("ada"), other),
    ] {
        assert!(
            store
                .charge_now(&caller, &[limit], NOW)
                .unwrap()
                .is_allowed()
        );
        assert!(
            !store
                .charge_now(&caller, &[limit], NOW)
                .unwrap()
                .is_allowed()
        );
    }
}

#[test]
fn memory_is_bounded_and_no_counter_in_use_is_forgotten() {
    let store = MemoryLimits::with_capacity(1024);
    let names: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
    let charge = |name: &str, now| store.charge_now(&caller(name), &[rate(1)], now);
    let counted: Vec<_> = names
        .iter()
        .filter(|name| charge(name, NOW).is_ok())
        .collect();
    assert_eq!((counted.len(), store.len()), (1024, 1024));
    for name in counted {
        assert!(!charge(name, NOW).unwrap().is_allowed(), "{name}");
    }
    assert_eq!(charge("late", NOW), Err(StoreError::Full));
    // Full again, and dropped to make room.
    let later = NOW + MINUTE;
    let counted = names.iter().filter(|name| charge(name, later).is_ok());
    assert_eq!((counted.count(), store.len()), (1024, 1024));
}
