//! TensorBoard's event files: records of protocol buffers, framed as TFRecord frames them.
//!
//! A record is the length of its payload (8 bytes, little-endian), a checksum of these bytes, the payload, and a checksum of that. A
//! checksum is CRC-32C (Castagnoli), turned by 15 bits and shifted by a constant. The payload is an `Event` of TensorFlow's `event.proto`:
//! `wall_time = 1` (double), `step = 2` (int64), `file_version = 3` (string) or `summary = 5`, whose `value = 1` has a `tag = 1` and a
//! `simple_value = 2` (float).

/// What an event file begins with.
///
/// `seconds` is the time since 1970, here and below.
pub fn head(seconds: f64) -> Vec<u8> {
    let mut event = time(seconds);
    bytes(&mut event, 3, b"brain.Event:2");
    record(&event)
}

/// Scalars of a step, each under its tag.
pub fn scalars(seconds: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in values {
        let mut value = Vec::new();
        bytes(&mut value, 1, tag.as_bytes());
        value.push((2 << 3) | FIXED_32);
        value.extend((*number as f32).to_le_bytes());
        bytes(&mut summary, 1, &value);
    }
    let mut event = time(seconds);
    event.push((2 << 3) | VARINT);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    record(&event)
}

// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const BYTES: u8 = 2;
const FIXED_32: u8 = 5;

fn time(seconds: f64) -> Vec<u8> {
    let mut event = vec![(1 << 3) | FIXED_64];
    event.extend(seconds.to_le_bytes());
    event
}

fn bytes(into: &mut Vec<u8>, field: u8, content: &[u8]) {
    into.push((field << 3) | BYTES);
    varint(into, content.len() as u64);
    into.extend(content);
}

fn varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), payload, &masked(payload)].concat()
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// CRC-32C, bit by bit: a record has some hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| shifted(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4, and the usual check value.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_record_by_hand() {
        let written = scalars(1.0, 300, &[("a", 0.5)]);
        let payload = [
            &[0x09][..],
            &1.0f64.to_le_bytes(),
            &[0x10, 0xac, 0x02, 0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, b'a', 0x15],
            &0.5f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(written[..8], (payload.len() as u64).to_le_bytes());
        assert_eq!(written[12..12 + payload.len()], payload[..]);
        assert_eq!(written.len(), 16 + payload.len());
        assert_eq!(head(0.0)[12 + 9..12 + 24], *b"\x1a\x0dbrain.Event:2");
    }
}
