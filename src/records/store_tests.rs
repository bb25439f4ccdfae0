//! Schema, round trips, damage, bounds of the log.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::records::Reader;
use crate::records::fixtures::{MALICIOUS, epoch, sample, sampled, store, tally};

fn roomy() -> Bounds {
    Bounds::of(64 << 20)
}

#[test]
fn it_is_laid_out_and_run_as_documented() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), roomy());
    let text = |name: &str| -> String {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(shown)
            .unwrap()
    };
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(text("synchronous"), "1");
    assert_eq!(text("auto_vacuum"), "2");
    assert_eq!(text("user_version"), VERSION.to_string());
    assert_eq!(text("application_id"), APPLICATION.to_string());
    assert_eq!(text("max_page_count"), roomy().max_pages.to_string());
    let mut tables =
        store.connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(tables.len(), 4);
    assert!(tables.iter().all(|sql| sql.contains("-- ")), "`.schema` in sqlite3 shows what the columns mean");
}

fn shown(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Integer(n) => n.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn malicious_strings_come_back_as_they_were() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    let mut records = vec![epoch(1, 5)];
    for (n, text) in (10..).zip(MALICIOUS) {
        records.push(tally(1, &format!("{n}{text}"), text));
        let mut evil = sample(n, 0);
        evil.id = format!("{n}{text}");
        evil.route = text.to_owned();
        evil.signature = text.to_owned();
        evil.slot = u32::try_from(n).unwrap();
        evil.request.line = text.to_owned();
        evil.stable.headers = vec![(text.to_owned(), text.to_owned())];
        evil.shadow.body.text = text.to_owned();
        evil.differences[0].stable = Some(text.to_owned());
        records.push(sampled(evil));
    }
    assert_eq!(store.write(records.iter(), 7).unwrap(), 0);
    let reader = Reader::open(temp.path()).unwrap();
    for record in &records {
        if let Record::Sample(sample) = record {
            assert_eq!(reader.sample(&sample.id).unwrap().as_ref(), Some(&**sample));
        }
    }
    let read: Vec<Record> = reader.tallies(1).unwrap().into_iter().map(Record::Tally).collect();
    let mut wrote: Vec<Record> = records.iter().filter(|r| matches!(r, Record::Tally(_))).cloned().collect();
    wrote.sort_by_key(|r| if let Record::Tally(t) = r { t.endpoint.clone() } else { String::new() });
    assert_eq!(read, wrote);
}

#[test]
fn numbers_beyond_sqlite_are_cut_not_refused() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    assert_eq!(store.write([epoch(u64::MAX, u64::MAX)].iter(), u64::MAX).unwrap(), 0);
    let read = Reader::open(temp.path()).unwrap().latest_epoch().unwrap().unwrap();
    assert_eq!(read.number, i64::MAX.unsigned_abs());
}

#[test]
fn a_record_is_written_once_however_often_it_is_offered() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    let mut again = sample(1, 1);
    again.id = "other".into();
    store.write([epoch(1, 5), tally(1, "a", "old"), sampled(sample(1, 1)), epoch(1, 99)].iter(), 7).unwrap();
    store.write([tally(1, "a", "new"), sampled(again)].iter(), 8).unwrap();
    let reader = Reader::open(temp.path()).unwrap();
    assert_eq!(reader.latest_epoch().unwrap().unwrap().started_unix_ms, 5, "an epoch's beginning stays");
    let tallies = reader.tallies(1).unwrap();
    assert_eq!((tallies.len(), tallies[0].data.as_str()), (1, "new"));
    let samples = reader.samples(&crate::records::SampleFilter::default()).unwrap();
    assert_eq!(
        samples.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(),
        ["other"],
        "its slot was taken over"
    );
    assert_eq!(reader.sample("s1").unwrap(), None);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    store(temp.path(), roomy()).connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    let error = Store::open(Folder::hold(temp.path()).unwrap(), roomy(), 1).unwrap_err().to_string();
    assert!(error.contains("umbrage.db") && error.contains("schema version 2"), "{error}");
    let error = Reader::open(temp.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().filter(|e| is_aside(e.as_ref().unwrap())).count(), 0);
}

fn is_aside(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().contains("damaged")
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_begins() {
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.fill(b'x'),
        |bytes| bytes[..100].fill(0xff),
        |bytes| bytes.truncate(5000),
        |bytes| bytes[4096..].iter_mut().for_each(|b| *b ^= 0x5a),
    ];
    for (n, damage) in damages.iter().enumerate() {
        let temp = tempfile::tempdir().unwrap();
        let mut first = store(temp.path(), roomy());
        first.write([epoch(1, 5), tally(1, "a", &"d".repeat(20_000))].iter(), 7).unwrap();
        let path = first.folder.database();
        first.close().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();

        let mut second = store(temp.path(), roomy());
        second.write([epoch(2, 6)].iter(), 8).unwrap();
        assert_eq!(
            Reader::open(temp.path()).unwrap().latest_epoch().unwrap().unwrap().number,
            2,
            "damage {n}"
        );
        let aside: Vec<_> =
            std::fs::read_dir(temp.path()).unwrap().map(Result::unwrap).filter(is_aside).collect();
        assert_eq!(aside.len(), 1, "damage {n}");
        assert!(std::fs::read(aside[0].path()).unwrap() == bytes, "damage {n}: kept as it was found");
    }
}

#[test]
fn damage_found_in_use_is_replaced_too() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    store.write([epoch(1, 5)].iter(), 7).unwrap();
    let why = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None);
    assert!(WriteError::Sql(why).damage().is_some());
    let why = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB), None);
    store.replace(&why, 9).unwrap();
    assert_eq!(Reader::open(temp.path()).unwrap().latest_epoch().unwrap(), None);
    store.write([epoch(2, 5)].iter(), 7).unwrap();
    assert_eq!(Reader::open(temp.path()).unwrap().latest_epoch().unwrap().unwrap().number, 2);
}

#[test]
fn a_store_that_could_not_be_replaced_comes_back_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    store.connection = Connection::open_in_memory().unwrap();
    store.lost = true;
    store.write([epoch(3, 5)].iter(), 7).unwrap();
    assert_eq!(Reader::open(temp.path()).unwrap().latest_epoch().unwrap().unwrap().number, 3);
}

#[test]
fn an_error_in_a_batch_leaves_nothing_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds { max_pages: 20, ..roomy() });
    let big = "d".repeat(200_000);
    let error = store.write([epoch(1, 5), tally(1, "a", &big)].iter(), 7).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(Reader::open(temp.path()).unwrap().latest_epoch().unwrap(), None);
    store.write([epoch(1, 5)].iter(), 7).unwrap();
}

#[test]
fn a_record_that_no_store_can_take_does_not_harm_its_batch() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), roomy());
    store.connection.execute_batch(
        "CREATE TRIGGER picky BEFORE INSERT ON tally WHEN new.endpoint = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
    ).unwrap();
    let refused = store.write([epoch(1, 5), tally(1, "bad", ""), tally(1, "good", "")].iter(), 7).unwrap();
    assert_eq!(refused, 1);
    let reader = Reader::open(temp.path()).unwrap();
    assert_eq!(reader.tallies(1).unwrap().iter().map(|t| t.endpoint.as_str()).collect::<Vec<_>>(), ["good"]);
}

#[test]
fn the_log_is_bounded_even_while_somebody_reads() {
    let temp = tempfile::tempdir().unwrap();
    let bounds = Bounds::of(Bounds::MIN_SIZE * 4);
    let mut store = store(temp.path(), bounds);
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    store.write([epoch(1, 5)].iter(), 7).unwrap();
    let reader = Connection::open(temp.path().join("umbrage.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM epoch;").unwrap();
    // Other bytes each time: SQLite does not write a page anew that has not changed.
    let data = |n: u8| char::from(b'a' + n % 26).to_string().repeat(bounds.batch_bytes / 2);
    let full = (0..100).find_map(|n| store.write([tally(1, "a", &data(n))].iter(), 7).err());
    assert!(matches!(full, Some(WriteError::LogFull(_))), "{full:?}");
    assert!(store.log_size() <= bounds.log_bytes + 2 * bounds.batch_bytes as u64);
    reader.execute_batch("COMMIT").unwrap();
    store.write([tally(1, "a", "small")].iter(), 7).unwrap();
    assert!(store.log_size() <= bounds.log_bytes);
}
