//! Bytes both ways between two streams: what one end does not take yet is held, at most one piece of it, and until it is
//! taken no more is read from the other.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes read at once, and so the most that is held for one way of a tunnel. On the stack while it is passed on: a
/// tunnel in which nothing waits holds no buffer at all.
pub(super) const PIECE: usize = 16 * 1024;

/// At which end a relay broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Reading from the client, or writing to it.
    Client,
    /// Reading from stable, or writing to it.
    Stable,
}

/// One way: what was read at one end and is not yet taken at the other.
#[derive(Debug)]
pub(super) struct Way {
    held: Bytes,
    unflushed: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The sender said that no more will come; the receiver is to be told.
    Ending,
    Ended,
}

/// Which end of a way an error is of.
enum At {
    From,
    To,
}

/// Passes bytes both ways until both ends have ended; each way begins with what was read before. `moved` is called
/// whenever bytes pass.
pub(super) async fn relay<C, S>(
    (client, mut up): (&mut C, Way),
    (stable, mut down): (&mut S, Way),
    moved: impl Fn(),
) -> Result<(), Broken>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    std::future::poll_fn(|cx| {
        let upward = up.poll(client, stable, &moved, cx).map_err(|at| match at {
            At::From => Broken::Client,
            At::To => Broken::Stable,
        })?;
        let downward = down.poll(stable, client, &moved, cx).map_err(|at| match at {
            At::From => Broken::Stable,
            At::To => Broken::Client,
        })?;
        if upward.is_ready() && downward.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

impl Way {
    /// A way on which these bytes come first.
    pub(super) fn beginning_with(read: Bytes) -> Self {
        Way { held: read, unflushed: false, state: State::Open }
    }

    /// Passes on what there is; ready once the receiver was told that no more will come.
    fn poll(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        moved: &impl Fn(),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), At>> {
        loop {
            while !self.held.is_empty() {
                let taken = ready!(write(to, &self.held, cx)).map_err(|_| At::To)?;
                self.held.advance(taken);
                self.unflushed = true;
                moved();
            }
            match self.state {
                State::Open => {
                    let Poll::Ready(fetched) = self.fetch(from, to, moved, cx) else {
                        // Nothing follows for now: what a stream keeps back (TLS does) must not wait for it.
                        return self.flush(to, cx).map_err(|_| At::To);
                    };
                    fetched?;
                }
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx)).map_err(|_| At::To)?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Reads one piece and passes it on; what is not taken at once is held.
    fn fetch(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        moved: &impl Fn(),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), At>> {
        let mut room = [MaybeUninit::uninit(); PIECE];
        let mut piece = ReadBuf::uninit(&mut room);
        ready!(Pin::new(from).poll_read(cx, &mut piece)).map_err(|_| At::From)?;
        let read = piece.filled();
        if read.is_empty() {
            self.state = State::Ending;
            return Poll::Ready(Ok(()));
        }
        moved();
        self.unflushed = true;
        let taken = match write(to, read, cx) {
            Poll::Ready(taken) => taken.map_err(|_| At::To)?,
            Poll::Pending => 0,
        };
        self.held = Bytes::copy_from_slice(&read[taken..]);
        Poll::Ready(Ok(()))
    }

    /// Pending also when all is flushed: the way goes on.
    fn flush(&mut self, to: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Pending
    }
}

/// Writes a part of what is there, at least a byte of it.
fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(to).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        taken => Poll::Ready(Ok(taken)),
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
