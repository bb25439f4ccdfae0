//! Every committed input through its own target.

use std::path::{Path, PathBuf};

/// The inputs of a target, in order of their names.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no input in {}", folder.display());
    files
}

#[track_caller]
fn replay(target: &str, check: impl Fn(&[u8])) {
    for file in corpus(target) {
        // Shown only if the test fails: the last one is to blame.
        println!("{}", file.display());
        check(&std::fs::read(&file).expect("an input"));
    }
}

/// The committed inputs, and as many others as there is time for.
macro_rules! targets {
    ($($name:ident: $cases:literal, $most:literal;)+) => {
        $(
            mod $name {
                use proptest::prelude::*;

                #[test]
                fn what_was_found_stays_found() {
                    super::replay(stringify!($name), crate::properties::$name::check);
                }

                proptest! {
                    #![proptest_config(ProptestConfig { cases: $cases, failure_persistence: None, max_shrink_time: 60_000, ..ProptestConfig::default() })]

                    #[test]
                    fn whatever_comes(data in prop::collection::vec(any::<u8>(), 0..$most)) {
                        crate::properties::$name::check(&data);
                    }
                }
            }
        )+
    };
}

targets! {
    config: 64, 200;
    fields: 256, 200;
    json: 256, 60;
    proxy_protocol: 256, 60;
    rewrite: 256, 200;
    target_and_host: 256, 60;
    templates: 256, 60;
    wire_answer: 256, 100;
}
