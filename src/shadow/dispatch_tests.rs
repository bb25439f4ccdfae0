//! One exchange with a leg that answers, stalls, resets, floods or lies.
#![allow(clippy::unwrap_used)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::gate::Budget;
use crate::model::{Capture, Chunks};
use crate::telemetry::Metrics;
use crate::upstream::fixture::{Act, backend, deaf, leg, nobody, ok, on_one_thread, until};
use crate::upstream::{Pool, Settings};

const HOUR: Duration = Duration::from_hours(1);

/// Bodies come in pieces of this size, as they were read.
const PART: usize = 64 * 1024;

/// A leg, and what is asked of it.
struct Caller {
    pool: Rc<Pool<Whole>>,
    limits: Limits,
    budget: Arc<Budget>,
}

impl Caller {
    fn new(port: u16) -> Self {
        Caller::with(leg(port))
    }

    fn with(settings: Settings) -> Self {
        Caller {
            pool: Pool::new(Leg::Shadow, Arc::new(settings), &Metrics::new()),
            limits: Limits { deadline: clock::now() + HOUR, max_capture: 10, max_drain: 1_000 },
            budget: Arc::new(Budget::new(1 << 30)),
        }
    }

    async fn ask(&self, body: usize, progress: &Progress) -> Asked {
        let mut parts = Chunks::default();
        (0..body.div_ceil(PART)).for_each(|n| parts.push(vec![b'x'; PART.min(body - n * PART)].into()));
        let mut request = Request::new(Whole::from(parts));
        let fields = request.headers_mut();
        fields.insert("host", http::HeaderValue::from_static("a"));
        fields.insert("content-length", http::HeaderValue::from(body as u64));
        let bytes = self.budget.take(0).unwrap();
        ask(Leg::Shadow, &self.pool.on_behalf_of(|| None), request, self.limits, bytes, progress).await
    }

    async fn once(&self) -> Asked {
        self.ask(0, &Progress::default()).await
    }
}

fn outcome(asked: &Asked) -> Outcome {
    asked.exchange.result.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Answered)
}

fn body(asked: &Asked) -> &Capture {
    &asked.exchange.result.as_ref().unwrap().body
}

fn raw(text: &str) -> Act {
    Act::Answer(text.to_owned())
}

#[test]
fn an_answer_is_captured_and_its_connection_used_again() {
    on_one_thread(async {
        let trailers = "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\nx-a: 1\r\n\r\n\
                        3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n";
        let (port, log) = backend(vec![vec![ok("hello"), raw(trailers), ok(""), Act::Hang]]).await;
        let caller = Caller::new(port);
        let first = caller.once().await;
        assert_eq!(body(&first), &Capture::Complete(Chunks::from(bytes::Bytes::from("hello"))));
        assert_eq!(caller.budget.used(), 5, "the capture is paid for");
        let timing = first.exchange.timing;
        assert!(timing.first_byte.unwrap() <= timing.total);
        let second = caller.once().await;
        let answer = second.exchange.result.as_ref().unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["x-a"]),
            (404, &http::HeaderValue::from_static("1"))
        );
        assert_eq!(answer.trailers.as_ref().unwrap()["x-sum"], "9");
        assert!(body(&caller.once().await).is_empty());
        assert!(log.borrow().iter().all(|(n, _)| *n == 0), "one connection for all: {log:?}");
        drop((first, second));
        assert_eq!(caller.budget.used(), 0);
    });
}

#[test]
fn a_body_over_the_capture_is_drained_to_its_digest_and_holds_nothing() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![ok(&"y".repeat(1_000)), ok("b"), Act::Hang]]).await;
        let caller = Caller::new(port);
        let large = caller.once().await;
        let hash = *blake3::hash("y".repeat(1_000).as_bytes()).as_bytes();
        assert_eq!(body(&large), &Capture::Digest { len: 1_000, hash });
        assert_eq!(caller.budget.used(), 0);
        assert_eq!(outcome(&caller.once().await), Outcome::Answered);
        assert_eq!(log.borrow()[1].0, 0, "a drained connection is used again");
    });
}

#[test]
fn a_body_over_the_drain_is_cut_off_with_its_connection() {
    on_one_thread(async {
        let chunked =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{}", "y".repeat(1_001));
        let (port, log) = backend(vec![
            vec![ok(&"y".repeat(1_001)), Act::Hang],
            vec![raw(&chunked), Act::Hang],
            vec![ok("b"), Act::Hang],
        ])
        .await;
        let caller = Caller::new(port);
        for n in 0..2 {
            let flood = caller.once().await;
            assert_eq!(
                (outcome(&flood), body(&flood)),
                (Outcome::Answered, &Capture::Absent(Absent::TooLong)),
                "{n}"
            );
        }
        caller.once().await;
        let used: Vec<usize> = log.borrow().iter().map(|(n, _)| *n).collect();
        assert_eq!(used, [0, 1, 2], "none of them is used again");
    });
}

#[test]
fn a_capture_without_room_is_absent_and_the_rest_is_drained() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![ok("hello"), ok("hello"), Act::Hang]]).await;
        let caller = Caller { budget: Arc::new(Budget::new(4)), ..Caller::new(port) };
        let poor = caller.once().await;
        assert_eq!(body(&poor), &Capture::Absent(Absent::Memory));
        assert_eq!(caller.budget.used(), 0);
        caller.once().await;
        assert_eq!(log.borrow()[1].0, 0, "its connection is used again");
    });
}

#[test]
fn a_stale_connection_costs_nothing_but_a_new_one() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![ok("a")], vec![ok("b"), Act::Hang]]).await;
        let caller = Caller::new(port);
        caller.once().await;
        // Until the end of the connection is known here.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let again = caller.once().await;
        assert_eq!(outcome(&again), Outcome::Answered);
        assert_eq!(log.borrow().iter().map(|(n, _)| *n).collect::<Vec<_>>(), [0, 1]);
    });
}

#[test]
fn a_new_connection_that_is_closed_at_once_is_not_asked_again() {
    on_one_thread(async {
        let (port, log) = backend(vec![]).await;
        let caller = Caller::new(port);
        let progress = Progress::default();
        let asked = caller.ask(0, &progress).await;
        // Whether a byte was written depends on who was faster.
        let expected = if progress.written() { Outcome::Reset } else { Outcome::ConnectError };
        assert_eq!(outcome(&asked), expected);
        assert!(log.borrow().is_empty());
    });
}

#[test]
fn each_way_to_break_has_its_outcome() {
    on_one_thread(async {
        let short = raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(300));
        for (act, expected) in [
            (Act::Reset, Outcome::Reset),
            (raw(""), Outcome::Reset),
            (short, Outcome::Reset),
            (raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"), Outcome::InvalidResponse),
            (raw("HTTP/1.1 200 OK\r\nbad header\r\n\r\n"), Outcome::InvalidResponse),
            (raw(&many), Outcome::InvalidResponse),
        ] {
            let (port, _) = backend(vec![vec![act.clone()]]).await;
            let caller = Caller::new(port);
            let asked = caller.once().await;
            assert_eq!(outcome(&asked), expected, "{act:?}");
            let failure = asked.exchange.result.as_ref().unwrap_err();
            assert!(!failure.detail.contains("OpenSSH"), "no byte of an answer is told: {}", failure.detail);
            drop(asked);
            assert_eq!(caller.budget.used(), 0);
        }
    });
}

#[test]
fn a_leg_that_is_not_there_is_told_from_one_that_is_slow_to_connect() {
    on_one_thread(async {
        let refused = Caller::new(nobody().await).once().await;
        assert_eq!(outcome(&refused), Outcome::ConnectError);
        let (port, _held) = deaf().await;
        let hasty = Caller::with(Settings { connect_timeout: Duration::from_millis(20), ..leg(port) });
        assert_eq!(outcome(&hasty.once().await), Outcome::ConnectTimeout);
        let mut late = Caller::new(port);
        late.limits.deadline = clock::now() + Duration::from_millis(20);
        let progress = Progress::default();
        assert_eq!(outcome(&late.ask(0, &progress).await), Outcome::ConnectTimeout);
        assert!(!progress.written());
    });
}

/// Asks, waits until `reached`, and lets the deadline pass.
async fn timed_out(caller: &Caller, reached: impl Fn(&Progress) -> bool) -> (Asked, Progress) {
    let progress = Progress::default();
    let asked = {
        let asking = caller.ask(0, &progress);
        let clock = async {
            until(|| reached(&progress)).await;
            tokio::time::pause();
            tokio::time::advance(HOUR).await;
        };
        futures_util::future::join(asking, clock).await.0
    };
    tokio::time::resume();
    (asked, progress)
}

#[test]
fn a_deadline_that_passes_after_the_request_was_written_is_a_timeout() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    for (acts, has_head) in [(vec![Act::Hang], false), (vec![raw(head), Act::Hang], true)] {
        // A test of its own for each, since the clock is moved.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let (port, log) = backend(vec![acts]).await;
            let caller = Caller::new(port);
            let reached = |progress: &Progress| {
                progress.first_byte.get().is_some() == has_head && !log.borrow().is_empty()
            };
            let (asked, progress) = timed_out(&caller, reached).await;
            assert_eq!(outcome(&asked), Outcome::Timeout);
            assert!(progress.written());
            assert_eq!(asked.exchange.timing.first_byte.is_some(), has_head);
            assert!(asked.exchange.timing.total > Duration::from_mins(59));
            drop(asked);
            assert_eq!(caller.budget.used(), 0);
        });
    }
}

#[test]
fn no_head_within_response_timeout_is_a_timeout_too() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![Act::Hang]]).await;
        let hasty = Caller::with(Settings { response_timeout: Duration::ZERO, ..leg(port) });
        let asked = hasty.once().await;
        assert_eq!(outcome(&asked), Outcome::Timeout);
        let detail = &asked.exchange.result.as_ref().unwrap_err().detail;
        assert!(detail.contains("response_timeout"), "{detail}");
    });
}

#[test]
fn an_early_answer_does_not_make_the_next_request_wait_for_the_rest_of_the_first() {
    const BODY: usize = 32 << 20;
    on_one_thread(async {
        let early = Act::Early("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno".to_owned());
        let (port, log) = backend(vec![vec![early, Act::Hang], vec![ok("b"), Act::Hang]]).await;
        let caller = Caller::new(port);
        let first = caller.ask(BODY, &Progress::default()).await;
        assert_eq!(first.exchange.result.as_ref().unwrap().status.as_u16(), 413);
        let second = caller.once().await;
        assert_eq!(outcome(&second), Outcome::Answered);
        assert_eq!(log.borrow()[1].0, 1, "on a connection of its own");
    });
}
