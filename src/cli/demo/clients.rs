//! The demo's customers: a few connections that send the traffic, in its order, no faster than the rate.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use super::traffic::{Asked, Traffic};
use crate::model::clock::{self, Instant};

/// Connections open at once.
const CONNECTIONS: usize = 8;
/// A customer waits this long for an answer, and after an error.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// What the customers have seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that were answered with success.
    pub answered: AtomicU64,
    /// All others.
    pub failed: AtomicU64,
}

/// How the traffic is sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub seed: u64,
    /// Requests each second, at most.
    pub rate: u32,
    /// For how long.
    pub bound: Duration,
}

/// Customers at work, until their time is up or they are dropped.
pub struct Clients {
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is sent next, and when: each request is due a period after the one before, and what is late moves the rest.
struct Schedule {
    traffic: RefCell<Traffic>,
    due: Cell<Instant>,
    period: Duration,
    end: Cell<Option<Instant>>,
}

impl Clients {
    /// Starts them on a thread of their own, so that nothing that is printed holds them up.
    ///
    /// # Errors
    /// What the system says to a thread or a runtime.
    pub fn start(plan: Plan) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let seen = Arc::new(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let counts = seen.clone();
        let send = move || {
            LocalSet::new().block_on(&runtime, send_all(plan, counts, stopped));
        };
        let thread = std::thread::Builder::new().name("demo-clients".to_owned()).spawn(send)?;
        Ok(Clients { seen, stop: Some(stop), thread: Some(thread) })
    }

    /// What they have seen so far.
    #[must_use]
    pub fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    /// Waits until their time is up.
    #[cfg(test)]
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // Gone already, if their time was up.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Schedule {
    fn new(plan: Plan, now: Instant) -> Self {
        Schedule {
            traffic: RefCell::new(Traffic::new(plan.seed)),
            due: Cell::new(now),
            period: Duration::from_secs(1) / plan.rate.max(1),
            end: Cell::new(now.checked_add(plan.bound)),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.end.get().is_some_and(|end| now >= end)
    }

    /// The next request and when it is due; `None` when the time is up.
    fn next(&self, now: Instant) -> Option<(Asked, Instant)> {
        let due = self.due.get().max(now);
        if self.is_over(due) {
            return None;
        }
        self.due.set(due + self.period);
        Some((self.traffic.borrow_mut().next()?, due))
    }
}

/// Sends until the time is up or it is told to stop; what was asked by then is waited for, so that the counts add up.
async fn send_all(plan: Plan, seen: Arc<Seen>, stopped: oneshot::Receiver<()>) {
    let schedule = Rc::new(Schedule::new(plan, clock::now()));
    let mut customers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        customers.spawn_local(customer(plan.to, schedule.clone(), seen.clone()));
    }
    let mut ended = std::pin::pin!(customers.join_all());
    tokio::select! {
        () = async { _ = stopped.await } => schedule.end.set(Some(clock::now())),
        _ = &mut ended => return,
    }
    ended.await;
}

async fn customer(to: SocketAddr, schedule: Rc<Schedule>, seen: Arc<Seen>) {
    let mut connection = None;
    while let Some((asked, due)) = schedule.next(clock::now()) {
        tokio::time::sleep_until(due).await;
        if schedule.is_over(due) {
            return;
        }
        let answer = tokio::time::timeout(PATIENCE, ask(&mut connection, to, asked)).await;
        match answer {
            Ok(Some(status)) if status.is_success() => seen.answered.fetch_add(1, Ordering::Relaxed),
            other => {
                if !matches!(other, Ok(Some(_))) {
                    connection = None;
                    tokio::time::sleep(PAUSE).await;
                }
                seen.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Asks over the connection, which is made if there is none.
async fn ask(
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    to: SocketAddr,
    asked: Asked,
) -> Option<StatusCode> {
    if connection.as_ref().is_none_or(SendRequest::is_closed) {
        *connection = connect(to).await;
    }
    let sender = connection.as_mut()?;
    sender.ready().await.ok()?;
    let request = Request::builder().method(asked.method).uri(asked.path).header(HOST, to.to_string());
    let request =
        if asked.body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json") };
    let answer = sender.send_request(request.body(Full::from(asked.body)).ok()?).await.ok()?;
    let status = answer.status();
    answer.into_body().collect().await.ok()?;
    Some(status)
}

async fn connect(to: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await.ok()?;
    let _ = stream.set_nodelay(true);
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends with its sender, and with the thread's LocalSet.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Some(sender)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn schedule(rate: u32, bound: Duration, now: Instant) -> Schedule {
        let to = SocketAddr::from(([127, 0, 0, 1], 0));
        Schedule::new(Plan { to, seed: 1, rate, bound }, now)
    }

    #[test]
    fn requests_are_due_one_period_apart_in_the_order_of_the_seed() {
        let now = clock::now();
        let schedule = schedule(100, Duration::from_secs(1), now);
        let sent: Vec<(Asked, Instant)> = std::iter::from_fn(|| schedule.next(now)).collect();
        assert_eq!(sent.len(), 100);
        assert!(sent.iter().map(|(asked, _)| asked.clone()).eq(Traffic::new(1).take(100)));
        assert!(sent.windows(2).all(|pair| pair[1].1 - pair[0].1 == Duration::from_millis(10)));
    }

    #[test]
    fn what_was_missed_is_not_caught_up() {
        let now = clock::now();
        let schedule = schedule(100, Duration::from_secs(10), now);
        schedule.next(now).unwrap();
        let later = now + Duration::from_secs(5);
        assert_eq!(schedule.next(later).unwrap().1, later);
        assert_eq!(schedule.next(later).unwrap().1, later + Duration::from_millis(10));
        assert!(schedule.next(now + Duration::from_secs(10)).is_none());
    }
}
