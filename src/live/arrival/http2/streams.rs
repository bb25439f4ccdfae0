//! On which streams a client may still send (RFC 9113 section 5.1), so that what it sends on others is told apart as the
//! RFC wants it; h2 knows one code for all of it.

use super::frame::Code;

/// Streams that a client ended last: late frames on them are of a closed stream and not of one that never was.
const REMEMBERED: usize = 32;
/// Streams beyond those that a connection may have open at once: opened, and being refused or reset by us.
const SPARE: usize = 64;

/// What a header block is on its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Request,
    Trailers,
}

/// The streams of one connection as its client uses them.
#[derive(Debug)]
pub(super) struct Streams {
    highest: u32,
    /// In the order of their numbers.
    open: Vec<Open>,
    ended: [u32; REMEMBERED],
    oldest: usize,
    most: usize,
    /// More were opened than are followed: nothing is judged any more.
    lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    stream: u32,
    /// The client need not know yet; what it still sends is ignored.
    reset_by_us: bool,
}

impl Streams {
    /// For a client that may have so many open at once.
    pub(super) fn new(max: u32) -> Self {
        let most = usize::try_from(max).unwrap_or(usize::MAX).saturating_add(SPARE);
        Streams { highest: 0, open: Vec::new(), ended: [0; REMEMBERED], oldest: 0, most, lost: false }
    }

    /// A whole header block came; `last` if the client sends no more on its stream.
    ///
    /// # Errors
    /// The stream is closed, or was never opened and cannot be any more (section 5.1.1).
    pub(super) fn head(&mut self, stream: u32, last: bool) -> Result<Place, Code> {
        if stream > self.highest {
            self.highest = stream;
            if last {
                self.remember(stream);
            } else {
                self.open(stream);
            }
            return Ok(Place::Request);
        }
        match self.place(stream) {
            Some(place) if last => self.end(place),
            Some(_) => {}
            None if self.lost => {}
            None if self.ended.contains(&stream) => return Err(Code::StreamClosed),
            None => return Err(Code::Protocol),
        }
        Ok(Place::Trailers)
    }

    /// A piece of a body came.
    ///
    /// # Errors
    /// The client had ended its stream.
    pub(super) fn data(&mut self, stream: u32, last: bool) -> Result<(), Code> {
        match self.place(stream) {
            Some(place) if last => self.end(place),
            Some(_) => {}
            None if self.lost || stream > self.highest || stream == 0 => {}
            None => return Err(Code::StreamClosed),
        }
        Ok(())
    }

    /// Whether a stream was ever opened.
    pub(super) fn is_known(&self, stream: u32) -> bool {
        (1..=self.highest).contains(&stream)
    }

    /// The client gave a stream up.
    pub(super) fn given_up(&mut self, stream: u32) {
        if let Some(place) = self.place(stream) {
            self.end(place);
        }
    }

    /// We reset a stream.
    pub(super) fn reset(&mut self, stream: u32) {
        if let Some(place) = self.place(stream) {
            self.open[place].reset_by_us = true;
        }
    }

    fn place(&self, stream: u32) -> Option<usize> {
        self.open.binary_search_by_key(&stream, |open| open.stream).ok()
    }

    fn open(&mut self, stream: u32) {
        if self.open.len() >= self.most {
            if let Some(place) = self.open.iter().position(|open| open.reset_by_us) {
                self.end(place);
            } else {
                self.lost = true;
                self.open = Vec::new();
            }
        }
        if !self.lost {
            self.open.push(Open { stream, reset_by_us: false });
        }
    }

    fn end(&mut self, place: usize) {
        let open = self.open.remove(place);
        self.remember(open.stream);
    }

    fn remember(&mut self, stream: u32) {
        self.ended[self.oldest] = stream;
        self.oldest = (self.oldest + 1) % REMEMBERED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_head_a_body_and_trailers() {
        let mut streams = Streams::new(10);
        assert_eq!(streams.head(1, false), Ok(Place::Request));
        assert_eq!(streams.head(3, true), Ok(Place::Request));
        assert_eq!(streams.data(1, false), Ok(()));
        assert_eq!(streams.head(1, true), Ok(Place::Trailers));
        assert_eq!(streams.head(5, false), Ok(Place::Request));
        assert_eq!(streams.data(5, true), Ok(()));
        for ended in [1, 3, 5] {
            assert_eq!(streams.data(ended, false), Err(Code::StreamClosed), "{ended}");
            assert_eq!(streams.head(ended, true), Err(Code::StreamClosed), "{ended}");
        }
        assert_eq!(streams.data(7, false), Ok(()), "of an idle stream h2 knows the code");
    }

    #[test]
    fn numbers_go_up() {
        let mut streams = Streams::new(10);
        assert_eq!(streams.head(9, true), Ok(Place::Request));
        assert_eq!(streams.head(7, true), Err(Code::Protocol));
    }

    #[test]
    fn what_we_reset_may_be_sent_on_until_the_client_knows() {
        let mut streams = Streams::new(10);
        assert_eq!(streams.head(1, false), Ok(Place::Request));
        streams.reset(1);
        assert_eq!(streams.data(1, false), Ok(()));
        assert_eq!(streams.head(1, true), Ok(Place::Trailers));
        assert_eq!(streams.data(1, false), Err(Code::StreamClosed));
        assert_eq!(streams.head(3, false), Ok(Place::Request));
        streams.given_up(3);
        assert_eq!(streams.data(3, true), Err(Code::StreamClosed));
    }

    #[test]
    fn those_that_were_reset_make_room_and_others_never_do() {
        let mut streams = Streams::new(0);
        assert_eq!(streams.head(1, false), Ok(Place::Request));
        for stream in (3..100_001).step_by(2) {
            assert_eq!(streams.head(stream, false), Ok(Place::Request));
            streams.reset(stream);
            assert!(streams.open.len() <= SPARE);
        }
        assert_eq!(streams.data(1, false), Ok(()), "the long one is still followed");
        for stream in (100_001..200_001).step_by(2) {
            assert_eq!(streams.head(stream, false), Ok(Place::Request));
            assert!(streams.open.len() <= SPARE);
        }
        assert!(streams.lost);
        assert_eq!(streams.data(1, false), Ok(()), "unknown is not wrong");
        assert_eq!(streams.head(1, true), Ok(Place::Trailers));
    }
}
