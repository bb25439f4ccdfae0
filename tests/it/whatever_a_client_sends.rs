//! Whatever a client sends: the origin sees sound requests, each of them one that the client sent, in order and with its own
//! body; the client gets one sound answer for each; and what is mirrored is what stable was asked.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::support::{DEADLINE, proxy};
use strict::{Broken, Message};
use verdict::{Played, answers, due, judge};

#[path = "../properties/grammar.rs"]
#[allow(dead_code, reason = "what backends say is the fuzz targets' alone")]
mod grammar;
#[path = "../properties/strict.rs"]
#[allow(dead_code, reason = "answers are read by the verdict alone")]
mod strict;
#[path = "../properties/verdict.rs"]
mod verdict;

/// Conversations: a few seconds' worth.
const CONVERSATIONS: u16 = 400;
/// Clients at a time.
const CLIENTS: u16 = 4;

/// An origin that reads strictly and answers everything with the place at which it saw it.
struct Origin {
    address: SocketAddr,
    log: Arc<Log>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Message>>,
    faults: Mutex<Vec<String>>,
}

impl Origin {
    fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::<Log>::default();
        let noted = log.clone();
        let accepting = thread::spawn(move || {
            let mut serving = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                let log = noted.clone();
                let (said, served) = (stream.try_clone().unwrap(), stream);
                if said.peer_addr().is_err() {
                    continue;
                }
                serving.push(thread::spawn(move || serve(served, &log)));
                if Arc::strong_count(&noted) == 0 {
                    break;
                }
            }
            serving.into_iter().for_each(|thread| thread.join().unwrap());
        });
        Origin { address, log, accepting: Some(accepting) }
    }
}
