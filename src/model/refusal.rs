//! Why a request was not mirrored.

/// What was decided about one client request; the label `decision` of `mirror_decisions_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Its copy was handed to the shadow plane.
    Mirrored,
    /// It was served only.
    Refused(Refusal),
}

impl Decision {
    /// The value of the metric label `decision`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Decision::Mirrored => "mirrored",
            Decision::Refused(refusal) => refusal.label(),
        }
    }
}

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal,)+) => {
        /// Why a request was not mirrored; each value is one label value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Refusal {
            /// Every refusal there is.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)+];

            /// The value of the metric label `decision`.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Refusal::$name => $label,)+
                }
            }
        }
    };
}

refusals! {
    /// The sample left it out, or there is no shadow.
    NotSampled = "not_sampled",
    /// Its method is not among `mirror.methods`.
    Method = "method",
    /// No route matched, or it was answered before one was looked for: malformed, in a circle, at its last hop.
    NoRoute = "no_route",
    /// An upgrade or CONNECT: a tunnel has no answer to compare.
    Upgrade = "upgrade",
    /// The body is, or grew, larger than `mirror.max_body`.
    BodyTooLarge = "body_too_large",
    /// It carries the mark: a peer instance mirrors it already.
    Marked = "marked",
    /// Mirroring is paused.
    Paused = "paused",
    /// The shadow failed too often; nothing is sent while it rests.
    BreakerOpen = "breaker_open",
    /// A guard of `[guard]` stopped the mirroring.
    Guard = "guard",
    /// `mirror.max_per_second` was reached.
    Rate = "rate",
    /// `mirror.max_in_flight` was reached.
    InFlight = "in_flight",
    /// `mirror.memory` was used up.
    Memory = "memory",
    /// The channel to the shadow plane was full.
    QueueFull = "queue_full",
    /// The client went away before its request was complete.
    ClientAborted = "client_aborted",
    /// Stable was not reached, or was not sent the whole request.
    StableUnsent = "stable_unsent",
    /// The process is draining.
    Shutdown = "shutdown",
}
