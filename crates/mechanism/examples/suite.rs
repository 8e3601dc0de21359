//! The verification suite at length: `cargo run --release -p imfl-mechanism --example suite -- [INSTANCES]`
use imfl_mechanism::verify::{self, Suite};

fn main() -> imfl_mechanism::Result<()> {
    let instances = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1000);
    let verdict = verify::run(Suite { instances, ..Suite::default() }, |_| ())?;
    for findings in verdict.mechanisms.iter().chain(&verdict.controls) {
        print!("{findings}");
    }
    println!("{}", if verdict.passed() { "every mechanism stood, every control fell" } else { "FAILED" });
    Ok(())
}
