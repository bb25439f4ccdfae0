//! Why a head is not passed on.

/// What is wrong with the bytes of a client; the rest of its connection cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Fault {
    /// It is no request, or one that two servers would read in two ways.
    Malformed(&'static str),
    /// The target is longer than `listen.max_target_bytes`.
    TargetTooLong,
    /// The head is larger than `listen.max_header_bytes`, or has more than `listen.max_fields`.
    FieldsTooLarge,
    /// CONNECT: hyper would keep the connection for a tunnel that nobody opens.
    Connect,
    /// A version of HTTP that is not served.
    Version,
    /// A transfer coding other than chunked.
    Coding,
}
