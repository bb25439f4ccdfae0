//! Integers with a prefix: RFC 7541 section 5.1.

use super::Undecodable;

/// Octets behind the prefix, as many as h2 reads: enough for every length below a quarter of a GiB.
const MAX_OCTETS: usize = 4;

/// The integer that `bytes` begin with, in the last `prefix` bits of the first; and how many bytes it takes.
pub(super) fn read(bytes: &[u8], prefix: u32) -> Result<(usize, usize), Undecodable> {
    let mask = (1_usize << prefix) - 1;
    let first = usize::from(*bytes.first().ok_or(Undecodable)?) & mask;
    if first < mask {
        return Ok((first, 1));
    }
    let mut value = mask;
    for (place, octet) in bytes[1..].iter().take(MAX_OCTETS).enumerate() {
        value += usize::from(octet & 0x7f) << (7 * place);
        if octet & 0x80 == 0 {
            return Ok((value, place + 2));
        }
    }
    Err(Undecodable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(read(&[0b1110_1010], 5), Ok((10, 1)), "C.1.1");
        assert_eq!(read(&[0b0001_1111, 0b1001_1010, 0b0000_1010], 5), Ok((1337, 3)), "C.1.2");
        assert_eq!(read(&[0b0010_1010], 8), Ok((42, 1)), "C.1.3");
    }

    #[test]
    fn one_that_does_not_end_or_is_too_long_is_none() {
        for bytes in [&[][..], &[0x1f], &[0x1f, 0x80], &[0x1f, 0x80, 0x80, 0x80, 0x80, 0]] {
            assert_eq!(read(bytes, 5), Err(Undecodable), "{bytes:?}");
        }
        assert_eq!(read(&[0x1f, 0x80, 0x80, 0x80, 0], 5), Ok((31, 5)), "long is not large");
        assert_eq!(read(&[0x1f, 0xff, 0xff, 0xff, 0x7f], 5), Ok(((1 << 28) - 1 + 31, 5)));
    }
}
