//! What a training with differential privacy will have told, and a budget kept round by round.
//!
//!     cargo run --release -p imfl-privacy --example account

use imfl_privacy::account::{Accountant, Budget, Event, Question, Report};
use imfl_privacy::ftrl::{Banded, Participation, Tree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1,000 clients, each in a round's cohort with probability 0.05; the noise is wanted for epsilon 2 after 200
    // rounds.
    let question = Question { epsilon: Some(2.0), rate: 0.05, rounds: 200, delta: 1e-6, ..Question::default() };
    let report = Report::new(&question)?;
    println!("{}", serde_json::to_string_pretty(&report)?);

    // The same rounds, counted as they go.
    let mut accountant = Accountant::new(Budget { epsilon: 2.0, delta: 1e-6 })?;
    let round = Event::poisson(report.noise, question.rate)?;
    println!("the budget reaches for {} rounds", accountant.affordable(round)?);
    let refusal = loop {
        match accountant.spend(round) {
            Ok(spent) if spent.rounds % 50 == 0 => println!("round {:3}: epsilon {:.4}", spent.rounds, spent.epsilon),
            Ok(_) => {}
            Err(refusal) => break refusal,
        }
    };
    println!("{refusal}");
    println!("kept in a checkpoint: {}", serde_json::to_string(&accountant)?);

    // Cohorts that cannot be sampled: every client at most 4 times, 50 rounds apart.
    let participation = Participation { separation: 50, most: 4 };
    let tree = Tree::new(200)?;
    let banded = Banded::square_root(50)?;
    println!(
        "for the same promise without sampling a tree's nodes need a noise multiplier of {:.2}, a banded factor {:.2}",
        gaussian_noise(2.0, 1e-6)? * tree.sensitivity(participation)?,
        gaussian_noise(2.0, 1e-6)? * banded.sensitivity(200, participation)?,
    );
    Ok(())
}

/// The noise multiplier of one Gaussian release.
fn gaussian_noise(epsilon: f64, delta: f64) -> imfl_privacy::Result<f64> {
    imfl_privacy::account::noise_for(epsilon, delta, 1.0, 1)
}
