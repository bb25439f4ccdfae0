//! What is kept: epochs, tallies, coverage and samples, each with a bound on its size.

use serde::{Deserialize, Serialize};

use crate::model::Difference;

/// One thing to be kept. Every record is an upsert, so offering it again is harmless.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An epoch began.
    Epoch(EpochRow),
    /// The counts of one endpoint as they stand now.
    Tally(TallyRow),
    /// How much of the traffic the evidence of an epoch rests on, as it stands now.
    Coverage {
        /// The epoch's number.
        epoch: u64,
        /// The evidence plane's own JSON, opaque here.
        json: String,
    },
    /// One pair worth showing.
    Sample(Box<Sample>),
}

/// A stretch of evidence under one shadow version and one set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Counts up; the highest is in force.
    pub number: u64,
    /// What makes it one epoch (version, shadow address, rules); another key starts another epoch.
    pub key: String,
    /// When it began, in milliseconds since the Unix epoch; the first value written stays.
    pub started_unix_ms: u64,
    /// The shadow's version as configured.
    pub version: Option<String>,
}

/// The counts of one endpoint in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    /// The epoch's number.
    pub epoch: u64,
    /// The configured route.
    pub route: String,
    /// Method and path template.
    pub endpoint: String,
    /// Pairs compared.
    pub compared: u64,
    /// Of those, how many differed.
    pub mismatched: u64,
    /// The evidence plane's own JSON, opaque here.
    pub data: String,
}

/// A request, the answers to it and where they differ; redacted before it gets here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What it is asked for by; unique, chosen by who offers it.
    pub id: String,
    /// The epoch's number.
    pub epoch: u64,
    /// The configured route.
    pub route: String,
    /// Method and path template.
    pub endpoint: String,
    /// What is alike in the samples of one set: `part:path:kind`.
    pub signature: String,
    /// Its place in the set of its signature; a later sample in the same place takes it over.
    pub slot: u32,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub taken_unix_ms: u64,
    /// What was asked.
    pub request: SampleMessage,
    /// Stable's answer.
    pub stable: SampleMessage,
    /// The shadow's answer.
    pub shadow: SampleMessage,
    /// Control's answer, where it was asked.
    pub control: Option<SampleMessage>,
    /// Where stable and shadow disagree.
    pub differences: Vec<Difference>,
}

/// A request or an answer as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleMessage {
    /// Method and target, or status, or why there is no answer.
    pub line: String,
    /// Fields in their order, repeated ones repeated.
    pub headers: Vec<(String, String)>,
    /// What is shown of the body.
    pub body: Excerpt,
    /// Trailer fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<(String, String)>,
}

/// The beginning of a body, or why it is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// At most [`Excerpt::MAX`] bytes of it.
    pub text: String,
    /// Length of the whole body in bytes, where it is known.
    pub length: Option<u64>,
    /// Set when the text is not the whole body: what was left out and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<String>,
}

/// One line about a sample, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSummary {
    /// What [`super::Reader::sample`] takes.
    pub id: String,
    /// The epoch's number.
    pub epoch: u64,
    /// The configured route.
    pub route: String,
    /// Method and path template.
    pub endpoint: String,
    /// `part:path:kind`.
    pub signature: String,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub taken_unix_ms: u64,
}

/// Bytes of a name: route, endpoint, signature, key.
const MAX_NAME: usize = 1024;
/// Bytes of a first line, and of a reason.
const MAX_LINE: usize = 2048;
/// Bytes of a field's name.
const MAX_FIELD_NAME: usize = 128;
/// Bytes of a field's value.
const MAX_FIELD_VALUE: usize = 768;
/// Fields of one head.
const MAX_FIELDS: usize = 64;
/// Fields of one trailer.
const MAX_TRAILERS: usize = 8;
/// Bytes of a difference's path, pointer and each of its values.
const MAX_DIFFERENCE: usize = 256;
/// Differences of one sample.
const MAX_DIFFERENCES: usize = 100;
/// What a row costs beside its strings, in bytes; an estimate.
const ROW: usize = 64;

impl TallyRow {
    /// Largest [`TallyRow::data`] in bytes: within it a row with the longest names is taken as a record.
    pub const MAX_DATA: usize = Record::MAX - ROW - 2 * MAX_NAME;
}

impl Record {
    /// Largest record that is taken, in bytes of its strings.
    pub const MAX: usize = 512 * 1024;

    /// What it weighs, in bytes of its strings and a little for each of them.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Record::Epoch(row) => ROW + row.key.len() + row.version.as_ref().map_or(0, String::len),
            Record::Tally(row) => ROW + row.route.len() + row.endpoint.len() + row.data.len(),
            Record::Coverage { json, .. } => ROW + json.len(),
            Record::Sample(sample) => sample.weight(),
        }
    }

    /// Cuts a sample to its bounds; other records are left as they are.
    pub(super) fn bound(&mut self) {
        if let Record::Sample(sample) = self {
            sample.bound();
        }
    }
}

impl Sample {
    fn messages(&mut self) -> impl Iterator<Item = &mut SampleMessage> {
        [&mut self.request, &mut self.stable, &mut self.shadow].into_iter().chain(self.control.as_mut())
    }

    fn weight(&self) -> usize {
        let messages = [Some(&self.request), Some(&self.stable), Some(&self.shadow), self.control.as_ref()];
        let text = |value: &Option<String>| value.as_ref().map_or(0, String::len);
        ROW + self.route.len()
            + self.endpoint.len()
            + self.signature.len()
            + messages.into_iter().flatten().map(SampleMessage::weight).sum::<usize>()
            + self
                .differences
                .iter()
                .map(|d| ROW + d.path.len() + d.pointer.len() + text(&d.stable) + text(&d.shadow))
                .sum::<usize>()
    }

    /// Cuts every part to its bound, so that every sample weighs less than [`Record::MAX`], whatever it was made from.
    fn bound(&mut self) {
        for name in [&mut self.id, &mut self.route, &mut self.endpoint, &mut self.signature] {
            trim(name, MAX_NAME);
        }
        self.messages().for_each(SampleMessage::bound);
        self.differences.truncate(MAX_DIFFERENCES);
        for difference in &mut self.differences {
            let texts = [&mut difference.path, &mut difference.pointer];
            let values = difference.stable.iter_mut().chain(&mut difference.shadow);
            texts.into_iter().chain(values).for_each(|text| trim(text, MAX_DIFFERENCE));
        }
    }
}

impl SampleMessage {
    fn weight(&self) -> usize {
        let fields = self.headers.iter().chain(&self.trailers);
        ROW + self.line.len()
            + self.body.text.len()
            + self.body.omitted.as_ref().map_or(0, String::len)
            + fields.map(|(name, value)| ROW + name.len() + value.len()).sum::<usize>()
    }

    /// Cuts line, fields and excerpt to their bounds.
    pub(super) fn bound(&mut self) {
        trim(&mut self.line, MAX_LINE);
        for (fields, most) in [(&mut self.headers, MAX_FIELDS), (&mut self.trailers, MAX_TRAILERS)] {
            if fields.len() > most {
                let more = fields.len() - (most - 1);
                fields.truncate(most - 1);
                fields.push(("…".to_owned(), format!("{more} more fields")));
            }
            for (name, value) in fields {
                trim(name, MAX_FIELD_NAME);
                trim(value, MAX_FIELD_VALUE);
            }
        }
        if self.body.text.len() > Excerpt::MAX {
            trim(&mut self.body.text, Excerpt::MAX);
            self.body
                .omitted
                .get_or_insert_with(|| format!("only the first {} bytes are kept", Excerpt::MAX));
        }
        self.body.omitted.iter_mut().for_each(|reason| trim(reason, MAX_LINE));
    }
}

impl Excerpt {
    /// Bytes kept of one body.
    pub const MAX: usize = 4096;
}

/// Cuts a string to at most `max` bytes, at a character's boundary, with an ellipsis where something went.
pub(super) fn trim(text: &mut String, max: usize) {
    const ELLIPSIS: &str = "…";
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max.saturating_sub(ELLIPSIS.len())));
        text.push_str(ELLIPSIS);
        text.shrink_to_fit();
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
