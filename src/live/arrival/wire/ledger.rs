//! What the stream and the way of a request tell each other about one connection.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::fault::Fault;

/// Shared by both; each head that hyper is given becomes one request, in order.
#[derive(Debug, Default)]
pub(in crate::live) struct Ledger {
    taken: Cell<u64>,
    refused: Cell<Option<(u64, Fault)>>,
    /// As many as fit what hyper reads at once: each is of a head in its buffer.
    asterisks: RefCell<Vec<u64>>,
    /// The last request whose answer is on its way.
    stayed: Cell<u64>,
    stalled: Cell<bool>,
    held: RefCell<Option<Waker>>,
}

impl Ledger {
    /// The next request begins: the fault of its head, if hyper was given a harmless one in its place.
    pub(in crate::live) fn take(&self) -> Option<Fault> {
        self.taken.set(self.taken.get() + 1);
        self.refused.get().filter(|(head, _)| *head == self.taken.get()).map(|(_, fault)| fault)
    }

    /// Whether the target of the request that was taken last is the server as a whole, though hyper shows a path.
    pub(in crate::live) fn is_asterisk(&self) -> bool {
        let mut asterisks = self.asterisks.borrow_mut();
        let found = asterisks.iter().position(|head| *head == self.taken.get());
        found.map(|at| asterisks.swap_remove(at)).is_some()
    }

    /// The answer to the last request is on its way, and it is none that ends HTTP: what is held behind a request for
    /// another protocol is of HTTP.
    pub(in crate::live::arrival) fn stay(&self) {
        self.stayed.set(self.taken.get());
        if let Some(waker) = self.held.take() {
            waker.wake();
        }
    }

    /// The client stopped sending a body that was waited for.
    pub(in crate::live) fn is_stalled(&self) -> bool {
        self.stalled.get()
    }

    /// The body that is waited for has been waited for long enough.
    pub(in crate::live::arrival) fn stall(&self) {
        self.stalled.set(true);
    }

    /// The head with this number asks for options of the server as a whole.
    pub(super) fn ask_of_server(&self, head: u64) {
        self.asterisks.borrow_mut().push(head);
    }

    /// The head with this number, counted from 1, is not passed on.
    pub(super) fn refuse(&self, head: u64, fault: Fault) {
        self.refused.set(Some((head, fault)));
    }

    /// Whether HTTP goes on behind the head with this number.
    pub(super) fn stays(&self, head: u64) -> bool {
        self.stayed.get() >= head
    }

    /// Bytes are held until the protocol is known.
    pub(super) fn hold(&self, waker: &Waker) {
        self.held.replace(Some(waker.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_belongs_to_its_own_head() {
        let ledger = Ledger::default();
        ledger.refuse(3, Fault::Version);
        assert_eq!(
            [ledger.take(), ledger.take(), ledger.take(), ledger.take()],
            [None, None, Some(Fault::Version), None]
        );
    }

    #[test]
    fn an_asterisk_belongs_to_its_own_head() {
        let ledger = Ledger::default();
        ledger.ask_of_server(2);
        let asked: Vec<bool> = (0..3)
            .map(|_| {
                ledger.take();
                ledger.is_asterisk()
            })
            .collect();
        assert_eq!(asked, [false, true, false]);
    }

    #[test]
    fn http_goes_on_behind_the_request_that_was_answered_and_no_later_one() {
        let ledger = Ledger::default();
        ledger.hold(Waker::noop());
        ledger.take();
        ledger.stay();
        assert_eq!([ledger.stays(1), ledger.stays(2)], [true, false]);
        ledger.take();
        assert!(!ledger.stays(2));
        ledger.stay();
        assert!(ledger.stays(2));
    }
}
