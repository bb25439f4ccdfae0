//! Compares what was captured of two bodies: equal bytes first, then digests, then decoded content.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::findings::Findings;
use super::{binary, content, decode, media};
use crate::model::{Absent, Answer, Capture, Chunks, Incomparable};

/// Compares the bodies of two answers.
///
/// # Errors
/// The reason for which no statement about the bodies can be made.
pub(super) fn compare(
    stable: &Answer,
    other: &Answer,
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    match (&stable.body, &other.body) {
        (Capture::Absent(absent), _) => Err(match absent {
            Absent::Truncated => Incomparable::StableTruncated,
            Absent::Memory => Incomparable::Memory,
            Absent::TooLong => Incomparable::TooLong,
        }),
        (_, Capture::Absent(absent)) => Err(match absent {
            Absent::Truncated => Incomparable::Truncated,
            Absent::Memory => Incomparable::Memory,
            Absent::TooLong => Incomparable::TooLong,
        }),
        (Capture::Complete(left), Capture::Complete(right)) => {
            if left.is_empty() && right.is_empty() {
                return Ok(());
            }
            if equal(left, right) && decode::codings(&stable.headers) == decode::codings(&other.headers) {
                return Ok(());
            }
            decoded((&stable.headers, left), (&other.headers, right), findings)
        }
        (left, right) => digests((&stable.headers, left), (&other.headers, right), findings),
    }
}

type Body<'a, B> = (&'a HeaderMap, &'a B);

/// Compares by content, after every Content-Encoding is undone.
fn decoded(
    (stable_head, stable): Body<'_, Chunks>,
    (other_head, other): Body<'_, Chunks>,
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    let cap = findings.rules().settings().max_decoded;
    let stable = decode::decode(whole(stable), &decode::codings(stable_head), cap)?;
    let other = decode::decode(whole(other), &decode::codings(other_head), cap)?;
    content::compare((&stable, media_type(stable_head)), (&other, media_type(other_head)), findings)
}

/// A complete body without its Content-Encoding; `None` where it has none, or cannot be decoded within the cap.
pub(super) fn plain(answer: &Answer, cap: usize) -> Option<Vec<u8>> {
    let codings = decode::codings(&answer.headers);
    let Capture::Complete(body) = &answer.body else { return None };
    if codings.is_empty() {
        return None;
    }
    decode::decode(whole(body), &codings, cap).ok().map(std::borrow::Cow::into_owned)
}

/// Compares bodies of which at least one went over the cap, by length and hash.
///
/// Other lengths or hashes prove a difference only where they say something about the content: not under a
/// Content-Encoding, where equal content may have other bytes, and not in JSON with rules that would have to be applied.
fn digests(
    (stable_head, stable): Body<'_, Capture>,
    (other_head, other): Body<'_, Capture>,
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    let (stable_codings, other_codings) = (decode::codings(stable_head), decode::codings(other_head));
    let (Some(stable_len), Some(other_len)) = (stable.len(), other.len()) else {
        return Err(Incomparable::OverCap);
    };
    let same_length = stable_len == other_len;
    if same_length && stable_codings == other_codings && hash(stable) == hash(other) {
        return Ok(());
    }
    let json = |head| matches!(media::class(media_type(head)), media::Class::Json | media::Class::Unknown);
    let ruled = findings.rules().has_paths() && (json(stable_head) || json(other_head));
    if ruled || !stable_codings.is_empty() || !other_codings.is_empty() {
        return Err(Incomparable::OverCap);
    }
    if same_length {
        binary::other_hash(stable_len, findings);
    } else {
        binary::other_length(stable_len, other_len, None, findings);
    }
    Ok(())
}

fn hash(capture: &Capture) -> Option<[u8; 32]> {
    match capture {
        Capture::Complete(chunks) => {
            let mut hasher = blake3::Hasher::new();
            for chunk in chunks.iter() {
                hasher.update(chunk);
            }
            Some(hasher.finalize().into())
        }
        Capture::Digest { hash, .. } => Some(*hash),
        Capture::Absent(_) => None,
    }
}

/// Whether two bodies hold the same bytes, however they are cut into pieces; nothing is joined for it.
fn equal(stable: &Chunks, other: &Chunks) -> bool {
    if stable.len() != other.len() {
        return false;
    }
    let mut rest: &[u8] = &[];
    let mut others = other.iter();
    for chunk in stable.iter() {
        let mut chunk: &[u8] = chunk;
        while !chunk.is_empty() {
            if rest.is_empty() {
                let Some(next) = others.next() else { return false };
                rest = next;
            }
            let step = chunk.len().min(rest.len());
            if chunk[..step] != rest[..step] {
                return false;
            }
            chunk = &chunk[step..];
            rest = &rest[step..];
        }
    }
    true
}

/// The body in one piece; copied only when it came in several.
fn whole(chunks: &Chunks) -> Cow<'_, [u8]> {
    let mut parts = chunks.iter();
    match (parts.next(), parts.next()) {
        (None, _) => Cow::Borrowed(&[]),
        (Some(only), None) => Cow::Borrowed(only),
        _ => {
            let mut joined = Vec::with_capacity(chunks.len());
            chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
            Cow::Owned(joined)
        }
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn cut(bytes: &[u8], size: usize) -> Chunks {
        let mut chunks = Chunks::default();
        bytes.chunks(size).for_each(|part| chunks.push(Bytes::copy_from_slice(part)));
        chunks
    }

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut changed = bytes.clone();
        changed[200] = 0;
        for a in [1, 3, 100, 256] {
            for b in [1, 7, 128, 256] {
                assert!(equal(&cut(&bytes, a), &cut(&bytes, b)));
                assert!(!equal(&cut(&bytes, a), &cut(&changed, b)));
                assert!(!equal(&cut(&bytes, a), &cut(&bytes[..255], b)));
            }
            assert_eq!(whole(&cut(&bytes, a)), bytes);
        }
        assert!(equal(&Chunks::default(), &Chunks::default()));
    }
}
