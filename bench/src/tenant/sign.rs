use std::fs;
use std::hint::black_box;
use std::io;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;

/// As long as what is signed of an access token with a few claims.
const MESSAGE: [u8; 500] = [b'a'; 500];

/// Signs so often with RSA of 2048 bits, and returns the time of this thread on a core.
///
/// # Errors
/// When the kernel does not tell it.
///
/// # Panics
/// When the machine has no randomness or no memory.
pub fn sign(count: u32) -> io::Result<Duration> {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("the system gives randomness");
    let randomness = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    let before = time_on_core()?;
    for _ in 0..count {
        key.sign(
            &RSA_PKCS1_SHA256,
            &randomness,
            black_box(&MESSAGE),
            &mut signature,
        )
        .expect("a key that was made can sign");
        black_box(&signature);
    }
    Ok(time_on_core()?.saturating_sub(before))
}

/// Linux tells it in nanoseconds, as the first number.
fn time_on_core() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next();
    let nanoseconds = first.and_then(|first| first.parse().ok());
    let nanoseconds = nanoseconds.ok_or(io::ErrorKind::InvalidData)?;
    Ok(Duration::from_nanos(nanoseconds))
}
