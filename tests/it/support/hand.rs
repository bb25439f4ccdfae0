//! A backend in the test's own hand: `let mut stable = by_hand(); … let mut talk = stable.accept(); talk.read_head();`.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::{Client, PATIENCE, eventually};

/// A listener that takes a connection when the test says so.
pub fn by_hand() -> ByHand {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    ByHand { listener }
}

/// See [`by_hand`].
pub struct ByHand {
    listener: TcpListener,
}

impl ByHand {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The next connection, to be read and written by the words of a client.
    #[track_caller]
    pub fn accept(&self) -> Client {
        let mut taken = None;
        eventually(PATIENCE, "a connection to the test's backend", || {
            taken = self.try_accept();
            taken.is_some()
        });
        taken.unwrap()
    }

    /// The next connection if there is one.
    pub fn try_accept(&self) -> Option<Client> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                Some(Client::of(stream).unwrap())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("accept: {error}"),
        }
    }
}
