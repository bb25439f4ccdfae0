//! Addresses at which nobody is at home.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::Socket;

use super::server::{Server, ServerBuilder, bound};

/// An address that refuses connections, kept from everyone else while this lives.
pub fn dead_address() -> DeadAddress {
    DeadAddress { socket: bound((Ipv4Addr::LOCALHOST, 0).into()) }
}

/// See [`dead_address`].
pub struct DeadAddress {
    socket: Socket,
}

impl DeadAddress {
    /// The address.
    pub fn addr(&self) -> SocketAddr {
        address_of(&self.socket)
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Somebody comes home.
    pub fn become_server(self, builder: ServerBuilder) -> Server {
        builder.start_on(self.socket)
    }
}

/// An address whose connections are neither made nor refused: its listener takes none and its backlog is full.
pub fn full_backlog_address() -> FullBacklog {
    let listener = bound((Ipv4Addr::LOCALHOST, 0).into());
    listener.listen(0).unwrap();
    let addr = address_of(&listener);
    let mut fillers = Vec::new();
    loop {
        // The handshake on loopback is done within the call; only one that is not answered takes this long.
        match TcpStream::connect_timeout(&addr, Duration::from_millis(200)) {
            Ok(filler) => fillers.push(filler),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return FullBacklog { listener, fillers };
            }
            Err(error) => panic!("{addr}: {error}"),
        }
        assert!(fillers.len() < 100, "{addr} takes ever more connections");
    }
}

/// See [`full_backlog_address`].
pub struct FullBacklog {
    listener: Socket,
    fillers: Vec<TcpStream>,
}

impl FullBacklog {
    /// The address.
    pub fn addr(&self) -> SocketAddr {
        address_of(&self.listener)
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Who was overwhelmed is replaced by somebody who is not.
    pub fn become_server(self, builder: ServerBuilder) -> Server {
        let socket = bound(self.addr());
        drop(self);
        builder.start_on(socket)
    }
}

fn address_of(socket: &Socket) -> SocketAddr {
    socket.local_addr().unwrap().as_socket().unwrap()
}
