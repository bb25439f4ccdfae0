//! What was read of a client and not yet given to hyper: first what it may have, then what is not judged yet.

use bytes::Bytes;
use tokio::io::ReadBuf;

/// Bytes kept back, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Of the first of them it is known that hyper may have them.
    cleared: usize,
}

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What is not judged yet.
    pub(super) fn open(&mut self) -> &mut [u8] {
        &mut self.bytes[self.cleared..]
    }

    pub(super) fn open_len(&self) -> usize {
        self.bytes.len() - self.cleared
    }

    /// Hyper may have so many bytes more.
    pub(super) fn clear(&mut self, bytes: usize) {
        self.cleared += bytes;
        debug_assert!(self.cleared <= self.bytes.len());
    }

    /// Hyper may have all of them.
    pub(super) fn clear_all(&mut self) {
        self.cleared = self.bytes.len();
    }

    /// Throws away what is not judged yet.
    pub(super) fn cut(&mut self) {
        self.bytes.truncate(self.cleared);
    }

    /// Has hyper read `others` in place of the first bytes that are not judged yet.
    pub(super) fn replace(&mut self, bytes: usize, others: &[u8]) {
        self.bytes.splice(self.cleared..self.cleared + bytes, others.iter().copied());
        self.cleared += others.len();
    }

    /// Gives hyper of what it may have; whether there was anything.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let given = self.cleared.min(buf.remaining());
        if given == 0 {
            return false;
        }
        buf.put_slice(&self.bytes[..given]);
        self.bytes.drain(..given);
        self.cleared -= given;
        if self.bytes.is_empty() {
            // An idle connection holds no memory for what it once kept.
            self.bytes = Vec::new();
        }
        true
    }

    /// All of them, behind what hyper has read already.
    pub(super) fn behind(self, read: Bytes) -> Bytes {
        if self.bytes.is_empty() { read } else { [&read[..], &self.bytes].concat().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(kept: &mut Kept, room: usize) -> Vec<u8> {
        let mut space = vec![0; room];
        let mut buf = ReadBuf::new(&mut space);
        assert_eq!(kept.give(&mut buf), !buf.filled().is_empty());
        buf.filled().to_vec()
    }

    #[test]
    fn only_what_is_cleared_is_given_as_far_as_there_is_room() {
        let mut kept = Kept::default();
        kept.extend(b"abcdef");
        assert_eq!(given(&mut kept, 8), b"");
        kept.clear(4);
        assert_eq!((given(&mut kept, 3), kept.open_len()), (b"abc".to_vec(), 2));
        assert_eq!((given(&mut kept, 3), kept.open().to_vec()), (b"d".to_vec(), b"ef".to_vec()));
        kept.clear_all();
        assert_eq!(given(&mut kept, 3), b"ef");
        assert!(kept.is_empty() && kept.bytes.capacity() == 0, "an idle connection keeps nothing");
    }

    #[test]
    fn what_is_replaced_may_go_and_what_is_cut_never_does() {
        let mut kept = Kept::default();
        kept.extend(b"ab--cd");
        kept.clear(2);
        kept.replace(2, b"xyz");
        assert_eq!(kept.open().to_vec(), b"cd");
        kept.cut();
        assert_eq!(given(&mut kept, 9), b"abxyz");
    }

    #[test]
    fn a_tunnel_has_all_that_came() {
        let mut kept = Kept::default();
        assert_eq!(kept.behind(Bytes::from_static(b"1")), "1");
        kept = Kept::default();
        kept.extend(b"23");
        assert_eq!(kept.behind(Bytes::from_static(b"1")), "123");
    }
}
