//! A backend that writes frames of HTTP/2 byte by byte, so that it can be as wrong as a test likes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::DEADLINE;
use super::frames::{HEADERS, PREFACE, frame};

/// Every connection with the thread that serves it.
type Open = Arc<Mutex<Vec<(TcpStream, JoinHandle<()>)>>>;

/// A running backend: its n-th connection writes its n-th list of bytes, one item after each request head that comes.
pub struct FrameServer {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
    heads: Arc<AtomicUsize>,
    accepting: Option<JoinHandle<()>>,
    open: Open,
}

/// A whole answer with status 200 and no body.
pub fn ok_frame(stream: u32) -> Vec<u8> {
    frame(HEADERS, 0x5, stream, &[0x88])
}

/// GOAWAY without an error; streams above `last` were not touched.
pub fn goaway_frame(last: u32) -> Vec<u8> {
    frame(7, 0, 0, &[last.to_be_bytes(), [0; 4]].concat())
}

/// Starts it.
pub fn frame_server(scripts: Vec<Vec<Vec<u8>>>) -> FrameServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (stopping, heads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let open: Open = Arc::default();
    let (told, counted, kept) = (stopping.clone(), heads.clone(), open.clone());
    let accepting = std::thread::spawn(move || {
        let mut scripts = scripts.into_iter();
        while let Ok((stream, _)) = listener.accept() {
            if told.load(Ordering::SeqCst) {
                return;
            }
            let (script, heads) = (scripts.next().unwrap_or_default(), counted.clone());
            let other = stream.try_clone().unwrap();
            let thread = std::thread::spawn(move || drop(follow(stream, script, &heads)));
            kept.lock().unwrap().push((other, thread));
        }
    });
    FrameServer { addr, stopping, heads, accepting: Some(accepting), open }
}

impl FrameServer {
    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Heads of requests that came.
    pub fn heads(&self) -> usize {
        self.heads.load(Ordering::SeqCst)
    }
}

impl Drop for FrameServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.addr));
        let _ = self.accepting.take().map(JoinHandle::join);
        for (stream, thread) in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

/// Reads until the other end closes.
fn follow(mut stream: TcpStream, script: Vec<Vec<u8>>, heads: &AtomicUsize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_nodelay(true)?;
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface)?;
    assert_eq!(preface, PREFACE);
    stream.write_all(&frame(4, 0, 0, &[]))?;
    let mut script = script.into_iter();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        match (head[3], head[4]) {
            (HEADERS, _) => {
                heads.fetch_add(1, Ordering::SeqCst);
                stream.write_all(&script.next().unwrap_or_default())?;
            }
            // SETTINGS and PING are acknowledged, as an honest peer would.
            (4, 0) => stream.write_all(&frame(4, 1, 0, &[]))?,
            (6, 0) => stream.write_all(&frame(6, 1, 0, &payload))?,
            _ => {}
        }
    }
}
