//! Every line is written, dropped or failed, and counted so; a file that moves, a disk that fills and a reader that hangs
//! harm nobody.
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

fn count(metrics: &Metrics, result: &str) -> u64 {
    let series = format!("umbrage_records_total{{sink=\"t\",result=\"{result}\"}} ");
    let page = metrics.render();
    page.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |n| n.parse().unwrap())
}

fn start(path: &Path) -> (RecordFile, Flush, Metrics) {
    let metrics = Metrics::new();
    let (file, flush) = RecordFile::start(Some(path.to_owned()), "t", &metrics).unwrap();
    (file, flush, metrics)
}

/// Pages over a writer of the test's own.
fn pages(out: Option<Box<dyn Write + Send>>, metrics: &Metrics) -> Pages {
    let result = |result| metrics.records.with(["t", result]);
    Pages {
        out,
        path: None,
        gathered: Vec::new(),
        torn: false,
        failing: false,
        reopen: Arc::new(AtomicBool::new(false)),
        written: result("written"),
        failed: result("failed"),
    }
}

#[test]
fn every_line_is_there_in_its_order_and_counted_and_the_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    std::fs::write(&path, "before\n").unwrap();
    let (file, flush, metrics) = start(&path);
    for n in 0..1000 {
        file.offer(format!("{{\"n\":{n}}}\n").as_bytes());
    }
    drop(flush);
    let expected: Vec<String> =
        std::iter::once("before".to_owned()).chain((0..1000).map(|n| format!("{{\"n\":{n}}}"))).collect();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), expected);
    assert_eq!(
        (count(&metrics, "written"), count(&metrics, "dropped"), count(&metrics, "failed")),
        (1000, 0, 0)
    );
}

#[test]
fn a_file_of_its_own_making_is_not_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    drop(start(&path));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
}

#[test]
fn a_file_that_was_moved_away_is_made_anew_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let metrics = Metrics::new();
    let mut pages = Pages { path: Some(path.clone()), ..pages(None, &metrics) };
    let reopen = pages.reopen.clone();
    reopen.store(true, Ordering::Release);
    let mut line = |text: &str| {
        pages.write_all(text.as_bytes()).unwrap();
        pages.flush().unwrap();
    };
    line("one\n");
    std::fs::rename(&path, &moved).unwrap();
    line("two\n");
    assert!(!path.exists(), "nobody asked yet");
    reopen.store(true, Ordering::Release);
    line("three\n");
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
    assert_eq!(count(&metrics, "written"), 3);
    // A path that cannot be opened any more: the old file is better than none.
    pages.path = Some(folder.path().join("no/such/folder/access.log"));
    reopen.store(true, Ordering::Release);
    pages.write_all(b"four\n").unwrap();
    pages.flush().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\nfour\n");
}

#[test]
fn a_full_disk_is_counted_and_said_and_forgotten() {
    let (file, flush, metrics) = start(Path::new("/dev/full"));
    for _ in 0..10 {
        file.offer(b"{}\n");
    }
    drop(flush);
    assert_eq!((count(&metrics, "written"), count(&metrics, "failed")), (0, 10));
}

#[test]
fn a_file_that_cannot_be_opened_fails_every_line_and_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let (file, flush, metrics) = start(&folder.path().join("no/such/folder/access.log"));
    file.offer(b"{}\n");
    drop(flush);
    assert_eq!((count(&metrics, "written"), count(&metrics, "failed")), (0, 1));
}

#[test]
fn a_reader_that_hangs_makes_lines_fall_away_and_nobody_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    // Nobody reads: opening it already hangs.
    let (file, flush, metrics) = start(&path);
    // One more may be in the hands of the thread, and one wake in the queue.
    let offered = MAX_WAITING + 100;
    for n in 0..offered {
        file.offer(format!("{n}\n").as_bytes());
    }
    let dropped = count(&metrics, "dropped");
    assert!((99..=101).contains(&dropped), "{dropped}");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    // What waited comes as soon as somebody reads.
    drop((file, flush));
    let text = reading.join().unwrap();
    let expected: Vec<String> = (0..offered).map(|n| n.to_string()).take(text.lines().count()).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(count(&metrics, "written") + count(&metrics, "dropped"), offered as u64);
    assert_eq!(count(&metrics, "written"), text.lines().count() as u64);
}

/// Takes so many bytes and then errs, again and again.
struct Filling {
    room: Vec<usize>,
    text: Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Write for Filling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.room.pop() {
            None | Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(room) => {
                let taken = room.min(bytes.len());
                self.text.lock().unwrap().extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_was_cut_by_a_full_disk_spoils_no_other() {
    let text = Arc::new(std::sync::Mutex::new(Vec::new()));
    let metrics = Metrics::new();
    // From behind: five bytes, full; then room again.
    let out = Filling { room: vec![100, 100, 100, 0, 5], text: text.clone() };
    let mut pages = pages(Some(Box::new(out)), &metrics);
    pages.write_all(b"one\n").unwrap();
    pages.write_all(b"two\n").unwrap();
    pages.flush().unwrap();
    assert!(pages.failing && pages.torn);
    pages.write_all(b"three\n").unwrap();
    pages.flush().unwrap();
    assert!(!pages.failing && !pages.torn);
    assert_eq!(String::from_utf8(text.lock().unwrap().clone()).unwrap(), "one\nt\nthree\n");
    assert_eq!((count(&metrics, "written"), count(&metrics, "failed")), (2, 1));
}

#[test]
fn lines_are_gathered_up_to_a_bound() {
    let text = Arc::new(std::sync::Mutex::new(Vec::new()));
    let metrics = Metrics::new();
    let mut pages =
        pages(Some(Box::new(Filling { room: vec![usize::MAX; 9], text: text.clone() })), &metrics);
    let line = [vec![b'x'; 1023], vec![b'\n']].concat();
    for _ in 0..GATHERED / line.len() - 1 {
        pages.write_all(&line).unwrap();
    }
    assert_eq!(text.lock().unwrap().len(), 0);
    pages.write_all(&line).unwrap();
    assert_eq!((text.lock().unwrap().len(), pages.gathered.len()), (GATHERED, 0));
}
