//! How a mirrored request ended on the shadow or on control.

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal, $written:literal,)+) => {
        /// How one mirrored request ended; the label `outcome` of `mirror_outcomes_total`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Outcome {
            /// Every outcome there is.
            pub const ALL: &[Outcome] = &[$(Outcome::$name,)+];

            /// The value of the metric label `outcome`.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Outcome::$name => $label,)+
                }
            }

            /// Whether the request was handed to a connection, so that the backend may have seen it.
            #[must_use]
            pub fn written(self) -> bool {
                match self {
                    $(Outcome::$name => $written,)+
                }
            }
        }
    };
}

outcomes! {
    /// A response was read to its end, or up to the bound on draining.
    Answered = "answered", true,
    /// The deadline passed before anything was written, for want of a connection or of time.
    ConnectTimeout = "connect_timeout", false,
    /// No connection could be made.
    ConnectError = "connect_error", false,
    /// The request was written and the deadline passed.
    Timeout = "timeout", true,
    /// The connection was reset or closed before a whole response came.
    Reset = "reset", true,
    /// What came was not a valid response.
    InvalidResponse = "invalid_response", true,
    /// The copy could not be made into a request for this leg.
    InvalidRequest = "invalid_request", false,
    /// Its deadline had passed while it waited in the queue.
    Expired = "expired", false,
    /// Mirroring was stopped, or the process drained, before it was sent.
    Cancelled = "cancelled", false,
    /// Mirroring was stopped, or the process drained, after it was sent and before its answer was complete.
    Abandoned = "abandoned", true,
    /// A bug in the shadow plane; caught, counted and survived.
    Panicked = "panicked", true,
}
