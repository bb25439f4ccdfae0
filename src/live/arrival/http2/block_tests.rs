//! What h2 is given in place of a block does to its table what the block would have done.

use super::*;

/// What a decoder of h2's makes of a block: its fields.
fn fields(decoder: &mut Decoder, block: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let read = decoder.decode(block, |field| fields.push((text(field.name), text(field.value))));
    read.expect("a block");
    fields
}

fn literal(how: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    write(&mut block, how, name, value);
    block
}

#[track_caller]
fn replaced(fate: Result<Fate, Code>) -> Vec<u8> {
    match fate {
        Ok(Fate::Replaced(block)) => block,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sound_block_passes() {
    let mut blocks = Blocks::new(usize::MAX);
    let block = [&[0x82, 0x86, 0x84][..], &literal(REMEMBERED, b"x-a", b"1")].concat();
    assert_eq!(blocks.judge(&block, Place::Request), Ok(Fate::Passed));
    assert_eq!(blocks.judge(&[0x82, 0x86, 0x84, 0xbe], Place::Request), Ok(Fate::Passed));
    assert_eq!(blocks.judge(&[0xbf], Place::Request), Err(Code::Compression));
}

#[test]
fn a_bad_target_is_passed_on_with_the_mark_of_one() {
    let block = [&[0x82, 0x86][..], &literal(REMEMBERED, b":path", b"/a#b")].concat();
    let instead = replaced(Blocks::new(usize::MAX).judge(&block, Place::Request));
    assert!(instead.starts_with(&block));
    let seen = fields(&mut Decoder::new(usize::MAX), &instead);
    assert_eq!(seen.last(), Some(&("host".to_owned(), "#".to_owned())));
    // It stays bad wherever it is referred to.
    let mut blocks = Blocks::new(usize::MAX);
    replaced(blocks.judge(&block, Place::Request));
    replaced(blocks.judge(&[0x82, 0x86, 0xbe], Place::Request));
}

#[test]
fn in_place_of_a_malformed_block_the_table_is_the_same() {
    let (mut blocks, mut peer) = (Blocks::new(usize::MAX), Decoder::new(usize::MAX));
    let malformed = [
        vec![0x3f, 0xe1, 0x1f, 0x82],
        literal(REMEMBERED, b":authority", b"a.example"),
        literal(LITERAL, b"x-passing", b"1"),
        literal(REMEMBERED, b"X-Upper", b"12"),
        literal(REMEMBERED, b"x-value", b"a\r\nb"),
        literal(REMEMBERED, b":method", b"G T"),
        literal(REMEMBERED, b"x-kept", b"2"),
    ];
    let instead = replaced(blocks.judge(&malformed.concat(), Place::Request));
    let seen = fields(&mut peer, &instead);
    let seen: Vec<(&str, &str)> = seen.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        seen,
        [
            (":authority", "a.example"),
            ("xxxxxxx", "12"),
            ("x-value", "xxxx"),
            (":method", "xxx"),
            ("x-kept", "2"),
            ("connection", ""),
        ]
    );
    // The good ones may be referred to, and are the same to both.
    let next = [0x82, 0x86, 0x84, 0xc2, 0xbe];
    assert_eq!(blocks.judge(&next, Place::Request), Ok(Fate::Passed));
    assert_eq!(
        fields(&mut peer, &next)[3..],
        [(":authority".into(), "a.example".into()), ("x-kept".into(), "2".into())]
    );
    // A name that is one too; what is bad stays so.
    let named = [&[0x82, 0x86, 0x84][..], &[0x7f, 0, 3], b"PUT"].concat();
    assert_eq!(blocks.judge(&named, Place::Request), Ok(Fate::Passed));
    assert_eq!(fields(&mut peer, &named).last(), Some(&(":method".into(), "PUT".into())));
    for bad in [64, 65, 66] {
        let instead = replaced(blocks.judge(&[0x82, 0x80 | bad], Place::Request));
        assert_eq!(fields(&mut peer, &instead), [("connection".into(), String::new())], "{bad}");
    }
}

#[test]
fn pseudo_fields_of_trailers_are_remembered_as_they_came() {
    let (mut blocks, mut peer) = (Blocks::new(usize::MAX), Decoder::new(usize::MAX));
    let trailers = [literal(LITERAL, b"x-sum", b"1"), literal(REMEMBERED, b":path", b"/other")].concat();
    let instead = replaced(blocks.judge(&trailers, Place::Trailers));
    assert_eq!(
        fields(&mut peer, &instead),
        [(":path".into(), "/other".into()), ("connection".into(), String::new())]
    );
    assert_eq!(blocks.judge(&[0x82, 0x86, 0xbe], Place::Request), Ok(Fate::Passed));
    assert_eq!(fields(&mut peer, &[0xbe]), [(":path".into(), "/other".into())]);
}

#[test]
fn where_nothing_takes_the_same_room_the_connection_ends() {
    for (name, value) in [(&b""[..], &b""[..]), (b"", b"1"), (b":method", b""), (b":status", b"200")] {
        let block = literal(REMEMBERED, name, value);
        let fate = Blocks::new(usize::MAX).judge(&block, Place::Request);
        if name == b":status" {
            assert!(matches!(fate, Ok(Fate::Replaced(_))), "{fate:?}");
        } else {
            assert_eq!(fate, Err(Code::Protocol), "{name:?} {value:?}");
        }
        // Forgotten at once, it is an error of its stream alone.
        replaced(Blocks::new(usize::MAX).judge(&literal(LITERAL, name, value), Place::Request));
    }
}

#[test]
fn a_long_block_takes_several_frames() {
    let block = vec![0x82; 2 * MAX_PAYLOAD + 1];
    let bytes = frames(7, true, &block);
    let (mut rest, mut heads, mut carried) = (&bytes[..], Vec::new(), 0);
    while let Some(head) = Head::read(rest) {
        heads.push((head.kind, head.flags, head.stream));
        carried += head.length;
        rest = &rest[9 + head.length..];
    }
    assert_eq!(heads, [(HEADERS, END_STREAM, 7), (CONTINUATION, 0, 7), (CONTINUATION, END_HEADERS, 7)]);
    assert_eq!((carried, rest.len()), (block.len(), 0));
    assert_eq!(Head::read(&frames(7, false, &[0x82])).map(|head| head.flags), Some(END_HEADERS));
}

#[test]
fn lengths_are_written_as_they_are_read() {
    for length in [0, 1, 126, 127, 128, 254, 255, 300, 16_384, 1_000_000] {
        let value = vec![b'v'; length];
        let seen = fields(&mut Decoder::new(usize::MAX), &literal(LITERAL, b"x", &value));
        assert_eq!(seen[0].1.len(), length);
    }
}
