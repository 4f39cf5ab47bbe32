//! Amounts with their unit: `5s`, `10MiB`.

use std::time::Duration;

/// The text is not a whole number with a known unit, or is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number and a unit")]
pub(crate) struct NotAQuantity;

/// Reads `500ms`, `5s`, `1m`, `1h`, `1d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, NotAQuantity> {
    let (number, unit) = split(text)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(NotAQuantity),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or(NotAQuantity)
}

/// Reads `512B`, `512KiB`, `10MiB`, `1GiB` as bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, NotAQuantity> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(NotAQuantity),
    };
    number.checked_mul(bytes).ok_or(NotAQuantity)
}

fn split(text: &str) -> Result<(u64, &str), NotAQuantity> {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = text.strip_suffix(unit).ok_or(NotAQuantity)?;
    Ok((digits.parse().map_err(|_| NotAQuantity)?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("5s", 5_000),
            ("1m", 60_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "", "5", "s", "-5s", "+5s", "5 s", " 5s", "5S", "5.5s", "5s5s", "5sec", "\u{665}s",
        ] {
            assert_eq!(parse_duration(text), Err(NotAQuantity), "{text:?}");
        }
        assert_eq!(parse_duration("99999999999999999999s"), Err(NotAQuantity));
        assert_eq!(parse_duration("18446744073709551615d"), Err(NotAQuantity));
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, bytes) in [
            ("0B", 0),
            ("1B", 1),
            ("512KiB", 524_288),
            ("10MiB", 10_485_760),
            ("2GiB", 1 << 31),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "10", "MiB", "10MB", "10mib", "10 MiB", "1.5MiB", "-1B"] {
            assert_eq!(parse_size(text), Err(NotAQuantity), "{text:?}");
        }
        assert_eq!(parse_size("17179869183GiB"), Ok(17_179_869_183 << 30));
        assert_eq!(parse_size("17179869184GiB"), Err(NotAQuantity));
    }
}
