//! Frames that ask for nothing are paid for, so that a connection that works us with them is ended.

use crate::model::clock::Instant;

/// Frames without a request or a body that a connection may send at once: a page's worth of streams opened, prioritised,
/// updated and given up, several times over.
const BURST: u32 = 1000;
/// The same in each further second; a client that keeps a connection alive sends one.
const RATE: u32 = 200;
/// Bytes of bodies and answers that pay for one frame more: an ordinary download has one `WINDOW_UPDATE` for many KiB, and one
/// PING for each round trip.
const BYTES_FOR_A_FRAME: u64 = 1024;

/// Frames that a piece of an answer pays for, however small it is: a client may acknowledge each message of a stream with a
/// `WINDOW_UPDATE` for it, one for the connection, and a PING that measures the way (gRPC does). Pieces are counted as stable
/// sends them, not as they are cut for the client: otherwise windows of a byte would pay for themselves.
const FRAMES_FOR_A_PIECE: u32 = 3;

/// More frames came than were paid for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flood;

/// What a connection may still send.
#[derive(Debug)]
pub(super) struct Credit {
    left: u32,
    /// Bytes that passed since it was last filled up.
    bytes: u64,
    filled: Instant,
}

impl Credit {
    pub(super) fn new(now: Instant) -> Self {
        Credit { left: BURST, bytes: 0, filled: now }
    }

    /// Bytes of a body or an answer passed.
    pub(super) fn earn(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// One frame that asks for nothing; `pieces` of answers came meanwhile.
    pub(super) fn pay(
        &mut self,
        now: impl FnOnce() -> Instant,
        pieces: impl FnOnce() -> u32,
    ) -> Result<(), Flood> {
        if self.left == 0 {
            let now = now();
            let waited = now.saturating_duration_since(self.filled).as_millis();
            let earned = waited * u128::from(RATE) / 1000
                + u128::from(self.bytes / BYTES_FOR_A_FRAME)
                + u128::from(pieces()) * u128::from(FRAMES_FOR_A_PIECE);
            self.left = u32::try_from(earned).unwrap_or(BURST).min(BURST);
            (self.filled, self.bytes) = (now, 0);
        }
        self.left = self.left.checked_sub(1).ok_or(Flood)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::clock;

    #[test]
    fn time_pays_for_frames_and_never_more_than_a_burst() {
        let start = clock::now();
        let mut credit = Credit::new(start);
        let mut paid = |after: u64| {
            let now = start + Duration::from_secs(after);
            (0..10_000).take_while(|_| credit.pay(|| now, || 0).is_ok()).count()
        };
        assert_eq!(paid(0), BURST as usize);
        assert_eq!(paid(1), RATE as usize);
        assert_eq!(paid(3), 2 * RATE as usize);
        assert_eq!(paid(3600), BURST as usize);
    }

    #[test]
    fn what_passes_pays_for_frames() {
        let start = clock::now();
        let mut credit = Credit::new(start);
        while credit.pay(|| start, || 0).is_ok() {}
        credit.earn(16 * 1024);
        let paid = (0..100).take_while(|_| credit.pay(|| start, || 0).is_ok()).count();
        assert_eq!(paid, 16);
    }

    #[test]
    fn each_message_of_a_stream_pays_for_what_acknowledges_it() {
        let start = clock::now();
        let mut credit = Credit::new(start);
        let pieces = std::cell::Cell::new(0);
        for message in 0..20_000 {
            pieces.set(pieces.get() + 1);
            for _ in 0..FRAMES_FOR_A_PIECE {
                assert_eq!(credit.pay(|| start, || pieces.take()), Ok(()), "{message}");
            }
        }
        let taken = (0..5000).take_while(|_| credit.pay(|| start, || pieces.take()).is_ok()).count();
        assert!(taken <= BURST as usize + 200, "{taken}: what was spent once is not there again");
    }
}
