//! The Huffman code of strings: RFC 7541 section 5.2 and appendix B.

use super::Undecodable;

/// How many bits the code of each octet has, and last that of the end of a string. The code is canonical: codes of one length
/// follow each other in the order of their symbols, so their lengths say all.
#[rustfmt::skip]
static LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const SYMBOLS: usize = 257;
/// Stands for the end of a string and never in one.
const END: u16 = 256;
const LONGEST: u32 = 30;
/// Codes up to this long, which are those of nearly all text, are looked up at once.
const SHORT: u32 = 8;

/// What the code is read by.
struct Code {
    /// For the next [`SHORT`] bits the symbol and its length; 0 where it is longer.
    short: [(u16, u8); 1 << SHORT],
    /// Every symbol in the order of its code.
    symbols: [u16; SYMBOLS],
    /// For each length its first code, and where its symbols begin and end.
    ranges: [(u32, usize, usize); LONGEST as usize + 1],
}

static CODE: Code = code();

#[allow(clippy::cast_possible_truncation, reason = "symbols are below 257, lengths below 31")]
const fn code() -> Code {
    let mut code = Code {
        short: [(0, 0); 1 << SHORT],
        symbols: [0; SYMBOLS],
        ranges: [(0, 0, 0); LONGEST as usize + 1],
    };
    let (mut next, mut found, mut length) = (0_u32, 0, 1);
    while length <= LONGEST as usize {
        next <<= 1;
        code.ranges[length] = (next, found, found);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                code.symbols[found] = symbol as u16;
                if length <= SHORT as usize {
                    let spare = SHORT - length as u32;
                    let mut place = (next << spare) as usize;
                    while place < ((next + 1) << spare) as usize {
                        code.short[place] = (symbol as u16, length as u8);
                        place += 1;
                    }
                }
                next += 1;
                found += 1;
            }
            symbol += 1;
        }
        code.ranges[length].2 = found;
        length += 1;
    }
    code
}

/// Decodes a string to the end of `text`.
pub(super) fn decode(bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Undecodable> {
    let mut rest = bytes.iter();
    // The last `have` bits of `bits` are still to be read.
    let (mut bits, mut have) = (0_u64, 0_u32);
    loop {
        while have <= 56 {
            let Some(byte) = rest.next() else { break };
            bits = bits << 8 | u64::from(*byte);
            have += 8;
        }
        let window = window(bits, have);
        let (symbol, length) = symbol(window);
        if length > have {
            // Nothing but the padding of the last octet: the first bits of the end, which are ones.
            return if have < 8 && window == u32::MAX { Ok(()) } else { Err(Undecodable) };
        }
        text.push(u8::try_from(symbol).map_err(|_| Undecodable)?);
        have -= length;
    }
}

/// The next 32 bits; ones where there are no more.
#[allow(clippy::cast_possible_truncation, reason = "what is cut off was read before")]
fn window(bits: u64, have: u32) -> u32 {
    match have {
        0 => u32::MAX,
        1..32 => (bits << (32 - have)) as u32 | u32::MAX >> have,
        _ => (bits >> (have - 32)) as u32,
    }
}

fn symbol(window: u32) -> (u16, u32) {
    let (symbol, length) = CODE.short[(window >> (32 - SHORT)) as usize];
    if length > 0 {
        return (symbol, u32::from(length));
    }
    for length in SHORT + 1..=LONGEST {
        let (first, begin, end) = CODE.ranges[length as usize];
        let place = begin + (window >> (32 - length)).wrapping_sub(first) as usize;
        if place < end {
            return (CODE.symbols[place], length);
        }
    }
    // The code is complete, so nothing comes here.
    (END, LONGEST)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The other direction, for tests: bit by bit from the same lengths.
    pub(crate) fn encode(text: &[u8]) -> Vec<u8> {
        let mut bits = Vec::new();
        for octet in text {
            let place = CODE.symbols.iter().position(|symbol| *symbol == u16::from(*octet)).expect("known");
            let length = usize::from(LENGTHS[usize::from(*octet)]);
            let (first, begin, _) = CODE.ranges[length];
            let code = first + u32::try_from(place - begin).expect("small");
            bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        bits.chunks(8).map(|octet| octet.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Undecodable> {
        let mut text = Vec::new();
        decode(bytes, &mut text).map(|()| text)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let example = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&example).as_deref(), Ok(&b"www.example.com"[..]), "C.4.1");
        assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).as_deref(), Ok(&b"no-cache"[..]), "C.4.2");
        assert_eq!(decoded(&[]).as_deref(), Ok(&b""[..]));
        // Appendix B, at the borders of lengths: '0' is 00000, 'X' 11111100, '!' 1111111000, NUL 13 bits.
        assert_eq!(decoded(&[0x07]).as_deref(), Ok(&b"0"[..]));
        assert_eq!(decoded(&[0xfc]).as_deref(), Ok(&b"X"[..]));
        assert_eq!(decoded(&[0xfe, 0x3f]).as_deref(), Ok(&b"!"[..]));
        assert_eq!(decoded(&[0xff, 0xc7]).as_deref(), Ok(&b"\0"[..]));
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xf3]).as_deref(), Ok(&b"\n"[..]), "30 bits");
    }

    #[test]
    fn every_octet_beside_every_other_comes_back() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let text = [first, second, first];
                assert_eq!(decoded(&encode(&text)).as_deref(), Ok(&text[..]));
            }
        }
    }

    #[test]
    fn padding_is_short_and_of_ones() {
        assert_eq!(decoded(&[0x07, 0xff]), Err(Undecodable), "a whole octet of it");
        assert_eq!(decoded(&[0x00]), Err(Undecodable), "of zeros");
        assert_eq!(decoded(&[0x06]), Err(Undecodable));
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Undecodable), "the end within a string");
        assert_eq!(decoded(&[0xff]), Err(Undecodable));
        assert_eq!(decoded(&[0xfe]), Err(Undecodable), "a code that is cut off");
    }
}
