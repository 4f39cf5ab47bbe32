//! Sockets that a supervisor has opened: `LISTEN_FDS`, as systemd hands them over.

use std::net::TcpListener;

use anyhow::Context as _;
use listenfd::ListenFd;

/// Takes the sockets that were handed to this process; none when there are none.
///
/// # Errors
/// When one of them is no TCP socket: what else it is for would wait in vain.
pub(super) fn inherited() -> anyhow::Result<Vec<TcpListener>> {
    let mut given = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..given.len() {
        let socket = given.take_tcp_listener(index);
        let socket = socket
            .with_context(|| format!("socket {index} of LISTEN_FDS cannot be accepted from"))?;
        sockets.extend(socket);
    }
    Ok(sockets)
}
