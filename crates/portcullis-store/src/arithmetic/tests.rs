use proptest::prelude::*;

use super::*;

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_hours(490_896);

/// Charges at these offsets from the start; whether each was allowed.
fn run(allowance: Allowance, offsets: &[Duration]) -> Vec<bool> {
    let mut state = None;
    let charge = |offset: &Duration| {
        let (standing, after) = allowance.charge(state, START + *offset);
        state = standing.allowed.then_some(after).or(state);
        standing.allowed
    };
    offsets.iter().map(charge).collect()
}

#[test]
fn an_allowance_has_a_count_and_a_period() {
    let day = Duration::from_hours(24);
    for (count, period, expected) in [
        (0, day, Some(AllowanceError::Count)),
        (1, Duration::ZERO, Some(AllowanceError::Period)),
        (1, Duration::from_nanos(1), None),
        (u32::MAX, 366 * day, None),
        (
            1,
            366 * day + Duration::from_nanos(1),
            Some(AllowanceError::Period),
        ),
    ] {
        assert_eq!(
            Allowance::rate(count, period).err(),
            expected,
            "{count} in {period:?}"
        );
        assert_eq!(
            Allowance::quota(count, period).err(),
            expected,
            "{count} in {period:?}"
        );
    }
}

#[test]
fn a_rate_comes_back_evenly_and_to_the_nanosecond() {
    // A third of 10 s is no whole number of nanoseconds: 3_333_333_333.3…
    let allowance = Allowance::rate(3, Duration::from_secs(10)).unwrap();
    let at = Duration::from_nanos;
    let offsets = [
        at(0),
        at(0),
        at(0),
        at(0),
        at(3_333_333_333),
        at(3_333_333_334),
    ];
    assert_eq!(
        run(allowance, &offsets),
        [true, true, true, false, false, true]
    );
    let (standing, state) = allowance.charge(None, START);
    assert_eq!(
        (standing.remaining, standing.retry_after),
        (2, Duration::ZERO)
    );
    assert_eq!(standing.reset_after, at(3_333_333_334));
    assert_eq!(allowance.full_again(state), START + at(3_333_333_334));
}

#[test]
fn a_quota_comes_back_as_a_whole_after_its_first_use() {
    let allowance = Allowance::quota(2, Duration::from_secs(10)).unwrap();
    let at = Duration::from_secs;
    let last = Duration::from_nanos(9_999_999_999);
    let offsets = [at(0), at(9), last, at(10), at(10), at(19), at(20)];
    let expected = [true, true, false, true, true, false, true];
    assert_eq!(run(allowance, &offsets), expected);
}

#[test]
fn a_clock_that_was_set_back_costs_one_period_at_most() {
    for allowance in [
        Allowance::rate(1, Duration::from_secs(10)).unwrap(),
        Allowance::quota(1, Duration::from_secs(10)).unwrap(),
    ] {
        let (_, state) = allowance.charge(None, START + Duration::from_hours(24));
        let (standing, after) = allowance.charge(Some(state), START);
        assert!(!standing.allowed, "{allowance:?}");
        assert_eq!(
            standing.retry_after,
            Duration::from_secs(10),
            "{allowance:?}"
        );
        assert!(
            allowance
                .charge(Some(after), START + Duration::from_secs(10))
                .0
                .allowed
        );
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let longest = Duration::from_hours(366 * 24);
    for allowance in [
        Allowance::rate(u32::MAX, longest).unwrap(),
        Allowance::quota(u32::MAX, longest).unwrap(),
    ] {
        let far = State {
            at: u64::MAX,
            part: u64::MAX,
        };
        for (state, now) in [
            (None, Duration::MAX),
            (Some(far), Duration::ZERO),
            (Some(far), Duration::MAX),
        ] {
            let (standing, _) = allowance.charge(state, now);
            assert!(
                standing.remaining <= u32::MAX - u32::from(standing.allowed),
                "{allowance:?}"
            );
        }
    }
}

proptest! {
    /// A bucket of `count` places of `period` parts each, into which `count` parts drop a nanosecond.
    #[test]
    fn a_rate_is_a_leaking_bucket(
        count in 1_u32..50,
        period in 1_u64..1_000,
        gaps in prop::collection::vec(0_u64..200, 1..200),
    ) {
        let allowance = Allowance::rate(count, Duration::from_nanos(period)).unwrap();
        let (place, places) = (u128::from(period), u128::from(count));
        let mut water = place * places;
        let mut now = START;
        let mut state = None;
        for gap in gaps {
            now += Duration::from_nanos(gap);
            water = (water + u128::from(gap) * places).min(place * places);
            let (standing, after) = allowance.charge(state, now);
            prop_assert_eq!(standing.allowed, water >= place);
            if standing.allowed {
                water -= place;
                state = Some(after);
            }
            prop_assert_eq!(u128::from(standing.remaining), water / place);
            prop_assert_eq!(standing.retry_after.is_zero(), water >= place);
            let missing = place.saturating_sub(water).div_ceil(places);
            prop_assert_eq!(standing.retry_after.as_nanos(), missing);
        }
    }
}
