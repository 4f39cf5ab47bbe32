use aws_lc_rs::hmac::{self, Key};
use aws_lc_rs::{constant_time, rand};

use crate::fault::Fault;

/// The id of whoever a provider calls `subject`: the same for ever, on every machine.
pub(crate) fn of_login(key: &Key, region: &str, provider: &str, subject: &str) -> String {
    let mut message = b"login\0".to_vec();
    message.extend_from_slice(provider.as_bytes());
    message.push(0);
    message.extend_from_slice(subject.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hmac::sign(key, &message).as_ref()[..16]);
    id(region, bytes)
}

/// The id of a pool, from its keys.
pub(crate) fn of_pool(key: &Key, region: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hmac::sign(key, b"pool").as_ref()[..16]);
    id(region, bytes)
}

/// An id for somebody who has no login: ten random bytes, and six by which it is known as ours.
pub(crate) fn of_guest(key: &Key, region: &str) -> Result<String, Fault> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes[..10]).map_err(|_| Fault::internal())?;
    let tag = guest_tag(key, &bytes[..10]);
    bytes[10..].copy_from_slice(&tag);
    Ok(id(region, bytes))
}

/// Whether `text` is the id of a guest of ours.
pub(crate) fn is_guest(key: &Key, region: &str, text: &str) -> bool {
    let Some(bytes) = parse(region, text) else {
        return false;
    };
    let tag = guest_tag(key, &bytes[..10]);
    constant_time::verify_slices_are_equal(&tag, &bytes[10..]).is_ok()
}

fn guest_tag(key: &Key, random: &[u8]) -> [u8; 6] {
    let mut message = b"guest\0".to_vec();
    message.extend_from_slice(random);
    let mut tag = [0; 6];
    tag.copy_from_slice(&hmac::sign(key, &message).as_ref()[..6]);
    tag
}

/// `us-east-1:46625265-9c97-420f-a826-15dbc812a008`.
fn id(region: &str, bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let mut id = format!("{region}:");
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

fn parse(region: &str, text: &str) -> Option<[u8; 16]> {
    let (own, uuid) = text.split_once(':')?;
    let hex: String = uuid.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&hex, 16).ok()?;
    let bytes = number.to_be_bytes();
    // In this one spelling only.
    (own == region && id(region, bytes) == text).then_some(bytes)
}

/// `[\w-]+:[0-9a-f-]+`, 55 characters at most.
pub(crate) fn check_form(text: &str, member: &'static str) -> Result<(), Fault> {
    let fits = text.split_once(':').is_some_and(|(region, rest)| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        !region.is_empty()
            && region.bytes().all(word)
            && !rest.is_empty()
            && rest.bytes().all(digit)
    });
    if fits && text.len() <= 55 {
        return Ok(());
    }
    let shown: String = text.chars().take(55).collect();
    Err(Fault::parameter(format!(
        "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [\\w-]+:[0-9a-f-]+"
    )))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac::HMAC_SHA256;

    use super::*;

    #[test]
    fn ids_are_made_and_known_again() {
        let key = Key::new(HMAC_SHA256, &[1; 32]);
        let ada = of_login(&key, "us-east-1", "tenant.example", "auth0|ada");
        assert_eq!(ada.len(), 46);
        assert_eq!(
            check_form(&ada, "identityId").map_err(|fault| fault.message),
            Ok(())
        );
        assert_eq!(
            ada,
            of_login(&key, "us-east-1", "tenant.example", "auth0|ada")
        );
        assert_ne!(
            ada,
            of_login(&key, "us-east-1", "tenant.exampl", "eauth0|ada")
        );
        assert!(!is_guest(&key, "us-east-1", &ada));
        let guest = of_guest(&key, "us-east-1").unwrap();
        assert!(is_guest(&key, "us-east-1", &guest));
        assert!(!is_guest(&key, "eu-west-1", &guest));
        assert!(!is_guest(&key, "us-east-1", &guest.replace('-', "")));
        let other = Key::new(HMAC_SHA256, &[2; 32]);
        assert!(!is_guest(&other, "us-east-1", &guest));
    }

    #[test]
    fn a_form_that_no_id_has_is_told() {
        for text in [
            "",
            "a",
            "a:",
            ":a",
            "a:G",
            "a b:0",
            &format!("a:{}", "0".repeat(54)),
        ] {
            let fault = check_form(text, "identityPoolId").unwrap_err();
            assert_eq!(fault.code, "InvalidParameterException", "{text}");
            assert!(
                fault.message.contains("at 'identityPoolId'"),
                "{}",
                fault.message
            );
        }
        assert!(check_form(&format!("a:{}", "0".repeat(53)), "x").is_ok());
    }
}
