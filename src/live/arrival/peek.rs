//! Looks at what a client sent without taking it, so that whoever serves the connection reads it from its first byte on.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::Activity;
use crate::model::clock;

/// Waits until `decide` has seen enough; it is shown at most `N` bytes from the first, and told whether more can come.
///
/// # Errors
/// The socket's own; `UnexpectedEof` if the client left without a byte.
pub(super) async fn peek<const N: usize, T>(
    stream: &TcpStream,
    activity: &Activity,
    mut decide: impl FnMut(&[u8], bool) -> Option<T>,
) -> io::Result<T> {
    loop {
        let ready = stream.ready(Interest::READABLE).await?;
        let ended = ready.is_read_closed();
        let seen = stream.try_io(Interest::READABLE, || {
            let mut bytes = [0; N];
            let (_, length) = recv(stream, &mut bytes[..], RecvFlags::PEEK)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            activity.stir(clock::now);
            // "Would block" although bytes are there: the next wait is for bytes that come after these.
            decide(&bytes[..length.min(N)], ended).ok_or_else(|| io::ErrorKind::WouldBlock.into())
        });
        match seen {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ended => {}
            // No more will come, and what came was not enough.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            seen => return seen,
        }
    }
}
