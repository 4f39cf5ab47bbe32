use portcullis_token::{SigningError, SigningKey};

use super::{Certificate, KeyRing, KeyState, RingKey, Sealer, SealerError};

/// A key as a database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id, 21 characters.
    pub kid: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// The private key, sealed for its id; empty for a revoked one.
    pub sealed: Vec<u8>,
    /// The certificate, DER: as it was first published, whatever becomes of the code.
    pub certificate: Vec<u8>,
}

/// Why records are no ring of keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// There is not exactly one key of a state that wants one.
    #[error("there are {count} {state} signing keys instead of one")]
    Count {
        /// `current` or `next`.
        state: KeyState,
        /// How many there are.
        count: usize,
    },
    /// A key cannot be opened.
    #[error("the signing key {kid} cannot be opened")]
    Sealed {
        /// Its id.
        kid: String,
        /// Why.
        #[source]
        cause: SealerError,
    },
    /// A key cannot sign.
    #[error("the signing key {kid} cannot sign")]
    Key {
        /// Its id.
        kid: String,
        /// Why.
        #[source]
        cause: SigningError,
    },
    /// A key was opened and has another id.
    #[error("the signing key {kid} is another one")]
    Kid {
        /// The id of the record.
        kid: String,
    },
}

impl KeyRing {
    /// The keys to be kept, in the order of [`list`](Self::list).
    ///
    /// # Errors
    /// [`RecordsError::Sealed`] or [`RecordsError::Key`] when memory or randomness run out.
    pub fn to_records(&self, sealer: &Sealer) -> Result<Vec<KeyRecord>, RecordsError> {
        let states = [KeyState::Current, KeyState::Next];
        let states = states
            .into_iter()
            .chain(std::iter::repeat(KeyState::Previous));
        let published = self.published().zip(states);
        let mut records = published
            .map(|(key, state)| key.to_record(state, sealer))
            .collect::<Result<Vec<_>, _>>()?;
        records.extend(self.revoked.iter().map(|certificate| KeyRecord {
            kid: certificate.kid().to_owned(),
            state: KeyState::Revoked,
            sealed: Vec::new(),
            certificate: certificate.der().to_vec(),
        }));
        Ok(records)
    }

    /// Reads what [`to_records`](Self::to_records) wrote; previous keys in the order given.
    ///
    /// # Errors
    /// [`RecordsError`] when they are not one current and one next key, and others.
    pub fn from_records(records: &[KeyRecord], sealer: &Sealer) -> Result<Self, RecordsError> {
        let of = |state| records.iter().filter(move |record| record.state == state);
        let only = |state| {
            let mut found = of(state);
            match (found.next(), found.count()) {
                (Some(record), 0) => RingKey::from_record(record, sealer),
                (first, more) => Err(RecordsError::Count {
                    state,
                    count: usize::from(first.is_some()) + more,
                }),
            }
        };
        let revoked = of(KeyState::Revoked)
            .map(|record| Certificate::from_der(&record.kid, record.certificate.clone()));
        Ok(Self {
            current: only(KeyState::Current)?,
            next: only(KeyState::Next)?,
            previous: of(KeyState::Previous)
                .map(|record| RingKey::from_record(record, sealer))
                .collect::<Result<_, _>>()?,
            revoked: revoked.collect(),
        })
    }
}

impl RingKey {
    fn to_record(&self, state: KeyState, sealer: &Sealer) -> Result<KeyRecord, RecordsError> {
        let kid = self.key.kid();
        let key = |cause| RecordsError::Key {
            kid: kid.to_owned(),
            cause,
        };
        let sealing = |cause| RecordsError::Sealed {
            kid: kid.to_owned(),
            cause,
        };
        let private = self.key.to_pkcs8().map_err(key)?;
        Ok(KeyRecord {
            kid: kid.to_owned(),
            state,
            sealed: sealer
                .seal(&purpose(kid), private.expose())
                .map_err(sealing)?,
            certificate: self.certificate.der().to_vec(),
        })
    }

    fn from_record(record: &KeyRecord, sealer: &Sealer) -> Result<Self, RecordsError> {
        let kid = || record.kid.clone();
        let private = sealer
            .open(&purpose(&record.kid), &record.sealed)
            .map_err(|cause| RecordsError::Sealed { kid: kid(), cause })?;
        let key = SigningKey::from_pkcs8(private.expose())
            .map_err(|cause| RecordsError::Key { kid: kid(), cause })?;
        if key.kid() != record.kid {
            return Err(RecordsError::Kid { kid: kid() });
        }
        let certificate = Certificate::from_der(&record.kid, record.certificate.clone());
        Ok(Self { key, certificate })
    }
}

fn purpose(kid: &str) -> String {
    format!("portcullis signing key\0{kid}")
}

#[cfg(test)]
mod tests {
    use portcullis_token::{Secret, base64url};

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::from_text(&Secret::new(base64url::encode(&[byte; 32]))).unwrap()
    }

    fn error_of(records: &[KeyRecord], sealer: &Sealer) -> String {
        KeyRing::from_records(records, sealer)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_ring_outlives_its_process_sealed() {
        let mut ring = KeyRing::generate().unwrap();
        ring.rotate().unwrap();
        ring.rotate().unwrap();
        let oldest = ring.list().pop().unwrap().kid;
        ring.revoke(&oldest).unwrap();

        let records = ring.to_records(&sealer(1)).unwrap();
        let read = KeyRing::from_records(&records, &sealer(1)).unwrap();
        assert_eq!(read.list(), ring.list());
        assert_eq!(read.jwks(), ring.jwks());
        assert_eq!(records[3].sealed, b"");
        let private = ring.current.key.to_pkcs8().unwrap();
        let (part, _) = private.expose().split_at(64);
        for record in &records {
            let leaks = record
                .sealed
                .windows(part.len())
                .any(|window| window == part);
            assert!(!leaks, "{}", record.state);
        }
    }

    #[test]
    fn records_that_are_no_ring_are_told_apart() {
        let ring = KeyRing::generate().unwrap();
        let records = ring.to_records(&sealer(1)).unwrap();
        let (current, next) = (&records[0], &records[1]);
        let kid = &current.kid;
        let mut swapped = records.clone();
        swapped[0].sealed = next.sealed.clone();
        let other = sealer(1).seal(&purpose(kid), b"not a key").unwrap();
        let mut broken = records.clone();
        broken[0].sealed = other;
        let second = ring.next.key.to_pkcs8().unwrap();
        let mut renamed = records.clone();
        renamed[0].sealed = sealer(1).seal(&purpose(kid), second.expose()).unwrap();
        let twice = [current.clone(), current.clone(), next.clone()];
        for (name, records, expected) in [
            (
                "none",
                &[][..],
                "there are 0 current signing keys instead of one".to_owned(),
            ),
            (
                "twice",
                &twice,
                "there are 2 current signing keys instead of one".to_owned(),
            ),
            (
                "no next",
                &records[..1],
                "there are 0 next signing keys instead of one".to_owned(),
            ),
            (
                "swapped",
                &swapped,
                format!("the signing key {kid} cannot be opened"),
            ),
            (
                "broken",
                &broken,
                format!("the signing key {kid} cannot sign"),
            ),
            (
                "renamed",
                &renamed,
                format!("the signing key {kid} is another one"),
            ),
        ] {
            assert_eq!(error_of(records, &sealer(1)), expected, "{name}");
        }
        let expected = format!("the signing key {kid} cannot be opened");
        assert_eq!(error_of(&records, &sealer(2)), expected);
    }
}
