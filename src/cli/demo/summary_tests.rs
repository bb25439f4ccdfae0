//! What the live summary shows.

use super::super::evidence::{difference, fold, tally};
use super::super::screen::Screen;
use super::*;
use crate::model::Kind;

const BOUND: Duration = Duration::from_mins(2);

fn plain_ink() -> Ink {
    Screen::new(std::io::sink(), false, false).ink()
}

fn summary(asked: (u64, u64)) -> Summary {
    let mut tally = tally();
    for _ in 0..400 {
        fold(&mut tally, "GET /orders/{id}/history", 25, &[], &[]);
        let total = difference("$.total", Kind::Type, Some("1"), Some("\"1\""));
        fold(&mut tally, "GET /orders/{id}", 2, &[total], &[]);
    }
    tally.set_decisions([("mirrored".to_owned(), 810), ("rate".to_owned(), 1190)].into());
    Summary::of(&tally, asked, Duration::from_millis(12_340), BOUND)
}

#[test]
fn a_line_has_every_number() {
    let line = summary((2000, 0)).line();
    assert_eq!(
        line,
        " 12.3 s  2,000 requests   810 mirrored   800 compared   400 mismatched   p50 2 ms → 2 ms   p99 2 ms → 25 ms"
    );
}

#[test]
fn the_block_has_a_line_for_each_endpoint_and_one_for_all() {
    let block = summary((2000, 0)).block(plain_ink());
    let text = block.join("\n");
    assert_eq!(block.len(), 6, "{text}");
    assert!(
        block[1].contains(
            "12.3 s of 2m   2,000 requests, no error   810 mirrored   800 compared   400 mismatched"
        ),
        "{text}"
    );
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(&block[3]).starts_with("GET /orders/{id} 400 100 % 2 ms → 2 ms"), "{text}");
    assert!(words(&block[4]).starts_with("GET /orders/{id}/history 400 0 % 2 ms → 25 ms"), "{text}");
    assert!(words(&block[5]).starts_with("all 800 50 % 2 ms → "), "{text}");
    let column = |line: &str| line.chars().take_while(|c| *c != '%').count();
    assert_eq!(column(&block[3]), column(&block[5]), "the columns are aligned:\n{text}");
}

#[test]
fn failures_of_customers_are_shouted() {
    assert!(summary((1990, 10)).block(plain_ink())[1].contains("10 failed"));
}

#[test]
fn nothing_seen_yet_shows_no_number_that_is_not_there() {
    let empty = Summary::of(&tally(), (0, 0), Duration::ZERO, BOUND);
    assert!(empty.line().contains("0 compared   0 mismatched   p50 - → -"), "{}", empty.line());
    assert_eq!(empty.block(plain_ink()).len(), 4);
}

#[test]
fn slow_and_differing_cells_are_red() {
    let ink = Screen::new(std::io::sink(), true, true).ink();
    let block = summary((1, 0)).block(ink);
    assert!(
        block[3].contains(&ink.red("   100 %")) && block[4].contains(&ink.green("     0 %")),
        "{block:?}"
    );
    assert!(block[4].contains("\u{1b}[31m2 ms → 25 ms"), "{block:?}");
}
