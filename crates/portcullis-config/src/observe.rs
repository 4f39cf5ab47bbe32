use url::Url;

/// What is written down about requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whether there is a line for each answered request; there is when absent.
    pub access: bool,
    /// How that line names the caller; in plain when absent.
    pub subject: LoggedSubject,
    /// Whether there are lines about refused tokens, which are sampled; there are when absent.
    pub refusals: bool,
    /// How lines look; when absent, it depends on who reads them.
    pub format: Option<LogFormat>,
}

/// How the access log names a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoggedSubject {
    /// By `sub` itself.
    #[default]
    Plain,
    /// By a hash of issuer and `sub`: the same caller is recognised, not named. It has no key, so
    /// that it is the same everywhere: whoever guesses a `sub` can tell that the guess is right.
    Hash,
    /// Not at all.
    None,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where traces are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The base address of an OTLP collector that speaks HTTP; nothing is traced when absent.
    pub otlp: Option<Url>,
    /// How many of a hundred requests are traced that no caller's trace decides about; all when
    /// absent.
    pub sample_percent: u8,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            access: true,
            subject: LoggedSubject::default(),
            refusals: true,
            format: None,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp: None,
            sample_percent: 100,
        }
    }
}
