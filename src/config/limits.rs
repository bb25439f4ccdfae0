//! Every default and every bound of the config, each with its reason. A key's range is checked where it is read.

use std::time::Duration;

use super::value::Size;
use crate::model::Ppm;

/// What a key may be, and what it is when it is left out.
#[derive(Clone, Copy, Debug)]
pub struct Limit<T> {
    /// Smallest value that is accepted.
    pub min: T,
    /// What holds when the key is left out.
    pub default: T,
    /// Largest value that is accepted.
    pub max: T,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Bytes of a config file: far above any sane one, so that a wrong path cannot fill the memory.
pub const FILE_BYTES: usize = 1024 * 1024;
/// Routes: each is a value of the label `route` in every metric.
pub const ROUTES: usize = 64;
/// Items of a list or table: every rule is tried on every pair.
pub const ITEMS: usize = 256;
/// Characters of a template or rule: more is a paste gone wrong, and rule parsers recurse.
pub const RULE_CHARS: usize = 512;
/// Characters of a route's name and of a version: both are shown in tables and labels.
pub const NAME_CHARS: usize = 64;
/// Bytes of a token, given or read from its file: it has to fit a request head.
pub const TOKEN_BYTES: usize = 4096;
/// A token shorter than this is guessed; it is warned about.
pub const TOKEN_GOOD_CHARS: usize = 16;
/// Unknown keys are named up to this many problems: a file with more is not a config.
pub const PROBLEMS_KEPT: usize = 1000;
/// Problems that are rendered in full; the rest is counted.
pub const PROBLEMS_SHOWN: usize = 50;

/// 0 takes one worker for each core.
pub const WORKERS: Limit<usize> = Limit { min: 0, default: 0, max: 1024 };
/// Each costs a descriptor and some 16 KiB; above it new clients wait in the kernel's queue.
pub const MAX_CONNECTIONS: Limit<usize> = Limit { min: 1, default: 10_000, max: 1_000_000 };
/// A client that is slower than this with its head is broken or hostile.
pub const HEADER_TIMEOUT: Limit<Duration> = seconds(10, 600);
/// Just above the 60 s after which common balancers drop their side, so that it is they who close.
pub const CLIENT_IDLE_TIMEOUT: Limit<Duration> = seconds(75, 3600);
/// A sender that pauses for this long within a body, client or leg, has lost its network or its will. Timed by a sweep, to half a second.
pub const BODY_TIMEOUT: Limit<Duration> = seconds(30, 3600);
/// A client whose buffers stay full for this long takes nothing any more; a slow one empties them from time to time.
pub const WRITE_TIMEOUT: Limit<Duration> = seconds(60, 3600);
/// Whoever keeps a websocket open sends something within minutes; an hour ends what was forgotten.
pub const TUNNEL_TIMEOUT: Limit<Duration> = seconds(3600, 86_400);
/// Kubernetes' default grace period.
pub const DRAIN_TIMEOUT: Limit<Duration> =
    Limit { min: Duration::ZERO, default: Duration::from_secs(30), max: Duration::from_hours(1) };
/// Room for large cookies; below 8 KiB ordinary requests fail.
pub const MAX_HEADER_BYTES: Limit<Size> = sizes(8 * KIB, 64 * KIB, MIB);
/// What common servers take (RFC 9112 section 3 recommends 8,000 octets at least for a request line); the most is what a URI can hold here.
pub const MAX_TARGET_BYTES: Limit<Size> = sizes(KIB, 8 * KIB, 32 * KIB);
/// Each costs time in every comparison of names; browsers send some 20, gateways before us some 20 more.
pub const MAX_FIELDS: Limit<usize> = Limit { min: 16, default: 128, max: 1024 };

/// What browsers expect at least is 100; each may hold a request, and some 64 KiB of an answer.
pub const MAX_STREAMS: Limit<u32> = Limit { min: 1, default: 128, max: 10_000 };
/// None: behind a balancer, or a company's one address, all clients are one.
pub const MAX_CONNECTIONS_PER_ADDRESS: Limit<usize> = Limit { min: 0, default: 0, max: 1_000_000 };
/// None: a connection that serves well may go on; a bound spreads clients over instances again after one was added.
pub const MAX_REQUESTS_PER_CONNECTION: Limit<usize> = Limit { min: 0, default: 0, max: 1_000_000_000 };
/// Two round trips and a signature; slower than this is broken or hostile.
pub const HANDSHAKE_TIMEOUT: Limit<Duration> = seconds(10, 600);
/// A second's work of one core, at about a millisecond each: more at once would only all be late.
pub const MAX_HANDSHAKES: Limit<usize> = Limit { min: 1, default: 1024, max: 1_000_000 };

/// A connection within a data centre takes milliseconds; one lost SYN is sent again after a second.
pub const CONNECT_TIMEOUT: Limit<Duration> = seconds(1, 60);
/// The usual bound in front of services; longer answers are asked for by name.
pub const RESPONSE_TIMEOUT: Limit<Duration> = seconds(30, 3600);
/// As many as mirrored requests are in flight by default: what a burst opened is there for the next one. With 64, one of
/// eight mirrored requests needed a new connection at 12,000 a second.
pub const MAX_IDLE: Limit<usize> = Limit { min: 0, default: 256, max: 65_536 };
/// By Little's law enough for 10,000 requests a second of each worker at a tenth of a second each; a backend that is slower
/// than that is not helped by more.
pub const LEG_CONNECTIONS: Limit<usize> = Limit { min: 1, default: 1024, max: 65_536 };
/// As many again: at the rate at which the first ones end, the last that waits does so for as long as one of them took.
pub const LEG_QUEUE: Limit<usize> = Limit { min: 0, default: 1024, max: 65_536 };
/// As long as for a connection: a client that waits longer has asked again.
pub const QUEUE_TIMEOUT: Limit<Duration> = seconds(1, 60);
/// What moves an address counts on being found again within seconds; resolvers keep most answers as long.
pub const RESOLVE_INTERVAL: Limit<Duration> =
    Limit { min: Duration::from_millis(100), default: Duration::from_secs(10), max: Duration::from_hours(1) };
/// Addresses of a leg that are written down: more belong behind a name.
pub const URLS: usize = 64;
/// One failure is an accident, five in a row without a success between them are not.
pub const EJECTION_FAILURES: Limit<u32> = Limit { min: 0, default: 5, max: 1000 };
/// A restart takes seconds; an address that is still away rests twice as long the next time.
pub const EJECTION_REST: Limit<Duration> = seconds(10, 300);
/// What an orchestrator asks at.
pub const HEALTH_INTERVAL: Limit<Duration> =
    Limit { min: Duration::from_millis(10), default: Duration::from_secs(5), max: Duration::from_hours(1) };
/// An address that needs longer to say that it is well is not.
pub const HEALTH_TIMEOUT: Limit<Duration> = seconds(2, 60);
/// A first good answer may be luck.
pub const HEALTHY_AFTER: Limit<u32> = Limit { min: 1, default: 2, max: 100 };
/// A lost packet is no illness.
pub const UNHEALTHY_AFTER: Limit<u32> = Limit { min: 1, default: 3, max: 100 };
/// Shorter than the keep-alive of common servers (60 s and more), so that it is we who close first.
pub const LEG_IDLE_TIMEOUT: Limit<Duration> = seconds(30, 3600);
/// The whole exchange with shadow or control: a later answer is worth nothing and holds memory.
pub const SHADOW_TIMEOUT: Limit<Duration> = seconds(5, 600);

/// Instances that share a seed sample alike, so all share this one unless told otherwise: "umbrage" in ASCII.
pub const SEED: u64 = 0x0075_6d62_7261_6765;
/// By Little's law 256 suffice for 1,000 a second at a quarter of a second each.
pub const MAX_IN_FLIGHT: Limit<usize> = Limit { min: 1, default: 256, max: 65_536 };
/// Keeps an untested backend from a production's whole load by accident.
pub const MAX_PER_SECOND: Limit<u32> = Limit { min: 1, default: 1000, max: 1_000_000 };
/// Short enough that a spike reaches the shadow spread out, long enough that an even stream with ordinary jitter is not refused.
pub const BURST: Limit<Duration> =
    Limit { min: Duration::ZERO, default: Duration::from_millis(100), max: Duration::from_mins(1) };
/// Most exchanges end within it and stay evidence; who stops a shadow that harms something wants it quiet within seconds.
pub const MIRROR_DRAIN: Limit<Duration> =
    Limit { min: Duration::ZERO, default: Duration::from_secs(2), max: Duration::from_mins(10) };
/// Request copies, captures and queued pairs in all; the process may take some tens of MiB more for read buffers that captures keep alive.
pub const MEMORY: Limit<Size> = sizes(64 * KIB, 64 * MIB, 64 * GIB);
/// Uploads above this are rarely what is being tried, and copies cost memory.
pub const MAX_BODY: Limit<Size> = sizes(0, MIB, GIB);
/// All the way down: on a full machine the shadow plane gets one or two hundredths of a core, and its offers are refused.
pub const NICE: Limit<i32> = Limit { min: 0, default: 19, max: 19 };
/// Reading this much more is cheaper than a new connection.
pub const MAX_DRAIN: Limit<Size> = sizes(0, 64 * MIB, GIB);

/// Ten failures in a row, with no answer between them, are no accident.
pub const BREAKER_FAILURES: Limit<u32> = Limit { min: 0, default: 10, max: 100_000 };
/// A shadow that loses every second request teaches little, and each costs a timeout's worth of room.
pub const BREAKER_FAILING: Ppm = Ppm::HALF;
/// Long enough to hold some requests of a slow service, short enough to forget a restart.
pub const BREAKER_WINDOW: Limit<Duration> =
    Limit { min: Duration::from_millis(100), default: Duration::from_secs(10), max: Duration::from_mins(10) };
/// Of fewer a share says nothing.
pub const BREAKER_REQUESTS: Limit<u32> = Limit { min: 1, default: 20, max: 1_000_000 };
/// Most failures are a restart's.
pub const BREAKER_REST: Limit<Duration> = Limit {
    min: Duration::from_millis(10),
    default: Duration::from_millis(500),
    max: Duration::from_mins(10),
};
/// One request every two seconds is no burden to anybody, and a shadow that is back is found within seconds.
pub const BREAKER_MAX_REST: Limit<Duration> =
    Limit { min: Duration::from_millis(10), default: Duration::from_secs(2), max: Duration::from_hours(1) };
/// A cold service that gets its whole load at once fails again.
pub const BREAKER_RECOVERY: Limit<Duration> =
    Limit { min: Duration::from_millis(1), default: Duration::from_secs(5), max: Duration::from_hours(1) };

/// A wait that everybody notices. An idle worker is late by a millisecond or two, one on a machine that others keep busy by tens.
pub const GUARD_LOOP_DELAY: Limit<Duration> =
    Limit { min: Duration::ZERO, default: Duration::from_millis(250), max: Duration::from_mins(1) };
/// Room for a fifth more clients before any is turned away.
pub const GUARD_IN_FLIGHT: Ppm = Ppm::new(800_000);
/// Memory and descriptors: what is left must carry the customers alone.
pub const GUARD_SHORT: Ppm = Ppm::new(900_000);
/// Beyond what hours of the day do to errors and latency.
pub const GUARD_FACTOR: Limit<u32> = Limit { min: 0, default: 3, max: 1000 };
/// Three times next to nothing is next to nothing.
pub const GUARD_ERRORS_FLOOR: Ppm = Ppm::new(50_000);
/// What a histogram with a bound at 100 ms tells from noise.
pub const GUARD_LATENCY_FLOOR: Limit<Duration> =
    Limit { min: Duration::ZERO, default: Duration::from_millis(100), max: Duration::from_mins(1) };
/// Of fewer a 99th percentile is the slowest one or two.
pub const GUARD_REQUESTS: Limit<u32> = Limit { min: 1, default: 200, max: 1_000_000 };
/// Long enough to hold so many requests of a small service, short enough to act within seconds.
pub const GUARD_WINDOW: Limit<Duration> =
    Limit { min: Duration::from_secs(1), default: Duration::from_secs(10), max: Duration::from_mins(10) };
/// Slow enough that trouble does not pass for usual, fast enough to follow the hours of the day.
pub const GUARD_BASELINE: Limit<Duration> =
    Limit { min: Duration::from_secs(1), default: Duration::from_mins(10), max: Duration::from_hours(24) };
/// A pause that ends sooner would be back before its cause is gone.
pub const GUARD_HOLD: Limit<Duration> =
    Limit { min: Duration::from_millis(10), default: Duration::from_secs(10), max: Duration::from_hours(1) };

/// Each is a row of the report with its own histograms, some 100 KiB; the rest shares one.
pub const MAX_ENDPOINTS: Limit<usize> = Limit { min: 1, default: 256, max: 10_000 };
/// Answers above this are compared by length and digest.
pub const MAX_CAPTURE: Limit<Size> = sizes(0, MIB, GIB);
/// What a compressed capture may grow to: eight times its own bound.
pub const MAX_DECODED: Limit<Size> = sizes(KIB, 8 * MIB, GIB);

/// Tens of thousands of samples; small enough for any disk.
pub const RECORDS_SIZE: Limit<Size> = sizes(MIB, 256 * MIB, 1024 * GIB);
/// A migration's look back.
pub const RECORDS_AGE: Limit<Duration> = Limit {
    min: Duration::from_mins(1),
    default: Duration::from_hours(30 * 24),
    max: Duration::from_hours(3650 * 24),
};
/// Enough to see a pattern; more of the same teaches nothing.
pub const SAMPLES_PER_SIGNATURE: Limit<usize> = Limit { min: 1, default: 5, max: 1000 };

/// A timeout of at least a millisecond.
const fn seconds(default: u64, max: u64) -> Limit<Duration> {
    Limit {
        min: Duration::from_millis(1),
        default: Duration::from_secs(default),
        max: Duration::from_secs(max),
    }
}

const fn sizes(min: u64, default: u64, max: u64) -> Limit<Size> {
    Limit { min: Size(min), default: Size(default), max: Size(max) }
}
