//! What holds for every database. SQLite has a test for each case; PostgreSQL has them in `external`.

use std::future::Future;
use std::pin::Pin;

use crate::fixture::Fixture;

/// Its name and what it does with an empty database.
pub(crate) type Case = (
    &'static str,
    fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

/// Makes the functions cases, and tests of SQLite.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const CASES: &[$crate::suite::Case] = &[$(
            (concat!(module_path!(), "::", stringify!($name)), |fixture| Box::pin($name(fixture))),
        )+];

        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let file = $crate::fixture::SqliteFile::create();
                    super::$name(file.open().await).await;
                }
            )+
        }
    };
}

pub(crate) mod accounts;
pub(crate) mod applications;
pub(crate) mod codes;
pub(crate) mod device_codes;
pub(crate) mod endings;
pub(crate) mod hostile;
pub(crate) mod logins;
pub(crate) mod operations;
pub(crate) mod refresh_tokens;

/// Every case, by files.
pub(crate) const ALL: [&[Case]; 9] = [
    accounts::CASES,
    applications::CASES,
    codes::CASES,
    device_codes::CASES,
    endings::CASES,
    hostile::CASES,
    logins::CASES,
    operations::CASES,
    refresh_tokens::CASES,
];
