//! The file as written: every key with its documentation, its type and its default. Reader, schema and defaults come from here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderName, Method};
use ipnet::IpNet;

use super::limits;
use super::section::{At, Key, Section, Spec, section};
use super::value::{
    AccessLog, HeaderSet, HostName, Instance, JsonPath, Mark, MinVersion, Redaction, Secret, Size, Suffix,
    Template,
};
use crate::compare::Numbers;
use crate::gate::{Credentials, SampleBy};
use crate::live::settings::{Forwarded, RequestId, Trace, Via};
use crate::live::{ClientAuth, Protocol};
use crate::model::Ppm;
use crate::upstream::{Balance, HostPolicy, HttpVersion, Origin, ProxyProtocol};

section! {
    /// A whole file.
    File {
        /// Where clients connect, and what they may take.
        listen: Listen,
        /// The backend whose answer the client gets.
        stable: Leg,
        /// The backend under trial; its answers are compared and thrown away. Without it this is a plain proxy.
        shadow: Shadow,
        /// A second asking of the stable code, to learn how much stable differs from itself. What is left out is stable's.
        control: Control,
        /// How much is mirrored, and within which bounds. Required where there is a shadow.
        mirror: Mirror,
        /// When a shadow that fails is left alone.
        breaker: Breaker,
        /// When mirroring stops by itself, for the customers' sake.
        guard: Guard,
        /// How answers are compared, and what is left out or hidden.
        compare: Compare,
        /// Routes, the first match wins; what one leaves out is inherited from the top. Without any, one named `default` takes everything.
        route: Vec<At<Route>>,
        /// The evidence kept on disk.
        records: Records,
        /// Health, metrics, report and commands.
        admin: Admin,
    }
}

section! {
    /// `[listen]`
    Listen {
        /// IP address and port. Required.
        address: SocketAddr,
        /// Live threads, each with its own connections; 0 takes one for each core.
        workers: usize = limits::WORKERS,
        /// Client connections open at once, over all workers.
        max_connections: usize = limits::MAX_CONNECTIONS,
        /// How long a request head may take from its first byte on.
        header_timeout: Duration = limits::HEADER_TIMEOUT,
        /// How long a kept-alive connection may wait for its next request.
        idle_timeout: Duration = limits::CLIENT_IDLE_TIMEOUT,
        /// How long the next piece of a request body may take while stable would take it.
        body_timeout: Duration = limits::BODY_TIMEOUT,
        /// How long a client may take nothing of an answer that waits for it.
        write_timeout: Duration = limits::WRITE_TIMEOUT,
        /// How long nothing may pass in a tunnel, such as a websocket's, before it is closed.
        tunnel_timeout: Duration = limits::TUNNEL_TIMEOUT,
        /// How long requests in flight may take once a stop was asked for.
        drain_timeout: Duration = limits::DRAIN_TIMEOUT,
        /// Largest request head.
        max_header_bytes: Size = limits::MAX_HEADER_BYTES,
        /// Longest request target.
        max_target_bytes: Size = limits::MAX_TARGET_BYTES,
        /// Most fields in a request head, and in its trailers.
        max_fields: usize = limits::MAX_FIELDS,
        /// Whether other processes may listen at the same address (`SO_REUSEPORT`), so that a new one starts before the old one ends.
        reuse_port: bool = Spec::plain(false),
        /// Protocols that clients may ask for with `Upgrade` and are tunnelled if stable consents; what is not listed is taken off.
        upgrades: Vec<Protocol> = Spec::plain(upgrades()),
        /// Peers whose X-Forwarded-* are believed: addresses or networks.
        trusted_proxies: Vec<IpNet> = Spec::plain(Vec::new()),
        /// Whether connections of trusted proxies (of everybody, where none is named) begin with a header of the PROXY protocol.
        proxy_protocol: bool = Spec::plain(false),
        /// Requests that one HTTP/2 connection may have open at once.
        max_streams: u32 = limits::MAX_STREAMS,
        /// Whether clients of HTTP/2 may ask for websockets by an extended CONNECT (RFC 8441), each on a stream of its own.
        extended_connect: bool = Spec::plain(false),
        /// Connections that one client address may have open at once; 0 is no bound.
        max_connections_per_address: usize = limits::MAX_CONNECTIONS_PER_ADDRESS,
        /// Requests that one connection may have in all, before its client must make another; 0 is no bound.
        max_requests_per_connection: usize = limits::MAX_REQUESTS_PER_CONNECTION,
        /// How long a TLS handshake may take.
        handshake_timeout: Duration = limits::HANDSHAKE_TIMEOUT,
        /// TLS handshakes under way at once, over all workers; connections beyond it are closed.
        max_handshakes: usize = limits::MAX_HANDSHAKES,
        /// How the legs are told who asked: `x-forwarded` (X-Forwarded-For, -Proto, -Host, -Port), `rfc7239` (Forwarded) or `both`.
        forwarded: Forwarded = Spec::plain(Forwarded::XForwarded),
        /// Which messages get Via: `requests`, `both` (answers too) or `off`; a request that passed here before is answered 508.
        via: Via = Spec::plain(Via::Requests),
        /// What tells this instance from others in Via: letters, digits, `-`, `_` and `.`; drawn at each start if left out.
        instance: Instance,
        /// Whose X-Request-Id is kept: `trusted` (that of `trusted_proxies`), `keep` (everybody's), `make` (nobody's); others get a new one. `off` does not touch it.
        request_id: RequestId = Spec::plain(RequestId::Trusted),
        /// What becomes of traceparent and tracestate: `propagate` (each leg gets a parent id of its own), `pass` (untouched) or `off` (removed).
        trace: Trace = Spec::plain(Trace::Propagate),
        /// Whether TRACE requests are forwarded, without their credentials; otherwise they are answered 405.
        trace_method: bool = Spec::plain(false),
        /// One line of JSON for each request: `off`, `stdout` or a file, which is opened anew at each reload.
        access_log: AccessLog = Spec::plain(AccessLog(None)),
        /// Whether the access log has the query too, with what secrets it may hold.
        access_log_query: bool = Spec::plain(false),
        /// What TLS is spoken with; without it clients speak in the clear.
        tls: Tls,
    }
}

section! {
    /// `listen.tls`
    Tls {
        /// PEM file with the certificate, and after it those that lead to its root. Required.
        cert: PathBuf,
        /// PEM file with its private key. Required.
        key: PathBuf,
        /// More certificates, each shown to clients that ask for one of its names; everybody else is shown the first.
        certificates: Vec<At<CertificatePair>>,
        /// PEM file with the roots of clients' certificates; with it clients are asked for one.
        client_ca: PathBuf,
        /// Whether a client must show a certificate: `required` or `optional`. Only with `client_ca`.
        client_auth: ClientAuth = Spec::plain(ClientAuth::Required),
        /// Field that tells stable whom a client's certificate names, as `uri:`, `dns:`, `email:` or `cn:` and a name; what clients send in it is removed.
        identity_header: HeaderName,
        /// Lowest version of TLS: `1.2` or `1.3`.
        min_version: MinVersion = Spec::plain(MinVersion::Tls12),
    }
}

section! {
    /// An entry of `listen.tls.certificates`.
    CertificatePair {
        /// PEM file with the certificate and its chain. Required.
        cert: PathBuf,
        /// PEM file with its private key. Required.
        key: PathBuf,
    }
}

section! {
    /// `[stable]`, and the keys that every leg has.
    Leg {
        /// Scheme (http or https), host and port, without a path. Required for stable and shadow; control's defaults to stable's.
        url: Origin,
        /// Several of them instead, all of one scheme; each address of each name takes its share.
        urls: Vec<Origin>,
        /// Which address takes the next request: `least_requests` (of two drawn at random the one with fewer under way) or `round_robin`.
        balance: Balance = Spec::plain(Balance::LeastRequests),
        /// The version of HTTP, `http1` or `http2`; left out, https legs choose by ALPN and http legs are spoken to in HTTP/1.1.
        protocol: HttpVersion,
        /// With which header of the PROXY protocol each connection begins: `off`, `v1` or `v2`. A connection then carries one client's requests alone, in HTTP/1.1.
        proxy_protocol: ProxyProtocol = Spec::plain(ProxyProtocol::Off),
        /// How https is spoken.
        tls: LegTls,
        /// The Host that the leg is sent: `preserve` (the client's), `upstream` (the url's) or a name.
        host: HostPolicy = Spec::plain(HostPolicy::Preserve),
        /// How long making a connection may take, its TLS handshake included.
        connect_timeout: Duration = limits::CONNECT_TIMEOUT,
        /// How long the response head may take from the last piece of the request that went to the leg.
        response_timeout: Duration = limits::RESPONSE_TIMEOUT,
        /// How long an answer may pause once its head came.
        body_timeout: Duration = limits::BODY_TIMEOUT,
        /// Idle connections kept for each worker.
        max_idle: usize = limits::MAX_IDLE,
        /// How long an idle connection is kept; shorter than the server's own keep-alive.
        idle_timeout: Duration = limits::LEG_IDLE_TIMEOUT,
        /// Requests under way for each worker, and so its connections in use.
        max_connections: usize = limits::LEG_CONNECTIONS,
        /// Requests that may wait for one of them, for each worker.
        max_queue: usize = limits::LEG_QUEUE,
        /// How long they may wait.
        queue_timeout: Duration = limits::QUEUE_TIMEOUT,
        /// Time between two resolutions of a name; the last good answer is kept while none comes.
        resolve_interval: Duration = limits::RESOLVE_INTERVAL,
        /// When one of several addresses is left out because of how it answers.
        ejection: EjectionKeys,
        /// How addresses are asked whether they are well. Without it none is asked.
        health: HealthKeys,
    }
}

section! {
    /// `tls` of a leg.
    LegTls {
        /// PEM file of the authorities whose certificates are believed, instead of the system's.
        ca: PathBuf,
        /// PEM file of our certificate and its chain, for a leg that wants to know who asks.
        cert: PathBuf,
        /// PEM file of its private key.
        key: PathBuf,
        /// Name that is asked for (SNI) and that the certificate must be for, instead of the url's host.
        server_name: HostName,
        /// Believes every certificate: whoever is in between can read and answer everything.
        insecure_skip_verify: bool = Spec::plain(false),
    }
}

section! {
    /// `ejection` of a leg.
    EjectionKeys {
        /// Failures in a row (no connection, none in time, a broken one, a 502, 503 or 504); 0 never leaves an address out.
        failures: u32 = limits::EJECTION_FAILURES,
        /// How long it is left out the first time; each time after it twice as long, up to five minutes.
        rest: Duration = limits::EJECTION_REST,
    }
}

section! {
    /// `health` of a leg.
    HealthKeys {
        /// What is asked for, by GET; any status from 200 to 399 is well. Required.
        path: PathAndQuery,
        /// Time between two questions to an address.
        interval: Duration = limits::HEALTH_INTERVAL,
        /// How long an answer may take.
        timeout: Duration = limits::HEALTH_TIMEOUT,
        /// Good answers in a row that bring an address back.
        healthy_after: u32 = limits::HEALTHY_AFTER,
        /// Bad answers in a row that take it out.
        unhealthy_after: u32 = limits::UNHEALTHY_AFTER,
    }
}

section! {
    /// `shadow` of a route.
    RouteShadow {
        ..leg: Leg,
        /// Bound on the whole exchange with shadow or control, queue included; a later answer is an outcome `timeout`.
        timeout: Duration = limits::SHADOW_TIMEOUT,
    }
}

section! {
    /// `[shadow]`
    Shadow {
        ..base: RouteShadow,
        /// What is under trial, in your words; a new value starts a new epoch of evidence.
        version: String,
    }
}

section! {
    /// `[control]`
    Control {
        ..leg: Leg,
        /// Which share of the mirrored requests control is asked for too. Required.
        percent: Ppm,
    }
}

section! {
    /// `mirror` of a route.
    RouteMirror {
        /// Share of the requests that is mirrored: 0 to 100, down to 0.0001. Required where there is a shadow.
        percent: Ppm,
        /// What decides alike: `random`, `client_ip`, `trace`, `header:NAME`, `cookie:NAME` or `query:NAME`.
        sample_by: SampleBy = Spec::plain(SampleBy::Random),
        /// Key of the sampling hash: instances with the same seed decide alike for the same key.
        seed: u64 = Spec::plain(limits::SEED),
        /// Methods that may be mirrored. Others change something on most services, and would change it twice.
        methods: Vec<Method> = Spec::plain(vec![Method::GET, Method::HEAD, Method::OPTIONS]),
        /// Largest request body that is copied; a request with a larger one is served, not mirrored.
        max_body: Size = limits::MAX_BODY,
        /// Whether the copy carries the client's credentials: `keep`, or `remove` (Authorization, Proxy-Authorization, Cookie, and the usual fields of keys and tokens).
        credentials: Credentials = Spec::plain(Credentials::Keep),
        /// Put behind the copy's Idempotency-Key, with the leg's name behind it, so that no leg takes a copy for a request that it has answered.
        idempotency_suffix: Suffix,
    }
}

section! {
    /// `[mirror]`
    Mirror {
        ..share: RouteMirror,
        /// Mirrored requests between their admission and the end of their comparison.
        max_in_flight: usize = limits::MAX_IN_FLIGHT,
        /// Mirrored requests admitted in a second.
        max_per_second: u32 = limits::MAX_PER_SECOND,
        /// The time whose share of `max_per_second` may come at once, and at least one request.
        burst: Duration = limits::BURST,
        /// How long what is under way to shadow and control may go on once mirroring is stopped; then it is cut off.
        drain: Duration = limits::MIRROR_DRAIN,
        /// Bytes held by request copies, captures and queued pairs in all.
        memory: Size = limits::MEMORY,
        /// Edits of the copy's header; the live request is never edited.
        headers: HeaderEdits,
        /// Name of the field that marks the copy, so that it is not mirrored again; or `off`.
        mark: Mark = Spec::plain(Mark(Some(HeaderName::from_static("umbrage-shadow")))),
        /// Added to the niceness of the shadow plane: the higher, the more it gives way to customers.
        nice: i32 = limits::NICE,
        /// Bytes of a response that are read beyond the capture, for its digest and so that its connection can be used again.
        max_drain: Size = limits::MAX_DRAIN,
    }
}

section! {
    /// `mirror.headers`
    HeaderEdits {
        /// Fields set on the copy.
        set: HeaderSet = Spec::plain(HeaderSet::default()),
        /// Fields removed from the copy.
        remove: Vec<HeaderName> = Spec::plain(Vec::new()),
    }
}

section! {
    /// `[breaker]`
    Breaker {
        /// Failures in a row after which nothing is sent to a shadow; 0 never leaves one alone.
        failures: u32 = limits::BREAKER_FAILURES,
        /// Share of failures within `window` that does the same, in percent.
        failing_percent: Ppm = Spec::plain(limits::BREAKER_FAILING),
        /// The time that the share is taken of.
        window: Duration = limits::BREAKER_WINDOW,
        /// Requests that a share is taken of at least.
        min_requests: u32 = limits::BREAKER_REQUESTS,
        /// How long nothing is sent at first; doubled each time that the request which tries it fails.
        rest: Duration = limits::BREAKER_REST,
        /// The longest rest.
        max_rest: Duration = limits::BREAKER_MAX_REST,
        /// How long the share grows back to all of what is sampled, once a request was answered.
        recovery: Duration = limits::BREAKER_RECOVERY,
    }
}

section! {
    /// `[guard]`
    Guard {
        /// Delay of a live worker that stops the mirroring; "0s" switches this guard off.
        loop_delay: Duration = limits::GUARD_LOOP_DELAY,
        /// Client requests being served that do, in percent of `listen.max_connections`; 0 switches it off.
        in_flight: Ppm = Spec::plain(limits::GUARD_IN_FLIGHT),
        /// Memory in use that does, in percent of the limit of the control group, else of the machine's; 0 switches it off.
        memory: Ppm = Spec::plain(limits::GUARD_SHORT),
        /// Open descriptors that do, in percent of their limit; 0 switches it off.
        descriptors: Ppm = Spec::plain(limits::GUARD_SHORT),
        /// How many times its usual share of errors stable has when they do; 0 switches it off.
        stable_errors: u32 = limits::GUARD_FACTOR,
        /// Share of errors, in percent, below which they never do.
        stable_errors_floor: Ppm = Spec::plain(limits::GUARD_ERRORS_FLOOR),
        /// How many times its usual value stable's 99th percentile of latency has when it does; 0 switches it off.
        stable_latency: u32 = limits::GUARD_FACTOR,
        /// Latency below which it never does.
        stable_latency_floor: Duration = limits::GUARD_LATENCY_FLOOR,
        /// Requests that errors and latency are taken of at least.
        min_requests: u32 = limits::GUARD_REQUESTS,
        /// The time that they are taken of.
        window: Duration = limits::GUARD_WINDOW,
        /// The time over which is learned what is usual.
        baseline: Duration = limits::GUARD_BASELINE,
        /// How long a guard has to read less than four fifths of its bound before mirroring goes on.
        hold: Duration = limits::GUARD_HOLD,
    }
}

section! {
    /// `compare` of a route.
    RouteCompare {
        /// Which fields are compared.
        headers: IgnoredHeaders,
        /// When two JSON numbers are the same: `value` (1, 1.0 and 1e0 are) or `written` (they differ).
        numbers: Numbers = Spec::plain(Numbers::Value),
        /// JSON path queries (RFC 9535); what they select in a JSON body is not compared.
        ignore: Vec<JsonPath> = Spec::plain(Vec::new()),
        /// Path templates by which evidence is grouped; other paths are inferred.
        endpoints: Vec<Template> = Spec::plain(Vec::new()),
        /// What is replaced by a keyed hash before anything is stored or shown, beside Authorization, Cookie and Set-Cookie: `header:NAME` or a JSON path.
        redact: Vec<Redaction> = Spec::plain(Vec::new()),
    }
}

section! {
    /// `[compare]`
    Compare {
        ..rules: RouteCompare,
        /// Endpoints told apart; the rest shares one.
        max_endpoints: usize = limits::MAX_ENDPOINTS,
        /// Largest response body that is compared in full; larger ones are compared by length and digest.
        max_body: Size = limits::MAX_CAPTURE,
        /// Largest body after its Content-Encoding is undone.
        max_decoded: Size = limits::MAX_DECODED,
    }
}

section! {
    /// `compare.headers`
    IgnoredHeaders {
        /// Fields that are not compared, beside the defaults.
        ignore: Vec<HeaderName> = Spec::plain(Vec::new()),
        /// Whether the default list of ignored fields holds too.
        defaults: bool = Spec::plain(true),
    }
}

section! {
    /// `[[route]]`
    Route {
        /// Unique; the metric label `route`. Lower-case letters, digits, `-` and `_`. Required.
        name: String,
        /// What the route takes; a condition that is left out holds for every request.
        r#match: Match,
        /// Where its requests are answered.
        stable: Leg,
        /// Against what it is tried.
        shadow: RouteShadow,
        /// The second asking of its stable.
        control: Control,
        /// How much of it is mirrored.
        mirror: RouteMirror,
        /// How its answers are compared.
        compare: RouteCompare,
    }
}

section! {
    /// `match` of a route.
    Match {
        /// Path template: `{name}` stands for one segment, a last `{*name}` for any rest.
        path: Template,
        /// Methods; an empty list is no condition.
        methods: Vec<Method> = Spec::plain(Vec::new()),
        /// Host names without port; an empty list is no condition.
        hosts: Vec<HostName> = Spec::plain(Vec::new()),
    }
}

section! {
    /// `[records]`
    Records {
        /// Folder of the store, relative to the working directory; made if it is not there.
        dir: PathBuf = Spec::plain(PathBuf::from("umbrage-data")),
        /// Bound on the store; the oldest samples go first.
        max_size: Size = limits::RECORDS_SIZE,
        /// Samples and epochs older than this go.
        max_age: Duration = limits::RECORDS_AGE,
        /// Samples kept for each kind of difference.
        samples_per_signature: usize = limits::SAMPLES_PER_SIGNATURE,
    }
}

section! {
    /// `[admin]`
    Admin {
        /// IP address and port; any other than loopback needs a token.
        address: SocketAddr = Spec::plain(SocketAddr::from(([127, 0, 0, 1], 9901))),
        /// Bearer token that commands and pages ask for.
        token: Secret,
        /// File that holds the token, instead of `token`.
        token_file: PathBuf,
    }
}

fn upgrades() -> Vec<Protocol> {
    Protocol::parse("websocket").into_iter().collect()
}

/// The section that knows a key of that name, for a key that stands in a wrong place.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    static HOMES: LazyLock<Vec<(String, Vec<Key>)>> = LazyLock::new(|| {
        let inner = |key: Key| (key.name != "route").then(|| (key.name.to_owned(), key.inner));
        File::keys().into_iter().filter_map(inner).collect()
    });
    let home = HOMES.iter().find(|(_, keys)| keys.iter().any(|key| key.name == name))?;
    Some(home.0.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented() {
        fn walk(keys: &[Key]) {
            for key in keys {
                assert!(key.doc.len() > 10 && key.doc.ends_with('.'), "{}: {}", key.name, key.doc);
                walk(&key.inner);
            }
        }
        walk(&File::keys());
    }

    #[test]
    fn a_key_knows_its_section() {
        assert_eq!(home_of("max_in_flight"), Some("mirror"));
        assert_eq!(home_of("drain_timeout"), Some("listen"));
        assert_eq!(home_of("version"), Some("shadow"));
        assert_eq!(home_of("banana"), None);
    }
}
