//! How many connections each address has open, where that is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the connections of each address, over all workers.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Connections that one address may have; 0 counts none.
    most: usize,
    /// Only addresses with a connection, so at most as many as there are connections.
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat(Option<(Arc<Addresses>, IpAddr)>);

impl Addresses {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Addresses { most, open: Mutex::default() })
    }

    /// A place for one more connection of an address; `None` if it has as many as it may.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        if self.most == 0 {
            return Some(Seat(None));
        }
        // Held for a look into a map: no worker waits for another's work.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat(Some((self.clone(), address))))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((addresses, address)) = self.0.take() else { return };
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn each_address_has_its_own_bound() {
        let addresses = Addresses::new(2);
        let held = (addresses.seat(A), addresses.seat(A), addresses.seat(B));
        assert!(held.0.is_some() && held.1.is_some() && held.2.is_some());
        assert!(addresses.seat(A).is_none());
        assert!(addresses.seat(B).is_some());
    }

    #[test]
    fn a_seat_comes_back_and_leaves_nothing_behind() {
        let addresses = Addresses::new(1);
        for _ in 0..3 {
            let seat = addresses.seat(A);
            assert!(seat.is_some() && addresses.seat(A).is_none());
        }
        assert!(addresses.open.lock().expect("sound").is_empty());
    }

    #[test]
    fn without_a_bound_nothing_is_counted() {
        let addresses = Addresses::new(0);
        let seats: Vec<_> = (0..1000).map(|_| addresses.seat(A)).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(addresses.open.lock().expect("sound").is_empty());
    }
}
