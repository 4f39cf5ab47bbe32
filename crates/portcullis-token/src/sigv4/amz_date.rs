use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::UnixTime;

/// Reads `20150830T123600Z`, the one form that `X-Amz-Date` has; absent for anything else.
pub(super) fn parse(text: &str) -> Option<UnixTime> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0_i16, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let time = DateTime::new(
        number(0, 4)?,
        small(4)?,
        small(6)?,
        small(9)?,
        small(11)?,
        small(13)?,
        0,
    );
    let time = TimeZone::UTC.to_timestamp(time.ok()?).ok()?;
    u64::try_from(time.as_second()).ok().map(UnixTime)
}

/// Writes a time as [`parse`] reads it, or as seconds where that has no such form.
pub(super) fn format(time: UnixTime) -> String {
    let timestamp = i64::try_from(time.0)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(timestamp) = timestamp else {
        return time.0.to_string();
    };
    let time = TimeZone::UTC.to_datetime(timestamp);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_form() {
        assert_eq!(parse("20150830T123600Z"), Some(UnixTime(1_440_938_160)));
        assert_eq!(format(UnixTime(1_440_938_160)), "20150830T123600Z");
        assert_eq!(format(UnixTime(u64::MAX)), "18446744073709551615");
        for text in [
            "",
            "20150830T123600",
            "20150830 123600Z",
            "2015-08-30T12:36Z",
            "20150230T123600Z",
            "20151330T123600Z",
            "20150830T243600Z",
            "+0150830T123600Z",
            "19691231T235959Z",
            "2015083\u{e9}T12360Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
