//! What is known of a leg changes as a whole, and only where there is news.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::upstream::fixture::leg;
use crate::upstream::{Origin, Settings};

fn settings(hosts: &[&str]) -> Settings {
    let origin = |host: &&str| Origin {
        secure: false,
        host: (*host).to_owned(),
        port: 80,
        authority: "a".parse().unwrap(),
    };
    Settings { origins: hosts.iter().map(origin).collect(), ..leg(1) }
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn known(book: &Book) -> Vec<(usize, String)> {
    book.entries().iter().map(|e| (e.origin, e.address.to_string())).collect()
}

#[test]
fn literal_addresses_are_known_at_once_and_for_ever() {
    let book = Book::of(&settings(&["127.0.0.1", "::1"]));
    assert!(book.is_fixed() && book.wait(Duration::ZERO));
    assert_eq!(known(&book), [(0, "127.0.0.1:80".to_owned()), (1, "[::1]:80".to_owned())]);
}

#[test]
fn a_name_has_no_address_before_it_was_asked_for() {
    let book = Book::of(&settings(&["a.test", "127.0.0.1"]));
    assert!(!book.is_fixed() && !book.wait(Duration::ZERO));
    assert_eq!(known(&book), [(1, "127.0.0.1:80".to_owned())]);
    book.replace(0, &addresses(&["10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"]));
    book.settle();
    assert!(book.wait(Duration::ZERO));
    let all = ["10.0.0.1:80", "10.0.0.2:80", "127.0.0.1:80"];
    assert_eq!(known(&book).iter().map(|(_, a)| a.as_str()).collect::<Vec<_>>(), all);
}

#[test]
fn an_answer_in_another_order_is_no_news() {
    let book = Book::of(&settings(&["a.test"]));
    book.replace(0, &addresses(&["10.0.0.1:80", "10.0.0.2:80"]));
    let before = book.entries().clone();
    book.replace(0, &addresses(&["10.0.0.2:80", "10.0.0.1:80"]));
    assert!(Arc::ptr_eq(&before, &book.entries()), "pools need not look again");
    book.replace(0, &addresses(&["10.0.0.2:80"]));
    assert!(!Arc::ptr_eq(&before, &book.entries()));
}

#[test]
fn health_is_told_once_and_survives_a_resolution() {
    let book = Book::of(&settings(&["a.test"]));
    book.replace(0, &addresses(&["10.0.0.1:80", "10.0.0.2:80"]));
    let first = book.entries()[0].clone();
    assert!(!book.judge(&first, true), "it was taken for well");
    assert!(book.judge(&first, false));
    assert!(!book.judge(&first, false));
    book.replace(0, &addresses(&["10.0.0.1:80", "10.0.0.3:80"]));
    let healthy: Vec<bool> = book.entries().iter().map(|e| e.healthy).collect();
    assert_eq!(healthy, [false, true]);
    let gone = Entry { address: "10.0.0.9:80".parse().unwrap(), origin: 0, healthy: true };
    assert!(!book.judge(&gone, false), "an address that is no longer one");
}

#[test]
fn a_resolver_cannot_fill_the_memory() {
    let book = Book::of(&settings(&["a.test"]));
    let many: Vec<SocketAddr> = (1..1000).map(|port| SocketAddr::from(([10, 0, 0, 1], port))).collect();
    book.replace(0, &many);
    assert_eq!(book.entries().len(), MOST_ADDRESSES);
}

#[test]
fn who_waits_is_woken_by_the_first_answer() {
    let book = Arc::new(Book::of(&settings(&["a.test"])));
    let waiting = book.clone();
    let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(30)));
    book.settle();
    assert!(thread.join().unwrap());
}

#[test]
fn equal_settings_go_on_with_one_book_and_are_equal_whatever_is_known() {
    let (old, new) = (settings(&["a.test"]), settings(&["a.test"]));
    old.book().replace(0, &addresses(&["10.0.0.1:80"]));
    assert_eq!(old, new);
    new.known.adopt(old.book());
    assert!(Arc::ptr_eq(old.book(), new.book()));
    let late = settings(&["a.test"]);
    let own = late.book().clone();
    late.known.adopt(old.book());
    assert!(Arc::ptr_eq(late.book(), &own), "a book that is read already stays");
}
