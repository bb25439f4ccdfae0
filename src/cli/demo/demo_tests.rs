//! The watch over a running demo: what it prints to a terminal and to a pipe, and when it ends.

use std::io;

use super::*;

fn args(bound: Duration) -> Args {
    Args { bound, seed: 1, rate: 200, admin: "127.0.0.1:0".parse().unwrap() }
}

/// Watches a demo until `stop` completes, and tells what was printed.
fn watched(
    args: &Args,
    refreshes: bool,
    stop: impl Future<Output = ()>,
) -> (Result<(), CliError>, String, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (begun, stage, mut out) = (clock::now(), Stage::set(args).unwrap(), Vec::new());
    let mut screen = Screen::new(&mut out, refreshes, false);
    let told = runtime.block_on(watch(args, &stage, &mut screen, begun, stop));
    stage.end();
    (told, String::from_utf8(out).unwrap(), begun.elapsed())
}

#[test]
fn a_terminal_gets_the_block_and_the_news_above_it() {
    let args = args(Duration::from_secs(2));
    let (told, text, _) = watched(&args, true, std::future::pending());
    told.unwrap();
    let (before, after) = text.split_once("ENDPOINT").unwrap();
    assert!(before.contains("Differences, as they are first seen:"), "{before}");
    assert!(after.contains("GET /products/{sku}") && after.contains("of 2s"), "{after}");
    assert!(after.ends_with("F\u{1b}[J"), "the block is taken away at the end: {after:?}");
    for news in
        ["$.total               type ", "$.payment_url         missing ", "header:cache-control  value "]
    {
        assert_eq!(text.matches(news).count(), 1, "{news} is told once:\n{text}");
    }
}

#[test]
fn a_pipe_gets_lines_only() {
    let args = args(Duration::from_secs(5));
    let (told, text, _) = watched(&args, false, std::future::pending());
    told.unwrap();
    assert!(text.contains("$.total ") && !text.contains("ENDPOINT") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn it_ends_as_soon_as_somebody_asks() {
    let args = args(Duration::from_hours(1));
    let (told, text, took) = watched(&args, false, std::future::ready(()));
    told.unwrap();
    assert!(text.contains("Umbrage demo:"), "{text}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_bound_beyond_all_clocks_is_no_overflow() {
    let args = args(Duration::MAX);
    let (told, ..) = watched(&args, false, std::future::ready(()));
    told.unwrap();
}

#[test]
fn a_reader_that_went_away_ends_it() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let args = args(Duration::from_hours(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = Stage::set(&args).unwrap();
    let mut screen = Screen::new(Gone, false, false);
    let told = runtime.block_on(watch(&args, &stage, &mut screen, clock::now(), std::future::pending()));
    stage.end();
    assert_eq!(told.unwrap_err().code(), 0, "it is no failure");
}
