//! Where text ends: the first control character but a tab. Eight bytes at a time, as every byte of every head is looked at.

const LANES: usize = 8;
const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES << 7;

/// How many bytes of text there are: the place of the first control character, or all.
pub(in crate::live::arrival) fn length(bytes: &[u8]) -> usize {
    let (mut at, mut rest) = (0, bytes);
    loop {
        let hit = match rest.first_chunk::<LANES>() {
            Some(lanes) => {
                let found = controls(u64::from_le_bytes(*lanes));
                if found == 0 {
                    at += LANES;
                    rest = &rest[LANES..];
                    continue;
                }
                found.trailing_zeros() as usize / LANES
            }
            None => match rest.iter().position(|byte| is_control(*byte)) {
                Some(hit) => hit,
                None => return bytes.len(),
            },
        };
        at += hit;
        if rest[hit] != b'\t' {
            return at;
        }
        at += 1;
        rest = &rest[hit + 1..];
    }
}

/// The high bit of the first lane that is a control character, a tab among them; of later lanes nothing is said.
///
/// A lane below 0x20 borrows into its high bit, and so does one that is 0x7f once that is taken off it; a borrow that
/// passes on to the next lane comes from a hit that is found first.
fn controls(lanes: u64) -> u64 {
    let low = lanes.wrapping_sub(ONES * 0x20) & !lanes;
    let apart = lanes ^ (ONES * 0x7f);
    let del = apart.wrapping_sub(ONES) & !apart;
    (low | del) & HIGH
}

fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| is_control(*byte) && *byte != b'\t').unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_is_told_apart_at_every_place_beside_every_neighbour() {
        for length_of in [1, 7, 8, 9, 16, 21] {
            for at in 0..length_of {
                for byte in 0..=255 {
                    for around in [b'a', b'\t', 0x80, 0xff, b' ', 0x7e, 0x21] {
                        let mut bytes = vec![around; length_of];
                        bytes[at] = byte;
                        assert_eq!(length(&bytes), naive(&bytes), "{bytes:?}");
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_looking_at_each_byte(bytes in "[ -~\t\u{80}-\u{ff}]{0,40}[\r\n\0\u{7f}a]{0,3}[ -~]{0,20}") {
            proptest::prop_assert_eq!(length(bytes.as_bytes()), naive(bytes.as_bytes()));
        }
    }
}
