//! What a comparison found.

use serde::{Deserialize, Serialize};

/// What two answers are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No difference that counts.
    Match,
    /// At least one difference.
    Mismatch,
    /// No statement can be made; [`Incomparable`] says why.
    Incomparable,
}

impl Verdict {
    /// The value of the metric label `verdict`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::Mismatch => "mismatch",
            Verdict::Incomparable => "incomparable",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal,)+) => {
        /// Why no verdict could be reached; the label `reason` of `incomparable_total`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Incomparable {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Incomparable {
            /// Every reason there is.
            pub const ALL: &[Incomparable] = &[$(Incomparable::$name,)+];

            /// The value of the metric label `reason`.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Incomparable::$name => $label,)+
                }
            }
        }
    };
}

reasons! {
    /// The leg under comparison gave no answer.
    NoAnswer = "no_answer",
    /// Stable gave no answer.
    StableNoAnswer = "stable_no_answer",
    /// Stable's answer was cut short, by stable or by the client.
    StableTruncated = "stable_truncated",
    /// Stable's answer was not complete when the pair's time was up.
    StableLate = "stable_late",
    /// The other leg's answer was cut short.
    Truncated = "truncated",
    /// The byte budget left no room for a capture.
    Memory = "memory",
    /// The other leg's body went on past the bound up to which it is drained.
    TooLong = "too_long",
    /// Only one of the bodies is over the cap and their lengths cannot be told apart honestly.
    OverCap = "over_cap",
    /// A Content-Encoding is unknown or its data is broken.
    Encoding = "encoding",
    /// The decoded body is larger than the cap on decoded bytes.
    DecodedTooLarge = "decoded_too_large",
    /// A bound on depth, nodes or steps of one comparison was reached.
    Budget = "budget",
    /// A bug in the comparison; caught, counted and survived.
    Panicked = "panicked",
    /// Its rules, its version or its shadow gave way to others before its pair was there: it is evidence of neither.
    EpochEnded = "epoch_ended",
    /// Mirroring was stopped first, by a pause, a share of 0 or a guard.
    Stopped = "stopped",
    /// The process ended first.
    Shutdown = "shutdown",
}

/// Which part of an answer a difference lies in; the label `part` of `differences_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The status code.
    Status,
    /// A field of the head.
    Header,
    /// The body.
    Body,
    /// A trailer field.
    Trailer,
}

impl Part {
    /// The value of the metric label `part`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Part::Status => "status",
            Part::Header => "header",
            Part::Body => "body",
            Part::Trailer => "trailer",
        }
    }
}

/// In which way two answers differ at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Stable has it; the other answer does not.
    Missing,
    /// The other answer has it; stable does not.
    Added,
    /// Both have it, with other values.
    Value,
    /// Both have it, with values of different types.
    Type,
    /// Lists, texts or byte strings of different lengths.
    Length,
    /// The same items in another order.
    Order,
}

impl Kind {
    /// The word used in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Added => "added",
            Kind::Value => "value",
            Kind::Type => "type",
            Kind::Length => "length",
            Kind::Order => "order",
        }
    }
}

/// How much a reader should mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Additions, order.
    Low,
    /// Values, lengths.
    Medium,
    /// Something gone or of another type, another status.
    High,
}

/// One place where two answers disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, without indices, so that equal faults group: `$.items[*].price`, `status`, `header:content-type`.
    pub path: String,
    /// Where exactly: an RFC 6901 pointer into a JSON body, `line 3` of a text, `byte 17` of other content; empty otherwise.
    pub pointer: String,
    /// Which part of the answer.
    pub part: Part,
    /// In which way.
    pub kind: Kind,
    /// How much to mind.
    pub severity: Severity,
    /// Stable's value, trimmed to a bound; `None` where it has none.
    pub stable: Option<String>,
    /// The other leg's value, trimmed to a bound; `None` where it has none.
    pub shadow: Option<String>,
}

/// The whole finding about one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The finding in a word.
    pub verdict: Verdict,
    /// Set exactly when the verdict is [`Verdict::Incomparable`].
    pub reason: Option<Incomparable>,
    /// At most the bound of the rules; more than one may lie at one path.
    pub differences: Vec<Difference>,
    /// How many differences were found beyond the bound and not kept.
    pub omitted: usize,
    /// For each rule, by its index in the rules, how many differences it hid; empty when no rule hid any.
    pub hidden: Vec<u32>,
    /// For each rule, by its index in the rules, how many places it selected in what had to be looked at (parts equal
    /// byte for byte are not); empty when no rule selected any. A rule at 0 over many pairs matches nothing.
    pub selected: Vec<u32>,
}

impl Comparison {
    /// A comparison that could not be made.
    #[must_use]
    pub fn incomparable(reason: Incomparable) -> Self {
        Comparison {
            verdict: Verdict::Incomparable,
            reason: Some(reason),
            differences: Vec::new(),
            omitted: 0,
            hidden: Vec::new(),
            selected: Vec::new(),
        }
    }
}
