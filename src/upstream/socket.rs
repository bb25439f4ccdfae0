//! The socket of a connection to a leg, which its pool can look at while the connection idles.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// One socket, of its connection and of its pool.
#[derive(Clone, Debug)]
pub(super) struct Socket(Rc<TcpStream>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Socket(Rc::new(stream))
    }

    /// Whether nothing came on it that nobody asked for: no byte, no end, no error.
    ///
    /// The system is asked, and not what was last polled: bytes that came since the end of the last answer would be taken
    /// for the beginning of the next one.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&*self.0).peek(&mut byte);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The system gave less than it was asked for, so it had no more: the next read waits for word of more instead of
    /// asking once more for nothing. (epoll(7) allows it for edge-triggered streams, and tokio's own `poll_read` does it.)
    fn note_drained(&self) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.0.try_io(Interest::READABLE, nothing);
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(bytes) if bytes > 0 && buf.remaining() > 0 => {
                    self.note_drained();
                    return Poll::Ready(Ok(()));
                }
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match SockRef::from(&*self.0).shutdown(Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write_vectored(bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::upstream::fixture::{on_one_thread, until};

    async fn pair() -> (Socket, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("connects");
        (Socket::new(stream), listener.accept().expect("accepts").0)
    }

    #[test]
    fn a_byte_an_end_and_a_reset_are_seen_though_nobody_polled() {
        on_one_thread(async {
            let (socket, mut peer) = pair().await;
            assert!(socket.is_quiet());
            peer.write_all(b"x").expect("writes");
            until(|| !socket.is_quiet()).await;
            let (socket, peer) = pair().await;
            drop(peer);
            until(|| !socket.is_quiet()).await;
            let (socket, peer) = pair().await;
            SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).expect("lingers");
            drop(peer);
            until(|| !socket.is_quiet()).await;
        });
    }

    #[test]
    fn what_comes_behind_a_short_read_is_read_too() {
        on_one_thread(async {
            let (mut socket, mut peer) = pair().await;
            let mut buf = [0; 64];
            for round in 0..100_u8 {
                peer.write_all(&[round]).expect("writes");
                assert_eq!(socket.read(&mut buf).await.expect("reads"), 1);
                assert_eq!(buf[0], round);
            }
            // An end that came along with the last bytes is no word of more.
            peer.write_all(b"x").expect("writes");
            drop(peer);
            until(|| !socket.is_quiet()).await;
            assert_eq!(socket.read(&mut buf).await.expect("reads"), 1);
            assert_eq!(socket.read(&mut buf).await.expect("reads"), 0);
        });
    }

    #[test]
    fn it_reads_and_writes_as_a_stream_does() {
        on_one_thread(async {
            let (mut socket, mut peer) = pair().await;
            let big = vec![b'x'; 8 << 20];
            let sent = big.clone();
            let echo = std::thread::spawn(move || {
                let mut got = Vec::new();
                peer.read_to_end(&mut got).expect("reads");
                peer.write_all(&got).expect("writes");
            });
            socket.write_all(&sent).await.expect("writes");
            socket.shutdown().await.expect("closes");
            let mut back = Vec::new();
            socket.read_to_end(&mut back).await.expect("reads");
            assert!(back == big, "{} bytes", back.len());
            echo.join().expect("echoes");
        });
    }
}
