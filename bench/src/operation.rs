use std::fmt;
use std::hint::black_box;

/// Something that takes time, under the name of who does it.
pub struct Operation {
    subject: &'static str,
    contender: Contender,
    run: Box<dyn Fn()>,
}

/// Who does an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// This project.
    Portcullis,
    /// Only what aws-lc-rs must do in any case, with the key prepared beforehand.
    Bare,
    /// The crate jsonwebtoken, with aws-lc-rs, as its documentation tells to use it.
    Jsonwebtoken,
}

impl Operation {
    /// An operation that is done for `subject` each time `run` is called.
    ///
    /// `run` panics when it does not come to the answer that it is measured for.
    pub(crate) fn new<T>(
        subject: &'static str,
        contender: Contender,
        run: impl Fn() -> T + 'static,
    ) -> Self {
        Self {
            subject,
            contender,
            run: Box::new(move || drop(black_box(run()))),
        }
    }

    /// What is done, such as `verify-rs256`.
    pub const fn subject(&self) -> &'static str {
        self.subject
    }

    /// Who does it.
    pub const fn contender(&self) -> Contender {
        self.contender
    }

    /// Does it once. Instructions are counted in here and nowhere else.
    #[inline(never)]
    pub fn run(&self) {
        (self.run)();
    }
}

impl Contender {
    /// The name in reports and in the names of files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portcullis => "portcullis",
            Self::Bare => "bare",
            Self::Jsonwebtoken => "jsonwebtoken",
        }
    }
}

/// `subject/contender`, as the program takes it.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subject, self.contender.name())
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({self})")
    }
}
