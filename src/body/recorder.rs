//! Copies a passing body up to a cap; beyond it keeps only its length and digest.

use bytes::Bytes;

use crate::model::{Absent, Capture, Chunks};

/// Up to this many bytes a piece is copied; a larger one is shared. A shared piece keeps the whole read buffer alive that
/// it was cut from, so sharing small ones would hold many times the memory that is accounted for.
const SHARE_ABOVE: usize = 16 * 1024;

/// A capture in the making.
#[derive(Debug)]
pub struct Recorder {
    cap: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Copying(Chunks),
    // Boxed: a hasher is 2 KiB and most bodies never need one.
    Hashing { hasher: Box<blake3::Hasher>, len: u64 },
    Lost(Absent),
}

impl Recorder {
    /// Copies up to `cap` bytes.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Recorder { cap, state: State::Copying(Chunks::default()) }
    }

    /// Takes a piece. `grow` is asked for room for its bytes before they are copied; if it refuses, the capture is lost
    /// to [`Absent::Memory`] and what was copied is freed. Answers how many bytes are not held any more.
    pub fn push(&mut self, chunk: &Bytes, grow: impl FnOnce(usize) -> bool) -> usize {
        match &mut self.state {
            State::Copying(chunks) if chunks.len() + chunk.len() <= self.cap => {
                if grow(chunk.len()) {
                    chunks.push(if chunk.len() > SHARE_ABOVE {
                        chunk.clone()
                    } else {
                        Bytes::copy_from_slice(chunk)
                    });
                    return 0;
                }
                let held = chunks.len();
                self.state = State::Lost(Absent::Memory);
                held
            }
            State::Copying(chunks) => {
                let held = chunks.len();
                let mut hasher = Box::new(blake3::Hasher::new());
                for part in chunks.iter() {
                    hasher.update(part);
                }
                hasher.update(chunk);
                self.state = State::Hashing { hasher, len: (held + chunk.len()) as u64 };
                held
            }
            State::Hashing { hasher, len } => {
                hasher.update(chunk);
                *len += chunk.len() as u64;
                0
            }
            State::Lost(_) => 0,
        }
    }

    /// Whether every byte so far is held; if not, why not: [`Absent::TooLong`] beyond the cap.
    ///
    /// # Errors
    /// Why the copy is not whole.
    pub fn is_whole(&self) -> Result<(), Absent> {
        match self.state {
            State::Copying(_) => Ok(()),
            State::Hashing { .. } => Err(Absent::TooLong),
            State::Lost(why) => Err(why),
        }
    }

    /// Gives up: what was copied is not a whole body.
    pub fn lose(&mut self, why: Absent) {
        self.state = State::Lost(why);
    }

    /// The capture of a body that is complete.
    #[must_use]
    pub fn finish(self) -> Capture {
        match self.state {
            State::Copying(chunks) => Capture::Complete(chunks),
            State::Hashing { hasher, len } => Capture::Digest { len, hash: *hasher.finalize().as_bytes() },
            State::Lost(why) => Capture::Absent(why),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(cap: usize, parts: &[&[u8]]) -> Capture {
        let mut recorder = Recorder::new(cap);
        for part in parts {
            recorder.push(&Bytes::copy_from_slice(part), |_| true);
        }
        recorder.finish()
    }

    #[test]
    fn a_body_up_to_the_cap_is_complete() {
        let Capture::Complete(chunks) = record(6, &[b"abc", b"", b"def"]) else { panic!("not complete") };
        assert_eq!(chunks.into_bytes(), "abcdef");
    }

    #[test]
    fn one_byte_more_is_a_digest_of_everything_however_it_was_cut() {
        let expected = *blake3::hash(b"abcdefg").as_bytes();
        for parts in [&[&b"abc"[..], b"def", b"g"][..], &[b"abcdefg"], &[b"abcdef", b"g"]] {
            assert_eq!(record(6, parts), Capture::Digest { len: 7, hash: expected });
        }
    }

    #[test]
    fn without_room_nothing_is_held() {
        let mut recorder = Recorder::new(100);
        assert_eq!(recorder.push(&Bytes::from_static(b"abc"), |_| true), 0);
        assert_eq!(recorder.push(&Bytes::from_static(b"de"), |_| false), 3);
        assert_eq!(recorder.push(&Bytes::from_static(b"f"), |_| panic!("asked again")), 0);
        assert_eq!(recorder.finish(), Capture::Absent(Absent::Memory));
    }

    #[test]
    fn small_pieces_do_not_keep_their_read_buffer_alive() {
        let buffer = Bytes::from(vec![7u8; 64 * 1024]);
        let mut recorder = Recorder::new(1 << 20);
        recorder.push(&buffer.slice(..100), |_| true);
        assert!(buffer.is_unique(), "a small piece was shared");
    }
}
