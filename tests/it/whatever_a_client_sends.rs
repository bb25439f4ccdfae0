//! Whatever a client sends: the origin sees sound requests, each of them one that the client sent, in order and with its own
//! body; the client gets one sound answer for each; and what is mirrored is what stable was asked.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::support::{DEADLINE, proxy};
use grammar::{Choices, conversation};
use strict::{Broken, Message};
use verdict::{Played, answers, due, judge, requests};

#[path = "../properties/grammar.rs"]
#[allow(dead_code, reason = "what backends say is for the fuzz targets alone")]
mod grammar;
#[path = "../properties/strict.rs"]
mod strict;
#[path = "../properties/verdict.rs"]
mod verdict;

/// How many conversations there are: a few seconds' worth.
const CONVERSATIONS: u16 = 400;
/// How many clients talk at once.
const CLIENTS: u16 = 4;

/// What one client sent, and what it got.
struct Conversation {
    number: u16,
    sent: Vec<u8>,
    got: Vec<u8>,
}

/// A backend that reads strictly, notes what it reads, and answers with the place of the request in its notes.
struct Origin {
    address: SocketAddr,
    notes: Arc<Notes>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Notes {
    seen: Mutex<Vec<Message>>,
    faults: Mutex<Vec<String>>,
    stopping: AtomicBool,
}

impl Origin {
    fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::<Notes>::default();
        let noted = notes.clone();
        let accepting = thread::spawn(move || {
            let mut serving = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                if noted.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let notes = noted.clone();
                serving.push(thread::spawn(move || notes.serve(stream)));
            }
            for thread in serving {
                thread.join().unwrap();
            }
        });
        Origin { address, notes, accepting }
    }

    /// Once nobody is connected any more: what it saw.
    fn stop(self) -> Vec<Message> {
        self.notes.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.accepting.join().unwrap();
        let faults = self.notes.faults.lock().unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
        std::mem::take(&mut *self.notes.seen.lock().unwrap())
    }
}

impl Notes {
    /// Reads requests and answers them, one after the other.
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut bytes = Vec::new();
        let mut part = [0; 16 * 1024];
        loop {
            let request = match strict::request(&bytes) {
                Ok(request) if request.complete => request,
                Err(Broken::Bad(what)) => return self.dislike(&what, &bytes),
                partial => match stream.read(&mut part) {
                    Ok(count @ 1..) => {
                        bytes.extend_from_slice(&part[..count]);
                        continue;
                    }
                    _ => return self.broken_off(partial, &bytes),
                },
            };
            if bytes.starts_with(b"\r") || request.length < bytes.len() {
                return self.dislike("bytes around a request", &bytes);
            }
            bytes.clear();
            let place = self.note(request.clone());
            let body = if request.line[0] == "HEAD" { "" } else { "seen" };
            let answer = format!("HTTP/1.1 200 OK\r\nX-Seen: {place}\r\nContent-Length: 4\r\n\r\n{body}");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn note(&self, request: Message) -> usize {
        let mut seen = self.seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    }

    fn dislike(&self, what: &str, bytes: &[u8]) {
        self.faults.lock().unwrap().push(format!("{what}: {}", bytes.escape_ascii()));
    }

    /// The connection ended within a request, or between two.
    fn broken_off(&self, partial: Result<Message, Broken>, bytes: &[u8]) {
        let Ok(request) = partial else { return };
        if let Some(fault) = &request.fault {
            return self.dislike(fault, bytes);
        }
        self.note(request);
    }
}

impl Conversation {
    /// The conversation with this number, always the same.
    fn pieces(number: u16) -> Vec<Vec<u8>> {
        let mut draw = fastrand::Rng::with_seed(number.into());
        let choices: Vec<u8> = (0..draw.usize(..250)).map(|_| draw.u8(..)).collect();
        conversation(&mut Choices::new(&choices))
    }

    /// Sends it, waits for the answers that are due, leaves, and reads what else comes.
    fn hold(number: u16, proxy: SocketAddr) -> Conversation {
        let pieces = Self::pieces(number);
        let sent = pieces.concat();
        let mut stream = TcpStream::connect(proxy).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let from = Self::client(number);
        let mut got = Vec::new();
        let announced = stream.write_all(format!("PROXY TCP4 {from} 127.0.0.1 5000 80\r\n").as_bytes());
        // A proxy that has answered and closed takes no more.
        let _ = announced.and_then(|()| pieces.iter().try_for_each(|piece| stream.write_all(piece)));
        let (wanted, mut part) = (due(&sent), [0; 16 * 1024]);
        let mut left = false;
        loop {
            if !left && answers(&sent, &got) >= wanted {
                left = true;
                let _ = stream.shutdown(Shutdown::Write);
            }
            match stream.read(&mut part) {
                Ok(count @ 1..) => got.extend_from_slice(&part[..count]),
                Ok(_) => break,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => {
                    panic!("{number} hangs ({error}): {} after {}", sent.escape_ascii(), got.escape_ascii())
                }
            }
        }
        Conversation { number, sent, got }
    }

    /// By its address each client is known to the origin, whatever it says of itself.
    fn client(number: u16) -> String {
        let [high, low] = number.to_be_bytes();
        format!("10.1.{high}.{low}")
    }
}

#[test]
fn the_origin_sees_that_and_nothing_else() {
    let (stable, shadow) = (Origin::start(), Origin::start());
    let proxy = proxy()
        .stable_url(&format!("http://{}", stable.address))
        .shadow_url(&format!("http://{}", shadow.address))
        .percent(100.0)
        .with("listen", "proxy_protocol = true")
        .start();
    let address = proxy.addr();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let numbers = (client..CONVERSATIONS).step_by(CLIENTS.into());
            thread::spawn(move || {
                numbers.map(|number| Conversation::hold(number, address)).collect::<Vec<_>>()
            })
        })
        .collect();
    let held: Vec<Conversation> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    proxy.assert_laws();
    drop(proxy);
    let (seen, mirrored) = (stable.stop(), shadow.stop());

    for conversation in &held {
        let client = Conversation::client(conversation.number);
        let places: Vec<usize> =
            (0..seen.len()).filter(|place| seen[*place].all("x-forwarded-for") == [client.clone()]).collect();
        let of_it: Vec<Message> = places.iter().map(|place| seen[*place].clone()).collect();
        // The answers name places among all that the origin saw.
        let got = places.iter().enumerate().fold(conversation.got.clone(), |got, (own, place)| {
            replaced(&got, &format!("X-Seen: {place}\r\n"), &format!("X-Seen: {own}\r\n"))
        });
        judge(&Played { sent: &conversation.sent, seen: &of_it, got: &got, client: &client });
    }
    for copy in &mirrored {
        let same = |original: &&Message| {
            original.line == copy.line
                && original.body == copy.body
                && original.all("x-forwarded-for") == copy.all("x-forwarded-for")
        };
        assert!(seen.iter().any(|original| same(&original)), "mirrored and not asked: {copy:?}");
        assert_eq!(copy.all("umbrage-shadow"), ["1"], "{copy:?}");
    }
    assert!(seen.len() > 200 && mirrored.len() > 50, "{} seen, {} mirrored", seen.len(), mirrored.len());
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let Some(at) = bytes.windows(from.len()).position(|part| part == from.as_bytes()) else {
        return bytes.to_vec();
    };
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[test]
fn the_conversations_are_no_desert() {
    let all: Vec<Vec<u8>> = (0..CONVERSATIONS).map(|number| Conversation::pieces(number).concat()).collect();
    let sound: usize = all.iter().map(|sent| due(sent)).sum();
    let refused = all.iter().filter(|sent| !requests(sent).1.is_empty()).count();
    let bodies =
        all.iter().flat_map(|sent| requests(sent).0).filter(|request| !request.body.is_empty()).count();
    assert!(
        sound > 100 && refused > 100 && bodies > 400,
        "{sound} sound, {refused} refused, {bodies} with a body"
    );
}
