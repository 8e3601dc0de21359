//! Ranks count primes together: each looks at a part of the numbers, and every rank learns the whole.
//!
//! `cargo run --release -p imfl-mpi --example spread`, or on several processes
//! `mpirun -n 4 cargo run --release -p imfl-mpi --features mpi --example spread`.

use imfl_ranks::{Ranks, StartError, start, together};

const NUMBERS: usize = 2_000_000;

/// How many primes there are below [`NUMBERS`], and how many each rank found.
fn count(ranks: &Ranks) -> (i64, Vec<i64>) {
    let is_prime =
        |number: &usize| *number > 1 && (2..).take_while(|d| d * d <= *number).all(|d| !number.is_multiple_of(d));
    let own = ranks.part(NUMBERS).filter(is_prime).count() as i64;
    // A sum of integers is the same in any order, so any number of ranks finds the same.
    let mut sum = [own];
    ranks.sum(&mut sum);
    let number = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
    let found = ranks.gather(&own.to_le_bytes()).concat();
    (sum[0], found.as_chunks::<8>().0.iter().map(number).collect())
}

fn main() -> Result<(), StartError> {
    let session = start(imfl_mpi::CONNECT)?;
    let ranks = session.ranks();
    let (primes, found) = count(ranks);
    // Rank 0 alone speaks.
    if ranks.is_first() {
        println!("{primes} primes below {NUMBERS}; by rank: {found:?}");
    }
    if !ranks.are_several() {
        let by_threads = together(4, |ranks| count(&ranks)).swap_remove(0);
        println!("the same on four threads: {} primes; by rank: {:?}", by_threads.0, by_threads.1);
    }
    Ok(())
}
