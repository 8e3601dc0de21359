//! Ways to break a file.

use imfl_engine::random::ChaCha8Rng;
use rand::RngExt;

/// Pieces of text that numbers, names and structure trip over.
const TOKENS: [&str; 24] = [
    "-1",
    "0",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "99999999999999999999999999",
    "0.1.2",
    "\"",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\n",
    "\r",
    "=",
    "null",
    "true",
    "\u{feff}",
    "''''",
    "#",
    ":",
];

/// One to four breaks in one of the seeds.
pub fn mutated(seeds: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut input = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..=4) {
        once(&mut input, seeds, random);
    }
    input
}

fn once(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut ChaCha8Rng) {
    let length = input.len();
    // Headers are at the front, so every other break is there.
    let reach = if random.random() { length.min(64) } else { length };
    let at = random.random_range(0..reach.max(1)).min(length);
    match random.random_range(0..10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = [0, 1, 0x7f, 0x80, 0xff, b'9', b'-', b'"'][random.random_range(0..8)];
            }
        }
        2 => {
            let width = [2, 4, 8][random.random_range(0..3)];
            let fill = [0x00, 0xff, 0x7f, 0x80][random.random_range(0..4)];
            input.iter_mut().skip(at).take(width).for_each(|byte| *byte = fill);
        }
        3 => input.truncate(at),
        4 => {
            let end = (at + random.random_range(1..=16)).min(length);
            input.drain(at..end);
        }
        5 => {
            let end = (at + random.random_range(1..=64)).min(length);
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        6 => {
            let token = TOKENS[random.random_range(0..TOKENS.len())];
            let end = (at + random.random_range(0..=token.len())).min(length);
            input.splice(at..end, token.bytes());
        }
        7 => {
            let other = &seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        8 => {
            let noise: Vec<u8> = (0..random.random_range(1..=16)).map(|_| random.random()).collect();
            input.splice(at..at, noise);
        }
        _ => replace_number(input, at),
    }
}

/// Puts a number that is too large into the place of the next one in text.
fn replace_number(input: &mut Vec<u8>, from: usize) {
    let Some(start) = input[from..].iter().position(u8::is_ascii_digit).map(|place| from + place) else { return };
    let digits = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    input.splice(start..start + digits, u64::MAX.to_string().bytes());
}

/// The seed, grown to 4 MiB, with the largest number in every place where a size may be: each aligned word of the first 64
/// bytes in either width, and every number in text.
pub fn largest_sizes(seed: &[u8]) -> Vec<Vec<u8>> {
    const SIZE: usize = 4 << 20;
    let mut inputs = Vec::new();
    for width in [4, 8] {
        for at in (0..64usize.min(seed.len())).step_by(4) {
            for first in [0xff, 0x7f] {
                let mut input = seed.to_vec();
                input.resize(SIZE, 0);
                input[at] = first;
                input[at + 1..at + width].fill(0xff);
                inputs.push(input);
            }
        }
    }
    // Big-endian sizes behind a magic number, all at once.
    let mut input = seed.to_vec();
    input.resize(SIZE, 0);
    input[4..16].fill(0xff);
    inputs.push(input);
    let mut input = seed.to_vec();
    let mut at = 0;
    while let Some(place) = input[at..].iter().position(u8::is_ascii_digit) {
        replace_number(&mut input, at + place);
        at += place + u64::MAX.to_string().len();
    }
    inputs.push(input);
    inputs
}
