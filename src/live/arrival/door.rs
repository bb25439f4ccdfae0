//! The listening socket: made here or handed in by who started us, opened when all else is ready, and closed so that nobody
//! who had knocked is turned away.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel may hold while the acceptor is busy.
pub(super) const BACKLOG: i32 = 1024;

/// How long connections in the making are given to be made before a shared address is left: the round trips of a
/// handshake across the world.
const HANDSHAKE: Duration = Duration::from_millis(250);

/// See the module.
pub(super) struct Door {
    socket: Socket,
    owner: Owner,
}

/// Who else takes connections from the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Nobody.
    Us,
    /// Other processes, each with a socket and a queue of its own.
    Shared,
    /// Whoever handed the socket in keeps it open: its queue outlives us.
    Starter,
}

impl Door {
    /// Takes the address and does not listen yet.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub(super) fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(reuse_port)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Door { socket, owner: if reuse_port { Owner::Shared } else { Owner::Us } })
    }

    /// A socket that listens already.
    pub(super) fn handed_in(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Door { socket: listener.into(), owner: Owner::Starter })
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?.as_socket();
        address.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an internet socket"))
    }

    /// Begins to listen: from now on clients connect.
    ///
    /// # Errors
    /// Somebody else began to listen at the address since it was bound.
    pub(super) fn open(&self) -> io::Result<()> {
        if self.owner == Owner::Starter { Ok(()) } else { self.socket.listen(BACKLOG) }
    }

    /// The socket to accept from, and how it is to be closed.
    pub(super) fn into_listener(self) -> io::Result<(std::net::TcpListener, Closing)> {
        let closing = match self.owner {
            Owner::Us => Closing { rest: Rest::Queue, socket: None },
            Owner::Starter => Closing { rest: Rest::None, socket: None },
            Owner::Shared => Closing { rest: Rest::Handshakes, socket: Some(self.socket.try_clone()?) },
        };
        Ok((self.socket.into(), closing))
    }
}

/// What is still accepted once a stop was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing: it is for whoever comes after us.
    None,
    /// What is in the queue; closing the socket would reset it.
    Queue,
    /// What is in the queue and what gets there within [`HANDSHAKE`].
    Handshakes,
}

/// How a door closes.
pub(super) struct Closing {
    rest: Rest,
    socket: Option<Socket>,
}

impl Closing {
    /// How long to go on accepting; `None` if nothing more is to be accepted. Zero takes what is in the queue.
    pub(super) fn begin(&self) -> Option<Duration> {
        match self.rest {
            Rest::None => None,
            Rest::Queue => Some(Duration::ZERO),
            Rest::Handshakes => {
                let turned = self.socket.as_ref().map(turn_newcomers_elsewhere);
                if let Some(Err(error)) = turned {
                    tracing::warn!(%error, "connections made at this very moment may be reset");
                }
                Some(HANDSHAKE)
            }
        }
    }
}

/// Has the kernel drop the first packet of every new connection. It is sent again after a second, and by then it
/// reaches another process's socket; a connection in the queue of a socket that is closed would be reset.
#[cfg(target_os = "linux")]
fn turn_newcomers_elsewhere(socket: &Socket) -> io::Result<()> {
    use socket2::SockFilter;

    // Classic BPF over the TCP header: A = byte 13, its flags; a SYN without ACK is dropped, all else passes.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS_AT: u32 = 13;
    const SYN: u32 = 0x02;
    const SYN_AND_ACK: u32 = 0x12;
    socket.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
        SockFilter::new(AND, 0, 0, SYN_AND_ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// There is no such filter here: a connection that is made while the socket closes may be reset.
#[cfg(not(target_os = "linux"))]
fn turn_newcomers_elsewhere(_: &Socket) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn open(address: SocketAddr, reuse_port: bool) -> io::Result<Door> {
        let door = Door::bind(address, reuse_port)?;
        door.open()?;
        Ok(door)
    }

    #[test]
    fn an_address_is_ours_alone_unless_we_share_it() {
        let first = open(ANYWHERE, false).expect("a free port");
        let address = first.address().expect("bound");
        assert!(open(address, false).is_err() && open(address, true).is_err());
        let shared = open(ANYWHERE, true).expect("a free port");
        let address = shared.address().expect("bound");
        assert!(open(address, true).is_ok());
        assert!(open(address, false).is_err(), "who does not share is told");
    }

    #[test]
    fn nobody_is_served_before_the_door_opens() {
        let door = Door::bind(ANYWHERE, false).expect("a free port");
        let address = door.address().expect("bound");
        assert!(TcpStream::connect(address).is_err());
        door.open().expect("opens");
        assert!(TcpStream::connect(address).is_ok());
    }

    #[test]
    fn what_is_still_accepted_depends_on_who_comes_after() {
        let handed = TcpListener::bind(ANYWHERE).expect("a free port");
        let doors = [
            (open(ANYWHERE, false).expect("opens"), Some(Duration::ZERO)),
            (open(ANYWHERE, true).expect("opens"), Some(HANDSHAKE)),
            (Door::handed_in(handed).expect("a listener"), None),
        ];
        for (door, expected) in doors {
            let (_listener, closing) = door.into_listener().expect("a listener");
            assert_eq!(closing.begin(), expected, "{:?}", closing.rest);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_closing_door_sends_newcomers_to_the_next_and_keeps_who_is_inside() {
        let old = open(ANYWHERE, true).expect("a free port");
        let address = old.address().expect("bound");
        let mut inside = TcpStream::connect(address).expect("the queue takes it");
        let (listener, closing) = old.into_listener().expect("a listener");
        closing.begin();
        let newcomer = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert!(newcomer.is_err(), "its first packet is dropped");
        let (mut accepted, _) = listener.accept().expect("it was in the queue");
        std::io::Write::write_all(&mut inside, b"x").expect("writes");
        accepted.set_nonblocking(false).expect("blocks");
        std::io::Read::read_exact(&mut accepted, &mut [0]).expect("what is inside goes on");
        let next = open(address, true).expect("shared");
        drop((listener, closing));
        assert!(TcpStream::connect(address).is_ok(), "the next one takes it");
        drop(next);
    }
}
