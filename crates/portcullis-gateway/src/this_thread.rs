//! Runs what a connection needs beside itself, such as the streams of HTTP/2, on its own thread.

use std::future::Future;

use hyper::rt::Executor;
use tokio::task::spawn_local;

/// The thread that a connection belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for ThisThread {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
