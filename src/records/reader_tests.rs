//! Reading while somebody writes; filters; stores that are not there.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::records::fixtures::{MALICIOUS, counted, epoch, sample, sampled, settings, soon, store, tally};
use crate::records::{Record, bounds::Bounds, start};
use crate::telemetry::Metrics;

#[test]
fn no_store_is_said_with_its_path() {
    let temp = tempfile::tempdir().unwrap();
    let error = Reader::open(temp.path()).unwrap_err();
    assert!(matches!(error, StoreError::Absent { .. }));
    assert!(error.to_string().contains("umbrage.db"));
    std::fs::write(temp.path().join(DATABASE), "").unwrap();
    assert!(
        matches!(Reader::open(temp.path()).unwrap_err(), StoreError::Absent { .. }),
        "made, not laid out yet"
    );
    std::fs::write(temp.path().join(DATABASE), "not a database at all, just some text".repeat(50)).unwrap();
    assert!(matches!(Reader::open(temp.path()).unwrap_err(), StoreError::Sql { .. }));
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1, "a reader makes nothing");
}

#[test]
fn it_sees_each_committed_state_while_a_writer_writes() {
    let temp = tempfile::tempdir().unwrap();
    let (settings, metrics) = (settings(temp.path()), Metrics::new());
    let (sink, writer) = start(&settings, &metrics).unwrap();
    let reader = Reader::open(&settings.dir).unwrap();
    assert_eq!(reader.latest_epoch().unwrap(), None);
    for n in 1..=20 {
        assert!(sink.offer(epoch(n, n)) && sink.offer(sampled(sample(n, 3000))));
        assert!(sink.flush(soon()));
        assert_eq!(reader.latest_epoch().unwrap().unwrap().number, n);
        assert_eq!(reader.samples(&SampleFilter::default()).unwrap().len() as u64, n);
    }
    assert_eq!(counted(&metrics, "failed"), 0);
    assert!(writer.finish(soon()));
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 20, "and after it has gone");
}

#[test]
fn a_reader_cannot_write() {
    let temp = tempfile::tempdir().unwrap();
    drop(store(temp.path(), Bounds::of(1 << 20)));
    let reader = Reader::open(temp.path()).unwrap();
    assert!(reader.connection.execute("DELETE FROM epoch", []).is_err());
}

#[test]
fn filters_narrow_and_the_newest_come_first() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(64 << 20));
    let mut records: Vec<Record> = (0..30).map(|n| sampled(sample(n, 1))).collect();
    for (n, record) in (0u32..).zip(&mut records) {
        let Record::Sample(sample) = record else { continue };
        sample.signature = if n % 2 == 0 { "even" } else { "odd" }.into();
        sample.endpoint = format!("GET /{}", n % 3);
        sample.route = if n < 15 { "a" } else { "b" }.into();
        sample.epoch = u64::from(1 + n / 10);
        sample.slot = n;
    }
    store.write(records.iter(), 1).unwrap();
    let reader = Reader::open(temp.path()).unwrap();
    let ids = |filter: SampleFilter| -> Vec<String> {
        reader.samples(&filter).unwrap().into_iter().map(|s| s.id).collect()
    };
    let any = SampleFilter::default;
    assert_eq!(ids(any()).len(), 30);
    assert_eq!(ids(SampleFilter { limit: Some(2), ..any() }), ["s29", "s28"]);
    assert_eq!(ids(SampleFilter { limit: Some(0), ..any() }).len(), 0);
    assert_eq!(ids(SampleFilter { limit: Some(u32::MAX), ..any() }).len(), 30);
    assert_eq!(ids(SampleFilter { signature: Some("odd".into()), ..any() }).len(), 15);
    assert_eq!(ids(SampleFilter { endpoint: Some("GET /1".into()), ..any() }).len(), 10);
    assert_eq!(
        ids(SampleFilter { route: Some("b".into()), epoch: Some(2), ..any() }),
        ["s19", "s18", "s17", "s16", "s15"]
    );
    for text in MALICIOUS {
        assert!(ids(SampleFilter { signature: Some(text.into()), ..any() }).is_empty());
        assert_eq!(reader.sample(text).unwrap(), None);
    }
    assert_eq!(reader.samples(&any()).unwrap().len(), 30, "and nothing was harmed");
}

#[test]
fn the_filter_has_a_bound() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(64 << 20));
    let records: Vec<Record> = (0..1100).map(|n| sampled(sample(n, 1))).collect();
    store.write(records.iter(), 1).unwrap();
    let reader = Reader::open(temp.path()).unwrap();
    for limit in [None, Some(5000)] {
        let got = reader.samples(&SampleFilter { limit, ..SampleFilter::default() }).unwrap();
        assert_eq!(got.len(), SampleFilter::MAX as usize);
    }
}

#[test]
fn a_row_that_somebody_spoiled_is_an_error_and_no_panic() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(64 << 20));
    store.write([epoch(1, 1), tally(1, "a", "{}"), sampled(sample(1, 1))].iter(), 1).unwrap();
    let reader = Reader::open(temp.path()).unwrap();
    store.connection.execute_batch("UPDATE sample SET stable = '{'").unwrap();
    let error = reader.sample("s1").unwrap_err().to_string();
    assert!(error.contains("sample \"s1\""), "{error}");
    store.connection.execute_batch("UPDATE sample SET stable = x'ff', slot = -1").unwrap();
    assert!(reader.sample("s1").is_err());
    store.connection.execute_batch("UPDATE tally SET compared = -5; UPDATE epoch SET number = -1").unwrap();
    assert_eq!(reader.tallies(1).unwrap()[0].compared, 0);
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 0);
    store.connection.execute_batch("DROP TABLE coverage").unwrap();
    assert!(reader.coverage(1).is_err());
}

/// The page for people with `sqlite3`: its queries work, its tables are complete.
#[test]
fn the_documented_queries_run_and_every_column_is_documented() {
    let page = include_str!("../../docs/store.md");
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(64 << 20));
    let coverage = Record::Coverage { epoch: 1, json: "{\"requests\":5,\"compared\":3}".into() };
    store.write([epoch(1, 1), tally(1, "a", "{}"), coverage, sampled(sample(1, 1))].iter(), 1).unwrap();
    let reader = Reader::open(temp.path()).unwrap();
    let queries: Vec<&str> =
        page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 4, "one for each table");
    for query in queries {
        let mut statement = reader.connection.prepare(query).unwrap();
        assert!(statement.exists([]).unwrap(), "{query}");
    }
    let mut columns = reader
        .connection
        .prepare(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
        )
        .unwrap();
    let columns =
        columns.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    let mut seen = 0;
    for column in columns {
        let (table, column) = column.unwrap();
        let section = page.split(&format!("\n`{table}`: ")).nth(1).unwrap().split("```").next().unwrap();
        assert!(section.contains(&format!("`{column}`")), "{table}.{column} is not documented");
        seen += 1;
    }
    assert_eq!(seen, 26);
}
