//! The writer as a whole: what is offered arrives, survives a kill, and no trouble ends it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use super::*;
use crate::records::fixtures::{counted, epoch, queue_length, sample, sampled, settings, soon, tally};
use crate::records::{Reader, SampleFilter};

fn started(dir: &Path) -> (Sink, Writer, Metrics, Settings) {
    let (settings, metrics) = (settings(dir), Metrics::new());
    let (sink, writer) = start(&settings, &metrics).unwrap();
    (sink, writer, metrics, settings)
}

fn number_of_samples(dir: &Path) -> usize {
    Reader::open(dir).unwrap().samples(&SampleFilter::default()).unwrap().len()
}

#[test]
fn what_is_offered_is_there_after_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, metrics, settings) = started(temp.path());
    let records = [epoch(1, 5), tally(1, "a", "{}"), Record::Coverage { epoch: 1, json: "{\"x\":1}".into() }];
    for record in &records {
        assert!(sink.offer(record.clone()));
    }
    for n in 0..700 {
        assert!(sink.offer(sampled(sample(n, 100))));
    }
    assert!(writer.finish(soon()));
    assert_eq!(counted(&metrics, "written"), 703);
    assert_eq!(counted(&metrics, "failed") + counted(&metrics, "dropped"), 0);
    assert!(queue_length(&metrics).abs() < 0.1);
    assert!(!sink.offer(epoch(2, 1)), "after the end");
    assert_eq!(counted(&metrics, "dropped"), 1);
    let log = settings.dir.join("umbrage.db-wal");
    assert!(std::fs::metadata(log).map_or(0, |m| m.len()) == 0, "a closed store is one file");

    let (_, writer) = start(&settings, &Metrics::new()).unwrap();
    let reader = Reader::open(&settings.dir).unwrap();
    assert_eq!(reader.latest_epoch().unwrap().map(Record::Epoch).as_ref(), Some(&records[0]));
    assert_eq!(reader.tallies(1).unwrap().into_iter().map(Record::Tally).collect::<Vec<_>>(), records[1..2]);
    assert_eq!(reader.coverage(1).unwrap().unwrap(), "{\"x\":1}");
    assert_eq!(reader.sample("s3").unwrap().unwrap(), sample(3, 100));
    assert_eq!(number_of_samples(&settings.dir), 700);
    assert!(writer.finish(soon()));
}

/// A killed process leaves the files as they are: copied here while the writer has them open, without any farewell.
#[test]
fn what_was_flushed_survives_a_kill() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, _, settings) = started(temp.path());
    for n in 0..300 {
        assert!(sink.offer(sampled(sample(n, 2000))));
    }
    assert!(sink.flush(soon()));
    let killed = temp.path().join("killed");
    std::fs::create_dir(&killed).unwrap();
    for name in ["umbrage.db", "umbrage.db-wal"] {
        std::fs::copy(settings.dir.join(name), killed.join(name)).unwrap();
    }
    assert!(writer.finish(soon()));

    let after = Settings { dir: killed.clone(), ..settings };
    let (sink, writer) = start(&after, &Metrics::new()).unwrap();
    assert_eq!(number_of_samples(&killed), 300);
    assert!(sink.offer(epoch(2, 1)));
    assert!(writer.finish(soon()));
    assert_eq!(Reader::open(&killed).unwrap().latest_epoch().unwrap().unwrap().number, 2);
}

#[test]
fn a_log_torn_in_the_middle_of_a_write_costs_its_end_only() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, _, settings) = started(temp.path());
    assert!(sink.offer(epoch(1, 1)));
    assert!(sink.flush(soon()));
    let log = settings.dir.join("umbrage.db-wal");
    let safe = std::fs::metadata(&log).unwrap().len();
    assert!(sink.offer(tally(1, "a", &"d".repeat(50_000))));
    assert!(sink.flush(soon()));
    let torn = temp.path().join("torn");
    std::fs::create_dir(&torn).unwrap();
    std::fs::copy(settings.dir.join("umbrage.db"), torn.join("umbrage.db")).unwrap();
    let bytes = std::fs::read(&log).unwrap();
    let cut = usize::try_from(safe).unwrap() + 10_000;
    assert!(bytes.len() > cut);
    std::fs::write(torn.join("umbrage.db-wal"), &bytes[..cut]).unwrap();
    assert!(writer.finish(soon()));

    let (_, writer) = start(&Settings { dir: torn.clone(), ..settings }, &Metrics::new()).unwrap();
    let reader = Reader::open(&torn).unwrap();
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 1);
    assert!(reader.tallies(1).unwrap().is_empty());
    assert!(writer.finish(soon()));
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, _, settings) = started(temp.path());
    let Err(error) = start(&settings, &Metrics::new()) else { panic!("two writers") };
    assert!(matches!(error, StoreError::Held { .. }), "{error}");
    assert!(sink.offer(epoch(1, 1)));
    assert!(writer.finish(soon()));
    let (_, writer) = start(&settings, &Metrics::new()).unwrap();
    assert!(writer.finish(soon()));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("data"), "a file").unwrap();
    let Err(error) = start(&settings(temp.path()), &Metrics::new()) else { panic!("started in a file") };
    assert!(error.to_string().contains(temp.path().join("data").to_str().unwrap()), "{error}");
}

/// `SQLITE_FULL`, met through the hard bound, which the newest epoch alone has used up.
#[test]
fn a_full_store_is_counted_and_survived_and_recovers() {
    let temp = tempfile::tempdir().unwrap();
    let (settings, metrics) = (settings(temp.path()), Metrics::new());
    let bounds = Bounds { max_pages: 64, high_pages: 56, low_pages: 48, ..Bounds::of(64 << 20) };
    let (sink, writer) = start_with(&settings, bounds, &metrics).unwrap();
    let offer = |record: Record| {
        assert!(sink.offer(record), "the queue has room: serving goes on");
        assert!(sink.flush(soon()));
    };
    offer(epoch(1, 1));
    offer(tally(1, "a", &"a".repeat(150_000)));
    let (written, failed) = (counted(&metrics, "written"), counted(&metrics, "failed"));
    assert_eq!((written, failed), (2, 0));
    offer(tally(1, "b", &"b".repeat(150_000)));
    offer(sampled(sample(1, 4000)));
    assert_eq!(
        counted(&metrics, "failed"),
        2,
        "the backlog's row keeps the store full, so the sample fails with it"
    );

    // The row shrinks: there is room for everything again, without a restart.
    offer(tally(1, "b", "small"));
    assert_eq!(counted(&metrics, "failed"), 2);
    assert_eq!(counted(&metrics, "written"), 3);
    let rows = Reader::open(&settings.dir).unwrap().tallies(1).unwrap();
    assert_eq!(rows.iter().map(|t| t.data.len()).collect::<Vec<_>>(), [150_000, 5]);
    assert!(writer.finish(soon()));
}

#[test]
fn samples_make_room_for_newer_ones_instead_of_failing() {
    let temp = tempfile::tempdir().unwrap();
    let (settings, metrics) = (settings(temp.path()), Metrics::new());
    let bounds = Bounds { max_pages: 64, high_pages: 63, low_pages: 32, ..Bounds::of(64 << 20) };
    let (sink, writer) = start_with(&settings, bounds, &metrics).unwrap();
    for n in 0..100 {
        assert!(sink.offer(sampled(sample(n, 4000))));
        assert!(sink.flush(soon()));
    }
    assert!(writer.finish(soon()));
    assert_eq!((counted(&metrics, "written"), counted(&metrics, "failed")), (100, 0));
    let left = Reader::open(&settings.dir).unwrap().samples(&SampleFilter::default()).unwrap();
    assert_eq!(left[0].id, "s99");
    assert!((5..30).contains(&left.len()), "{}", left.len());
}

/// Any error that goes away: here a lock that somebody else holds for longer than is waited.
#[test]
fn state_that_could_not_be_written_is_written_later_without_being_offered_again() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, metrics, settings) = started(temp.path());
    assert!(sink.flush(soon()));
    let other = rusqlite::Connection::open(settings.dir.join("umbrage.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(sink.offer(epoch(7, 1)) && sink.offer(tally(7, "a", "old")) && sink.offer(sampled(sample(1, 1))));
    assert!(sink.flush(soon()));
    assert_eq!((counted(&metrics, "written"), counted(&metrics, "failed")), (0, 3));
    other.execute_batch("COMMIT").unwrap();

    assert!(sink.offer(tally(7, "a", "new")));
    assert!(sink.flush(soon()));
    assert_eq!(
        (counted(&metrics, "written"), counted(&metrics, "failed")),
        (1, 3),
        "nothing is counted twice"
    );
    let reader = Reader::open(&settings.dir).unwrap();
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 7);
    assert_eq!(reader.tallies(7).unwrap()[0].data, "new");
    assert!(writer.finish(soon()));
}

#[test]
fn damage_while_running_is_set_aside_and_writing_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, metrics, settings) = started(temp.path());
    assert!(sink.offer(tally(1, "a", &"d".repeat(100_000))));
    assert!(sink.flush(soon()));
    // Somebody overwrites the file and takes its log away.
    let other = rusqlite::Connection::open(settings.dir.join("umbrage.db")).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(other);
    let path = settings.dir.join("umbrage.db");
    let length = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
    overwrite(&path, length);
    for n in 0..200 {
        sink.offer(tally(1, &format!("e{n}"), &"d".repeat(2000)));
    }
    sink.offer(epoch(2, 1));
    assert!(sink.flush(soon()));
    assert!(writer.finish(soon()));
    assert_eq!(counted(&metrics, "written"), 202);
    assert_eq!(Reader::open(&settings.dir).unwrap().latest_epoch().unwrap().unwrap().number, 2);
    let names: Vec<_> = std::fs::read_dir(&settings.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().any(|n| n.to_string_lossy().contains("damaged")), "{names:?}");
}

/// In place: the inode stays, as it does when a disk goes bad.
fn overwrite(path: &Path, length: usize) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(&vec![0xa5; length]).unwrap();
}

#[test]
fn when_every_sink_is_gone_the_writer_ends_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let (sink, writer, _, settings) = started(temp.path());
    assert!(sink.offer(epoch(1, 1)));
    let Writer { sink: own, shared, thread } = writer;
    drop((sink, own));
    assert!(shared.wait_for_end(soon()));
    thread.join().unwrap();
    assert_eq!(Reader::open(&settings.dir).unwrap().latest_epoch().unwrap().unwrap().number, 1);
}

#[test]
fn trouble_is_said_at_intervals_only() {
    let mut trouble = Trouble::default();
    let now = clock::now();
    let error = || WriteError::LogFull(1);
    trouble.say(&error(), 3, now);
    assert_eq!(trouble.said, Some(now));
    trouble.say(&error(), 4, now + SAY_EVERY / 2);
    assert_eq!(trouble.said, Some(now), "too soon");
    assert_eq!(trouble.lost, 7);
    trouble.say(&error(), 0, now + SAY_EVERY);
    assert_eq!(trouble.said, Some(now + SAY_EVERY));
    trouble.over();
    assert_eq!((trouble.said, trouble.lost), (None, 0));
}

/// The real thing: this test, started again as a process of its own, writes for ever and is killed while it does.
#[test]
fn a_process_that_is_killed_while_it_writes_loses_nothing_that_was_flushed() {
    const DIR: &str = "UMBRAGE_TEST_KILLED_DIR";
    const NAME: &str = "a_process_that_is_killed_while_it_writes_loses_nothing_that_was_flushed";
    if let Some(dir) = std::env::var_os(DIR) {
        return write_until_killed(Path::new(&dir));
    }
    let temp = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            &format!("{}::{NAME}", module_path!().trim_start_matches("umbrage::")),
            "--exact",
            "--nocapture",
        ])
        .env(DIR, temp.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = std::io::BufReader::new(child.stdout.take().unwrap());
    let flushed = std::io::BufRead::lines(said).map_while(Result::ok).filter_map(|line| {
        let number = line.split_once("flushed ")?.1;
        number.parse::<u64>().ok()
    });
    let flushed = flushed.take(40).last().unwrap();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());

    let settings = settings(temp.path());
    let (sink, writer) = start(&settings, &Metrics::new()).unwrap();
    let reader = Reader::open(&settings.dir).unwrap();
    assert!(flushed >= 40, "{flushed}");
    assert!(reader.latest_epoch().unwrap().unwrap().number >= flushed);
    for n in 1..=flushed {
        assert_eq!(reader.sample(&format!("s{n}")).unwrap(), Some(sample(n, 2000)));
    }
    assert!(sink.offer(epoch(u64::from(u32::MAX), 1)) && writer.finish(soon()), "and it goes on");
}

fn write_until_killed(dir: &Path) {
    let (sink, _writer, _, _) = started(dir);
    for n in 1..100_000 {
        assert!(sink.offer(epoch(n, n)) && sink.offer(sampled(sample(n, 2000))));
        assert!(sink.flush(soon()));
        println!("\nflushed {n}");
    }
}

#[test]
fn idle_time_is_used_to_write_what_is_left_over() {
    let temp = tempfile::tempdir().unwrap();
    let (settings, metrics) = (settings(temp.path()), Metrics::new());
    let store = crate::records::fixtures::store(&settings.dir, Bounds::of(settings.max_size));
    let (_sender, receiver) = sync_channel(1);
    let shared = Arc::new(Shared::new(&metrics));
    let (backlog, trouble, max_age) = (Backlog::default(), Trouble::default(), settings.max_age);
    let mut state = Loop { store, receiver, shared, max_age, backlog, prune_at: clock::now(), trouble };
    state.backlog.keep(vec![epoch(4, 1)]);
    state.write(Vec::new());
    assert!(state.backlog.is_empty());
    assert_eq!(Reader::open(&settings.dir).unwrap().latest_epoch().unwrap().unwrap().number, 4);
    assert_eq!(
        (counted(&metrics, "written"), counted(&metrics, "failed")),
        (0, 0),
        "it was counted when it failed"
    );

    state.prune();
    assert!(state.prune_at > clock::now(), "the next look at ages is a minute away");
}
