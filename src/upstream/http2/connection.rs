//! A multiplexed connection and its streams.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::errand::{Errand, Runner};
use super::loan::{Loan, Loaned};
use super::request::adapt;
use crate::model::clock::{self, Instant};
use crate::upstream::connect::MAX_BUFFER;
use crate::upstream::error::is_untouched;
use crate::upstream::flood::{Gauge, Guarded};
use crate::upstream::{ConnectError, SendError};

/// Streams on one connection at most, whatever the leg allows: more would share one congestion window.
const MOST_STREAMS: usize = 256;

/// What a leg may send on a connection before we read on: the answers of other streams must not wait for one that its
/// client takes slowly.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// The same for one stream; also what one slow client can make us hold.
const STREAM_WINDOW: u32 = 512 * 1024;

/// A connection with streams on it that says nothing for this long is pinged, and closed if the answer takes longer than
/// [`PING_TIMEOUT`]: a peer that vanished without a word is known within seconds.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

type Sender<B> = SendRequest<Loan<B>>;
type Io = TokioIo<Guarded>;

/// An HTTP/2 connection to a leg.
pub(in crate::upstream) struct Multiplexed<B> {
    sender: Sender<B>,
    gauge: Gauge,
    secure: bool,
    runner: Runner,
    task: Option<AbortHandle>,
    /// Streams that the leg allows at once.
    allowed: Rc<Cell<usize>>,
    streams: Cell<usize>,
    /// Of its last stream.
    ended: Cell<Instant>,
    /// Connections in use and idle ones, if it is counted among them.
    gauges: Option<(metrics::Gauge, metrics::Gauge)>,
}

/// One exchange on it. Dropped, it is reset if it is not over; the connection goes on.
pub(in crate::upstream) struct Stream<B> {
    connection: Rc<Multiplexed<B>>,
    errand: Rc<Errand>,
    gauge: Gauge,
    /// Its request may still go out when it is dropped.
    lives_on: bool,
}

/// What a handshake has begun; ended when dropped before it is over.
struct Begun {
    errand: Rc<Errand>,
    task: Option<AbortHandle>,
}

/// The preface of a connection, until the leg has said with its own how many streams it allows (RFC 9113 section 3.4): no
/// request is risked before it is known that HTTP/2 is spoken there. Its streams run on this thread.
///
/// # Errors
/// [`ConnectError::Io`].
pub(in crate::upstream) async fn handshake<B>(
    stream: Guarded,
    gauge: Gauge,
) -> Result<Multiplexed<B>, ConnectError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let secure = stream.is_secure();
    let runner = Runner::default();
    let mut begun = Begun { errand: Rc::default(), task: None };
    runner.begin(&begun.errand);
    let handshake = builder(runner.clone()).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|e| ConnectError::Io(io::Error::other(e)))?;
    let allowed = Rc::new(Cell::new(0));
    let (tell, told) = oneshot::channel();
    let task = tokio::task::spawn_local(run(connection, allowed.clone(), gauge.clone(), tell));
    begun.task = Some(task.abort_handle());
    told.await.map_err(|_| ConnectError::Io(io::Error::other("it does not speak HTTP/2")))?;
    Ok(Multiplexed {
        sender,
        gauge,
        secure,
        runner,
        task: begun.finish(),
        allowed,
        streams: Cell::new(0),
        ended: Cell::new(clock::now()),
        gauges: None,
    })
}

fn builder(runner: Runner) -> Builder<Runner> {
    let mut builder = Builder::new(runner);
    builder
        .timer(TokioTimer::new())
        // None before it has said how many: how that becomes known.
        .initial_max_send_streams(0)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_header_list_size(u32::try_from(MAX_BUFFER).unwrap_or(u32::MAX))
        .max_send_buf_size(MAX_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Runs the connection, and notes how many streams it allows; `tell` learns when that is known.
async fn run<B>(
    mut connection: Connection<Io, Loan<B>, Runner>,
    allowed: Rc<Cell<usize>>,
    gauge: Gauge,
    tell: oneshot::Sender<()>,
) where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut tell = Some(tell);
    poll_fn(|cx| {
        // Its errors reach whoever waits for an answer.
        let ended = Pin::new(&mut connection).poll(cx).is_ready();
        allowed.set(connection.current_max_send_streams().min(MOST_STREAMS));
        if ended {
            return Poll::Ready(());
        }
        if allowed.get() > 0 {
            tell.take().map(|tell| tell.send(()));
        } else {
            // Nothing else wakes this task when the leg's settings come.
            gauge.wake_at_read(cx.waker());
        }
        Poll::Pending
    })
    .await;
}

impl Begun {
    fn finish(mut self) -> Option<AbortHandle> {
        self.task.take()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.errand.abandon();
        }
        self.task.iter().for_each(AbortHandle::abort);
    }
}

impl<B> Multiplexed<B> {
    /// Counted from now on: in use while it has streams, idle else.
    pub(in crate::upstream) fn counted(mut self, gauges: (metrics::Gauge, metrics::Gauge)) -> Self {
        gauges.1.increment(1.0);
        self.gauges = Some(gauges);
        self
    }

    /// Counts the streams; the first makes an idle connection one in use, the end of the last an idle one.
    fn count(&self, streams: usize) {
        let before = self.streams.replace(streams);
        if let (Some((active, idle)), true) = (&self.gauges, (before == 0) != (streams == 0)) {
            let (more, fewer) = if streams > 0 { (active, idle) } else { (idle, active) };
            more.increment(1.0);
            fewer.decrement(1.0);
        }
    }

    /// Streams under way.
    pub(in crate::upstream) fn streams(&self) -> usize {
        self.streams.get()
    }

    /// When the last of its streams ended.
    pub(in crate::upstream) fn idle_since(&self) -> Instant {
        self.ended.get()
    }
}

impl<B> Multiplexed<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
{
    /// Whether it ended, or was told to take no further stream.
    pub(in crate::upstream) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.task.as_ref().is_none_or(AbortHandle::is_finished)
    }

    /// Whether the leg allows one more stream.
    pub(in crate::upstream) fn has_room(&self) -> bool {
        self.streams.get() < self.allowed.get()
    }

    /// One more stream.
    pub(in crate::upstream) fn stream(self: &Rc<Self>) -> Stream<B> {
        self.count(self.streams.get() + 1);
        Stream {
            connection: self.clone(),
            errand: Rc::default(),
            gauge: self.gauge.of_stream(),
            lives_on: false,
        }
    }
}

impl<B> Stream<B> {
    /// The connection that it is one of.
    pub(in crate::upstream) fn connection(&self) -> &Rc<Multiplexed<B>> {
        &self.connection
    }

    /// What passes of its request.
    pub(in crate::upstream) fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// Lets what is left of the request go out after the stream was dropped.
    pub(in crate::upstream) fn let_go(mut self) {
        self.lives_on = true;
    }
}

impl<B> Stream<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Writes the request; resolves with the response head.
    ///
    /// # Errors
    /// [`SendError::Unsent`] gives the request back if the leg did nothing with it and its body was not begun.
    pub(in crate::upstream) async fn send(
        &mut self,
        request: Request<B>,
    ) -> Result<Response<Incoming>, SendError<B>> {
        let (parts, body) = request.into_parts();
        let kept = parts.clone();
        let errand = (self.connection.runner.clone(), self.errand.clone());
        let loaned = Loaned::new(body, self.gauge.clone(), errand);
        let request = Request::from_parts(adapt(parts, self.connection.secure), loaned.loan());
        let mut sender = self.connection.sender.clone();
        let error = match sender.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(mut error) => {
                // A request that never left the queue is dropped with its loan.
                let unsent = error.take_message().is_some();
                let error = error.into_error();
                if !unsent && !is_untouched(&error) {
                    return Err(SendError::Broken(error));
                }
                error
            }
        };
        match loaned.take_back() {
            Some(body) => Err(SendError::Unsent(Box::new(Request::from_parts(kept, body)))),
            None => Err(SendError::Broken(error)),
        }
    }
}

impl<B> Drop for Stream<B> {
    fn drop(&mut self) {
        if !self.lives_on {
            self.errand.abandon();
        }
        let connection = &self.connection;
        connection.count(connection.streams.get().saturating_sub(1));
        connection.ended.set(clock::now());
    }
}

impl<B> Drop for Multiplexed<B> {
    fn drop(&mut self) {
        if let Some((_, idle)) = &self.gauges {
            idle.decrement(1.0);
        }
    }
}
