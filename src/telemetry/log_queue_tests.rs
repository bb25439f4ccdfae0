//! Lines arrive, in order; a reader that hangs makes them fall away and nobody wait.
#![allow(clippy::unwrap_used)]

use super::*;

/// Keeps what was written; waits for `gate` before each write while there is one.
#[derive(Clone, Default)]
struct Page {
    text: Arc<Mutex<Vec<u8>>>,
    gate: Option<Arc<Mutex<Receiver<()>>>>,
    entered: Option<SyncSender<()>>,
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(entered) = &self.entered {
            let _ = entered.try_send(());
        }
        if let Some(gate) = &self.gate {
            let _ = gate.lock().unwrap().recv();
        }
        self.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn every_line_is_there_after_the_flush_in_its_order() {
    let page = Page::default();
    let (queue, flush) = start(page.clone(), Wording::Human).unwrap();
    for n in 0..500 {
        queue.offer(format!("line {n}\n").as_bytes());
    }
    drop(flush);
    let expected: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    assert_eq!(page.text().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_hung_reader_loses_lines_and_says_how_many() {
    let (open, gate) = sync_channel(0);
    let (entered, inside) = sync_channel(1);
    let page = Page { gate: Some(Arc::new(Mutex::new(gate))), entered: Some(entered), ..Page::default() };
    let (queue, flush) = start(page.clone(), Wording::Human).unwrap();
    queue.offer(b"first\n");
    inside.recv().unwrap();
    for n in 0..MAX_WAITING + 7 {
        queue.offer(format!("line {n}\n").as_bytes());
    }
    assert_eq!(queue.lost(), 7, "offering never waits");
    drop(open);
    drop(flush);
    let text = page.text();
    assert!(text.contains("WARN umbrage: 7 log lines were lost"), "{text}");
    assert_eq!(text.lines().count(), 1 + MAX_WAITING + 1);
    assert_eq!(queue.lost(), 0);
}

#[test]
fn a_broken_reader_is_survived() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let (queue, flush) = start(Broken, Wording::Json).unwrap();
    queue.offer(b"into the void");
    drop(flush);
    queue.offer(b"after the end");
    assert_eq!(queue.lost(), 1, "nobody takes lines any more");
}

#[test]
fn a_line_stays_one_line_and_within_its_bound() {
    assert_eq!(one_line(b"a\nINFO forged\r\n", Wording::Human), b"a\\nINFO forged\\r\n");
    assert_eq!(one_line(b"", Wording::Human), b"\n");
    let long = one_line(&[b'x'; MAX_LINE + 5], Wording::Human);
    assert!(
        long.ends_with(" … (5 bytes cut)\n".as_bytes()),
        "{}",
        String::from_utf8_lossy(&long[MAX_LINE..])
    );
    assert!(long.len() < MAX_LINE + 64);
    let json = one_line(format!("{{\"a\":\"{}\"}}", "\u{1}".repeat(MAX_LINE)).as_bytes(), Wording::Json);
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["message"], "a log line was too long");
    assert_eq!(String::from_utf8(json).unwrap().matches('\n').count(), 1);
}

#[test]
fn lost_lines_are_said_in_the_format_of_the_log() {
    let value: serde_json::Value = serde_json::from_slice(&own_line(Wording::Json, "lost", 3)).unwrap();
    assert_eq!((value["count"].as_u64(), value["message"].as_str()), (Some(3), Some("lost")));
}
