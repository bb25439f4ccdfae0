//! The examples of RFC 7541, what is no block, and whatever a lawful encoder may write.

use proptest::prelude::*;

use super::super::huffman::tests::encode;
use super::*;

type Text = (Vec<u8>, Vec<u8>);

fn decoded(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, Unreadable> {
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    decoder.decode(block, |field| fields.push((text(field.name), text(field.value))))?;
    Ok(fields)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16).expect("hex")).expect("small");
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// A block, its fields, and the size of the table behind it.
type Example<'a> = (&'a str, &'a [(&'a str, &'a str)], usize);

/// Each block in turn must be these fields and leave a table of that size.
#[track_caller]
fn example(limit: usize, blocks: &[Example]) {
    let mut decoder = Decoder::new(usize::MAX);
    decoder.table.resize(limit).expect("small enough");
    for (hex, fields, size) in blocks {
        let expected: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(decoded(&mut decoder, &bytes(hex)), Ok(expected), "{hex}");
        assert_eq!(decoder.table.size(), *size, "{hex}");
    }
}

#[test]
fn single_representations() {
    example(
        4096,
        &[(
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            &[("custom-key", "custom-header")],
            55,
        )],
    );
    example(4096, &[("040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")], 0)]);
    example(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")], 0)]);
    example(4096, &[("82", &[(":method", "GET")], 0)]);
}

const FIRST: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const SECOND: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const THIRD: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

#[test]
fn requests_without_the_huffman_code() {
    example(
        4096,
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", FIRST, 57),
            ("8286 84be 5808 6e6f 2d63 6163 6865", SECOND, 110),
            ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", THIRD, 164),
        ],
    );
}

#[test]
fn requests_with_the_huffman_code() {
    example(
        4096,
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", FIRST, 57),
            ("8286 84be 5886 a8eb 1064 9cbf", SECOND, 110),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", THIRD, 164),
        ],
    );
}

#[test]
fn responses_that_evict() {
    let date = "Mon, 21 Oct 2013 20:13:21 GMT";
    let later = "Mon, 21 Oct 2013 20:13:22 GMT";
    let location = "https://www.example.com";
    let cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    let answer = |status: &'static str, date: &'static str| {
        [(":status", status), ("cache-control", "private"), ("date", date), ("location", location)]
    };
    let third = [
        (":status", "200"),
        ("cache-control", "private"),
        ("date", later),
        ("location", location),
        ("content-encoding", "gzip"),
        ("set-cookie", cookie),
    ];
    example(
        256,
        &[
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                &answer("302", date),
                222,
            ),
            ("4883 640e ffc1 c0bf", &answer("307", date), 222),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                &third,
                215,
            ),
        ],
    );
}

#[test]
fn what_is_no_block() {
    for (hex, why) in [
        ("80", "no field has the number 0"),
        ("be", "nothing was remembered"),
        ("ffff7f", "nor that much"),
        ("ff8080808000", "a number without end"),
        ("82 20", "the size changes behind a field"),
        ("3fe21f", "to more than was announced"),
        ("0005 6162", "a name that is cut off"),
        ("0001 61", "no value"),
        ("00", "nothing of it"),
        ("0001 6185 ffff ffff ff", "the end of a string in it"),
        ("0001 6182 07ff", "more padding than an octet has"),
        ("0f", "a number that is cut off"),
    ] {
        assert_eq!(
            decoded(&mut Decoder::new(usize::MAX), &bytes(hex)),
            Err(Unreadable::Undecodable),
            "{why}"
        );
    }
}

#[test]
fn the_size_changes_at_the_beginning_and_takes_what_no_longer_fits() {
    let mut decoder = Decoder::new(usize::MAX);
    decoded(&mut decoder, &bytes("4001 6101 62 4001 6301 64")).expect("two fields");
    assert_eq!(decoded(&mut decoder, &bytes("be bf")).expect("both").len(), 2);
    // To one field and back to all.
    let mut fields = 0;
    assert_eq!(decoder.decode(&bytes("3f03 3fe1 1f be"), |_| fields += 1), Ok(5));
    assert_eq!(fields, 1);
    assert_eq!(decoded(&mut decoder, &bytes("bf")), Err(Unreadable::Undecodable), "the older is gone");
    decoded(&mut decoder, &bytes("20")).expect("to nothing");
    assert_eq!(decoded(&mut decoder, &bytes("be")), Err(Unreadable::Undecodable));
    decoded(&mut decoder, &bytes("4001 6101 62")).expect("what does not fit is no error");
    assert_eq!(decoder.table.size(), 0);
}

/// How an encoder writes a field, and which of those that it may refer to.
fn written(remember: bool, coded: bool, (name, value): &Text) -> Vec<u8> {
    let mut block = vec![if remember { 0x40 } else { 0x10 }];
    for text in [name, value] {
        let text = if coded { encode(text) } else { text.clone() };
        let length = u8::try_from(text.len()).expect("short");
        assert!(length < 127);
        block.push(length | if coded { 0x80 } else { 0 });
        block.extend(text);
    }
    block
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        fields in prop::collection::vec(
            ((prop::collection::vec(any::<u8>(), 0..8), prop::collection::vec(any::<u8>(), 0..25)), any::<bool>(), any::<bool>()),
            0..300,
        ),
        again in prop::collection::vec(0..60_usize, 0..40),
    ) {
        let (mut decoder, mut model) = (Decoder::new(usize::MAX), std::collections::VecDeque::<Text>::new());
        for (text, remember, coded) in &fields {
            let mut seen = Vec::new();
            let block = written(*remember, *coded, text);
            decoder.decode(&block, |field| {
                seen.push(((field.name.to_vec(), field.value.to_vec()), field.at, field.remembered));
            }).expect("lawful");
            prop_assert_eq!(seen, vec![(text.clone(), 0..block.len(), *remember)]);
            if *remember {
                model.push_front(text.clone());
                while model.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>() > 4096 {
                    model.pop_back();
                }
            }
        }
        for place in again {
            let mut seen = Vec::new();
            let known = decoder.decode(&[0x80 | u8::try_from(62 + place).expect("small")], |field| {
                seen.push((field.name.to_vec(), field.value.to_vec()));
            });
            if let Some(text) = model.get(place) {
                prop_assert_eq!(&seen, std::slice::from_ref(text));
            } else {
                prop_assert_eq!(known, Err(Unreadable::Undecodable));
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(block in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(usize::MAX);
        let mut end = 0;
        let read = decoder.decode(&block, |field| {
            assert!(field.at.start >= end && field.at.end > field.at.start);
            end = field.at.end;
        });
        prop_assert!(read.is_err() || end == block.len() || read == Ok(block.len()));
    }
}

#[test]
fn a_few_bytes_that_stand_for_many_are_not_all_read() {
    let mut decoder = Decoder::new(64 << 10);
    // A field of 4,000 bytes is remembered, and named a thousand times.
    let mut block = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    block.extend(vec![b'v'; 4000]);
    let large = block.len();
    block.extend([0xbe; 1000]);
    let mut read = 0;
    let refused = decoder.decode(&block, |field| read += field.value.len());
    assert_eq!(refused, Err(Unreadable::TooLarge));
    assert_eq!(read, 16 * 4000, "each costs 33 bytes more");
    assert_eq!(Decoder::new(64 << 10).decode(&block[..large + 10], |_| {}), Ok(0));
}
