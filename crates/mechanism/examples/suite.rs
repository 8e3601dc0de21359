//! The verification suite at length: `cargo run --release -p imfl-mechanism --example suite -- [INSTANCES] [forecast]`
use imfl_mechanism::verify::{self, Suite};

fn main() -> imfl_mechanism::Result<()> {
    let instances = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1000);
    let forecast = std::env::args().nth(2).is_some_and(|objective| objective == "forecast");
    let verdict = verify::run(Suite { instances, forecast, ..Suite::default() }, |_| ())?;
    for findings in verdict.mechanisms.iter().chain(&verdict.controls) {
        print!("{findings}");
    }
    println!("{}", if verdict.passed() { "every mechanism stood, every control fell" } else { "FAILED" });
    Ok(())
}
