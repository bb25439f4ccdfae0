//! Follows the frames that h2 writes: which streams it resets, and where the code stands that it ends a connection with.

use std::ops::Range;

use super::frame::{Code, GOAWAY, HEAD, Head, RST_STREAM};

/// Where in a GOAWAY the last octet of its code stands (RFC 9113 section 6.8).
const CODE: usize = 7;

/// Where in the frames to a client a connection is.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    head: [u8; HEAD],
    have: usize,
    /// Bytes of the payload that were seen.
    seen: usize,
    /// A GOAWAY was written for an error that is not a flood.
    error: bool,
}

impl Outgoing {
    /// These bytes were written; tells the streams that they reset.
    pub(super) fn pass(&mut self, bytes: &[u8], mut reset: impl FnMut(u32)) {
        let mut error = false;
        self.walk(bytes, |head, place, at| match head.kind {
            RST_STREAM if place.start == 0 => reset(head.stream),
            GOAWAY if place.contains(&CODE) => {
                let code = bytes[at + CODE - place.start];
                error |= code != 0 && code != Code::EnhanceYourCalm as u8;
            }
            _ => {}
        });
        self.error |= error;
    }

    /// Whether the client was told that the connection ends for an error, other than working us.
    pub(super) fn ends_in_error(&self) -> bool {
        self.error
    }

    /// These bytes, which are to be written next, with the code that the RFC wants in place of h2's `PROTOCOL_ERROR`.
    pub(super) fn corrected(&self, bytes: &[u8], code: Code) -> Vec<u8> {
        let mut corrected = bytes.to_vec();
        self.clone().walk(bytes, |head, place, at| {
            if head.kind == GOAWAY && place.contains(&CODE) {
                let octet = at + CODE - place.start;
                if bytes[octet] == Code::Protocol as u8 {
                    corrected[octet] = code as u8;
                }
            }
        });
        corrected
    }

    /// Shows each piece of a payload: of which frame, from where to where in it, and where in `bytes`.
    fn walk(&mut self, bytes: &[u8], mut each: impl FnMut(Head, Range<usize>, usize)) {
        let mut at = 0;
        while at < bytes.len() {
            if self.have < HEAD {
                let count = (bytes.len() - at).min(HEAD - self.have);
                self.head[self.have..self.have + count].copy_from_slice(&bytes[at..at + count]);
                self.have += count;
                at += count;
            }
            let Some(head) = Head::read(&self.head[..self.have]) else { return };
            let count = (bytes.len() - at).min(head.length - self.seen);
            if count > 0 {
                each(head, self.seen..self.seen + count, at);
            }
            self.seen += count;
            at += count;
            if self.seen == head.length {
                (self.have, self.seen) = (0, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::arrival::http2::frame::DATA;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        [&Head { length: payload.len(), kind, flags: 0, stream }.bytes()[..], payload].concat()
    }

    fn goaway(code: u8) -> Vec<u8> {
        frame(GOAWAY, 0, &[0, 0, 0, 1, 0, 0, 0, code, b'w', b'h', b'y'])
    }

    #[test]
    fn resets_are_seen_however_they_are_cut() {
        let bytes = [
            frame(4, 0, &[]),
            frame(RST_STREAM, 3, &[0, 0, 0, 8]),
            frame(DATA, 5, &[RST_STREAM; 300]),
            frame(RST_STREAM, 7, &[0, 0, 0, 1]),
        ]
        .concat();
        for size in [1, 2, 5, 9, 10, 13, 64, bytes.len()] {
            let (mut outgoing, mut seen) = (Outgoing::default(), Vec::new());
            for part in bytes.chunks(size) {
                outgoing.pass(part, |stream| seen.push(stream));
            }
            assert_eq!(seen, [3, 7], "{size}");
        }
    }

    #[test]
    fn the_code_is_corrected_and_no_other_byte() {
        let bytes = [frame(DATA, 1, &goaway(1)), goaway(0), goaway(1)].concat();
        let wanted = [frame(DATA, 1, &goaway(1)), goaway(0), goaway(6)].concat();
        for size in [1, 3, 16, 17, bytes.len()] {
            let (mut outgoing, mut written) = (Outgoing::default(), Vec::new());
            for part in bytes.chunks(size) {
                written.extend(outgoing.corrected(part, Code::FrameSize));
                outgoing.pass(part, |_| unreachable!("nothing is reset"));
            }
            assert!(outgoing.ends_in_error());
            assert_eq!(written, wanted, "{size}");
        }
        let other = goaway(11);
        assert_eq!(Outgoing::default().corrected(&other, Code::FrameSize), other, "h2 had its own reason");
    }
}
