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

/// The first byte of a key, by which it has its place, varies: so both orders of locks are tried.
#[test]
fn what_callers_share_is_used_up_by_all_of_them_and_only_by_what_passes() {
    let now = Duration::from_hours(500_000);
    for api in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let store = MemoryLimits::default();
        let shared = CallerKey::new("", ["", "", "", api]);
        let allowance = Allowance::rate(3, Duration::from_mins(1)).unwrap();
        let limits = [rate(2), PolicyLimit::shared("api", allowance, shared)];
        let remaining = |charge: &Charge| {
            let standings = charge.standings.iter();
            standings
                .map(|standing| (standing.allowed, standing.remaining))
                .collect::<Vec<_>>()
        };
        for (name, expected) in [
            ("ada", [(true, 1), (true, 2)]),
            ("ada", [(true, 0), (true, 1)]),
            // Refused by her own limit, which costs the others nothing.
            ("ada", [(false, 0), (true, 1)]),
            ("bob", [(true, 1), (true, 0)]),
            // Refused by what all share, which costs him nothing.
            ("bob", [(true, 1), (false, 0)]),
            ("eve", [(true, 2), (false, 0)]),
        ] {
            let charge = store.charge_now(&caller(name), &limits, now).unwrap();
            assert_eq!(remaining(&charge), expected, "{name}");
        }
        assert_eq!(store.len(), 3, "nobody who was refused takes a place");
    }
}

#[test]
fn of_parallel_callers_with_a_shared_limit_exactly_as_many_pass() {
    let store = MemoryLimits::default();
    let now = Duration::from_hours(500_000);
    let shared = CallerKey::new("", ["", "", "", "api"]);
    let allowance = Allowance::quota(100, Duration::from_mins(1)).unwrap();
    let passed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let limits = [quota(1000), PolicyLimit::shared("api", allowance, shared)];
                    let charge = |call: usize| {
                        let own = caller(&format!("{thread} {call}"));
                        store.charge_now(&own, &limits, now).unwrap().is_allowed()
                    };
                    (0..200).filter(|call| charge(*call)).count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(passed, 100);
}
