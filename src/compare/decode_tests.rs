//! Tests of decoding: every coding, stacked, broken, and bombs.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const CAP: usize = 1 << 20;
const TEXT: &[u8] = b"It was a bright cold day in April, and the clocks were striking thirteen.";

/// [`TEXT`] by the reference encoder at quality 11.
const TEXT_BR: &str = "1b4800e84527477aa0d06b1d2e874af2808b7e528a93560c8fb1f5ade3b98e237e546f14e059d3f9909fcfa707554266ccde884768137aa403";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn brotli() -> Vec<u8> {
    (0..TEXT_BR.len()).step_by(2).map(|at| u8::from_str_radix(&TEXT_BR[at..at + 2], 16).unwrap()).collect()
}

/// A brotli stream of uncompressed metablocks (RFC 7932 section 9.2), since there is no encoder here.
fn stored_brotli(byte: u8, blocks: usize) -> Vec<u8> {
    // WBITS 16 is one bit 0; then per block ISLAST 0, MNIBBLES 4 (00), MLEN - 1 = 65535, ISUNCOMPRESSED 1, padding.
    let mut stream = Vec::new();
    for block in 0..blocks {
        let bits: u32 = (0xffff << 3) | (1 << 19);
        let (bits, len) = if block == 0 { (bits << 1, 24) } else { (bits, 24) };
        stream.extend_from_slice(&bits.to_le_bytes()[..len / 8]);
        stream.extend(std::iter::repeat_n(byte, 65536));
    }
    stream.push(3);
    stream
}

fn head(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_str(value).unwrap())).collect()
}

fn decoded(body: &[u8], encoding: &str, cap: usize) -> Result<Vec<u8>, Incomparable> {
    decode(Cow::Borrowed(body), &codings(&head(&[encoding])), cap).map(Cow::into_owned)
}

#[test]
fn names() {
    use Coding::{Brotli, Deflate, Gzip, Unknown, Zstd};
    assert_eq!(codings(&head(&[])), []);
    assert_eq!(codings(&head(&["identity", " , Identity "])), []);
    assert_eq!(codings(&head(&["X-GZIP, br", "zstd", "deflate,identity"])), [Gzip, Brotli, Zstd, Deflate]);
    assert_eq!(codings(&head(&["GZIP", "Snappy"])), [Gzip, Unknown("snappy".to_owned())]);
}

#[test]
fn every_coding() {
    for (body, encoding) in [
        (TEXT.to_vec(), "identity"),
        (gzip(TEXT), "gzip"),
        (gzip(TEXT), "x-gzip"),
        (zlib(TEXT), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (brotli(), "br"),
        (zstandard(TEXT), "zstd"),
        (gzip(&brotli()), "br, gzip"),
        (zstandard(&gzip(&zlib(TEXT))), "deflate, gzip, zstd"),
    ] {
        assert_eq!(decoded(&body, encoding, CAP).as_deref(), Ok(TEXT), "{encoding}");
        if !encoding.contains(',') {
            assert_eq!(decoded(&body, encoding, TEXT.len()).as_deref(), Ok(TEXT), "{encoding}: just fits");
        }
    }
}

#[test]
fn several_members_and_frames() {
    let (first, second) = TEXT.split_at(20);
    assert_eq!(decoded(&[gzip(first), gzip(second)].concat(), "gzip", CAP).as_deref(), Ok(TEXT));
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let frames = [zstandard(first), skippable.clone(), zstandard(second)].concat();
    assert_eq!(decoded(&frames, "zstd", CAP).as_deref(), Ok(TEXT));
    assert_eq!(decoded(&skippable[..9], "zstd", CAP), Err(Incomparable::Encoding));
    let many = zstandard(b"").repeat(MAX_ZSTD_FRAMES + 1);
    assert_eq!(decoded(&many, "zstd", CAP), Err(Incomparable::Encoding));
}

#[test]
fn an_empty_body_is_empty_under_any_coding() {
    assert_eq!(decoded(b"", "gzip", CAP).as_deref(), Ok(&b""[..]));
    assert_eq!(decoded(b"", "unheard-of", CAP).as_deref(), Ok(&b""[..]));
    assert_eq!(decoded(&gzip(b""), "gzip", CAP).as_deref(), Ok(&b""[..]));
}

#[test]
fn broken_and_unknown() {
    for (body, encoding) in [
        (TEXT.to_vec(), "gzip"),
        (TEXT.to_vec(), "deflate"),
        (TEXT.to_vec(), "zstd"),
        (b"\xff\xff\xff\xff".to_vec(), "br"),
        (TEXT.to_vec(), "compress"),
        (gzip(TEXT), "gzip, gzip"),
        (gzip(TEXT), "gzip, identity, br, zstd, gzip, gzip"),
    ] {
        assert_eq!(decoded(&body, encoding, CAP), Err(Incomparable::Encoding), "{encoding}");
    }
    for (body, encoding) in [
        (gzip(TEXT), "gzip"),
        (zlib(TEXT), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (brotli(), "br"),
        (zstandard(TEXT), "zstd"),
    ] {
        let cut = &body[..body.len() - 5];
        assert_eq!(decoded(cut, encoding, CAP), Err(Incomparable::Encoding), "{encoding} cut short");
    }
    let mut flipped = gzip(TEXT);
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    assert_eq!(decoded(&flipped, "gzip", CAP), Err(Incomparable::Encoding), "its checksum is wrong");
}

#[test]
fn more_than_the_cap() {
    let zeros = vec![0; CAP + 1];
    for (body, encoding) in [
        (gzip(&zeros), "gzip"),
        (zlib(&zeros), "deflate"),
        (raw_deflate(&zeros), "deflate"),
        (zstandard(&zeros), "zstd"),
        (stored_brotli(0, 17), "br"),
        (gzip(&gzip(&zeros)), "gzip, gzip"),
    ] {
        assert_eq!(decoded(&body, encoding, CAP), Err(Incomparable::DecodedTooLarge), "{encoding}");
    }
    assert_eq!(
        decoded(&stored_brotli(7, 16), "br", CAP).map(|d| d.len()),
        Ok(CAP),
        "the bomb above is a valid stream"
    );
}

#[test]
fn windows_are_bounded() {
    // Magic, no single segment, window descriptor of 2^(10 + 21) = 2 GiB, one empty last block.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    assert_eq!(decoded(&zstd, "zstd", CAP), Err(Incomparable::DecodedTooLarge));
    // A large-window brotli stream announces itself by 0x11 and the window's bits, here 30.
    assert_eq!(decoded(&[0x11, 30, 0x03], "br", CAP), Err(Incomparable::Encoding));
}

/// A gigabyte of zeros, packed as it is made.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let block = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}

/// Counts what is asked of it, so that a test sees how far a bomb was read.
struct Counted<R>(R, usize);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read;
        Ok(read)
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_cap() {
    let cap = 8 << 20;
    let bomb = bomb();
    let mut counted = Counted(MultiGzDecoder::new(&bomb[..]), 0);
    assert_eq!(read(&mut counted, cap), Err(Incomparable::DecodedTooLarge));
    assert_eq!(counted.1, cap + 1);
    assert_eq!(decoded(&bomb, "gzip", cap), Err(Incomparable::DecodedTooLarge));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200), encoding in prop::sample::select(vec!["gzip", "deflate", "br", "zstd", "br, gzip"])) {
        let _ = decoded(&body, encoding, 1 << 16);
    }

    #[test]
    fn damaged_streams_never_panic(at in any::<prop::sample::Index>(), flip in 1u8.., which in 0usize..4) {
        let (mut body, encoding) = match which {
            0 => (gzip(TEXT), "gzip"),
            1 => (zlib(TEXT), "deflate"),
            2 => (brotli(), "br"),
            _ => (zstandard(TEXT), "zstd"),
        };
        let at = at.index(body.len());
        body[at] ^= flip;
        let _ = decoded(&body, encoding, 1 << 16);
    }

    #[test]
    fn what_is_packed_comes_back(body in prop::collection::vec(any::<u8>(), 1..500)) {
        for (packed, encoding) in [(gzip(&body), "gzip"), (raw_deflate(&body), "deflate"), (zstandard(&body), "zstd")] {
            prop_assert_eq!(decoded(&packed, encoding, CAP), Ok(body.clone()), "{}", encoding);
        }
    }
}
