//! Undoes Content-Encoding, with a hard cap on what comes out.

use std::borrow::Cow;
use std::io::{self, Read};

use brotli_decompressor::BrotliDecoderParameter;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::model::Incomparable;

/// Encodings that may lie one on the other; more has no use and multiplies the work.
const MAX_CODINGS: usize = 4;

/// Largest window of a zstd frame in bytes, as RFC 9659 allows in HTTP: it is reserved before a byte is decoded.
const MAX_ZSTD_WINDOW: u64 = 8 << 20;

/// Most frames of a zstd body; each costs a reset of the decoder, however little it holds.
const MAX_ZSTD_FRAMES: usize = 1000;

/// Read buffer of the brotli decoder in bytes; its window is at most 16 MiB by the format (RFC 7932 section 9.1).
const BROTLI_BUFFER: usize = 4096;

/// One content coding, by its registered name (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Unknown(String),
}

/// The codings of a head in the order in which they were applied; `identity` is none.
pub(super) fn codings(headers: &HeaderMap) -> Vec<Coding> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"))
        .map(coding)
        .collect()
}

fn coding(name: &[u8]) -> Coding {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is("gzip") || is("x-gzip") {
        Coding::Gzip
    } else if is("deflate") {
        Coding::Deflate
    } else if is("br") {
        Coding::Brotli
    } else if is("zstd") {
        Coding::Zstd
    } else {
        Coding::Unknown(String::from_utf8_lossy(name).to_ascii_lowercase())
    }
}

/// Undoes `codings`, the last one first. An empty body is empty under any coding, as in answers to HEAD.
///
/// # Errors
/// [`Incomparable::Encoding`] for an unknown coding or broken data, [`Incomparable::DecodedTooLarge`] as soon as a step
/// gives more than `cap` bytes; not more than that is ever held.
pub(super) fn decode<'a>(
    body: Cow<'a, [u8]>,
    codings: &[Coding],
    cap: usize,
) -> Result<Cow<'a, [u8]>, Incomparable> {
    if codings.len() > MAX_CODINGS {
        return Err(Incomparable::Encoding);
    }
    if body.is_empty() {
        return Ok(body);
    }
    codings.iter().rev().try_fold(body, |body, coding| undo(&body, coding, cap).map(Cow::Owned))
}

fn undo(body: &[u8], coding: &Coding, cap: usize) -> Result<Vec<u8>, Incomparable> {
    match coding {
        Coding::Gzip => read(MultiGzDecoder::new(body), cap),
        Coding::Deflate => inflate(body, cap),
        Coding::Brotli => brotli(body, cap),
        Coding::Zstd => zstd(body, cap),
        Coding::Unknown(_) => Err(Incomparable::Encoding),
    }
}

/// `deflate` means zlib (RFC 9110 section 8.4.1.2); some servers send the bare stream nevertheless.
fn inflate(body: &[u8], cap: usize) -> Result<Vec<u8>, Incomparable> {
    match read(ZlibDecoder::new(body), cap) {
        Err(Incomparable::Encoding) => read(DeflateDecoder::new(body), cap),
        result => result,
    }
}

/// The decoder takes windows of up to 1 GiB unless it is told not to.
fn brotli(body: &[u8], cap: usize) -> Result<Vec<u8>, Incomparable> {
    let mut reader = brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER);
    if !reader.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0) {
        return Err(Incomparable::Encoding);
    }
    read(reader, cap)
}

/// Decodes every frame; skippable ones are passed over (RFC 8878 section 3.1).
fn zstd(mut body: &[u8], cap: usize) -> Result<Vec<u8>, Incomparable> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_ZSTD_WINDOW);
    let mut whole = Vec::new();
    for _ in 0..MAX_ZSTD_FRAMES {
        if body.is_empty() {
            return Ok(whole);
        }
        match StreamingDecoder::new_with_decoder(&mut body, &mut decoder) {
            Ok(mut frame) => {
                let more = read(&mut frame, cap - whole.len())?;
                let written = frame.decoder.get_checksum_from_data();
                if written.is_some() && written != frame.decoder.get_calculated_checksum() {
                    return Err(Incomparable::Encoding);
                }
                whole.extend_from_slice(&more);
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let length = usize::try_from(length).map_err(|_| Incomparable::Encoding)?;
                body = body.get(length..).ok_or(Incomparable::Encoding)?;
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => return Err(Incomparable::DecodedTooLarge),
            Err(_) => return Err(Incomparable::Encoding),
        }
    }
    if body.is_empty() { Ok(whole) } else { Err(Incomparable::Encoding) }
}

/// Reads to the end, or to one byte more than the cap.
fn read(decoder: impl Read, cap: usize) -> Result<Vec<u8>, Incomparable> {
    let mut whole = Vec::new();
    let limit = (cap as u64).saturating_add(1);
    let result: io::Result<usize> = decoder.take(limit).read_to_end(&mut whole);
    match result {
        Ok(_) if whole.len() > cap => Err(Incomparable::DecodedTooLarge),
        Ok(_) => Ok(whole),
        Err(_) => Err(Incomparable::Encoding),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
