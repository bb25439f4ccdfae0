//! Legs that send without end, or what grows when it is read.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::ailing::Ailing;
use crate::support::{RawResponse, answer};

/// What one comparison may take: the nodes of its JSON, and what is decoded while it grows to `compare.max_decoded`.
const COMPARISON_MIB: usize = 100;

faults! {
    a_body_of_10_gb: Ailing::answers(ten_gigabytes(), &["answered"]);
    a_head_without_end: Ailing::answers(endless("HTTP/1.1 200 OK\r\n", "X-Filler: 0123456789abcdef\r\n"), &["invalid_response"]);
    a_field_without_end: Ailing::answers(endless("HTTP/1.1 200 OK\r\nX-Filler: ", "0123456789abcdef"), &["invalid_response"]);
    interim_answers_without_end: Ailing::answers(endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"), &["invalid_response"]);
    chunks_without_end: Ailing::answers(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), &["timeout", "answered"]);
    trailers_without_end: Ailing::answers(
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Filler: 0123456789abcdef\r\n"),
        &["invalid_response"]
    );
    a_compressed_bomb: Ailing::answers(answer(200, &[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], bomb()), &["answered"]).takes(COMPARISON_MIB);
    json_that_is_deep: Ailing::answers(json("[".repeat(500_000)), &["answered"]).takes(COMPARISON_MIB);
    json_of_many_members: Ailing::answers(json(format!("[{}0]", "{\"a\":0},".repeat(60_000))), &["answered"]).takes(COMPARISON_MIB);
}

fn ten_gigabytes() -> RawResponse {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10737418240\r\n\r\n";
    RawResponse::raw(head).then_endless(vec![b' '; 64 << 10])
}

/// `begin`, and then `rest` again and again.
fn endless(begin: &str, rest: &str) -> RawResponse {
    RawResponse::raw(begin).then_endless(rest.repeat(1 + 16_384 / rest.len()))
}

fn json(text: String) -> RawResponse {
    answer(200, &[("Content-Type", "application/json")], text)
}

/// 32 MiB in as many KiB: four times what `compare.max_decoded` lets through.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..32 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}
