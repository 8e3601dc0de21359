//! An objective of one's own under the rules of the crate: `cargo run --release -p imfl-mechanism --example own_objective`
use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::objective::Quality;
use imfl_mechanism::prelude::*;
use imfl_mechanism::verify;
use std::sync::Arc;

/// A server that wants a number of effective samples and loses so much for each that is missing.
#[derive(Debug, Clone)]
struct Goal {
    samples: u32,
    /// Micro-credits per missing sample.
    each: u32,
}

impl Objective for Goal {
    fn name(&self) -> &'static str {
        "goal"
    }

    fn quality(&self) -> Quality {
        Quality { theta: 150_000_000, weights: Weights::Effective }
    }

    fn width(&self, _: &Population) -> Result<usize> {
        Ok(1)
    }

    fn add(&self, sums: &mut [i128], member: &Member<'_>, sign: i64) {
        sums[0] += i128::from(member.part.effective()) * i128::from(sign);
    }

    fn loss(&self, sums: &[i128]) -> i128 {
        // sums are in millionths of a sample, losses in millionths of a micro-credit
        (i128::from(self.samples) * 1_000_000 - sums[0]).max(0) * i128::from(self.each)
    }

    fn appraise(&self, sums: &[i128]) -> Appraisal {
        Appraisal::Own((i128::from(self.samples) * 1_000_000 - sums[0]).max(0) as f64 * 1e-6)
    }

    fn doubled(&self) -> Result<Arc<dyn Objective>> {
        Ok(Arc::new(Goal { each: 2 * self.each, ..*self }))
    }
}

fn main() -> Result<()> {
    let clients = instance::specs(3, Shape::of(5));
    let goal = Goal { samples: 1500, each: 4_000 };
    let market = Market::new(Population::new(clients, &TargetChoice::Uniform)?, goal)?;
    let rules: [Box<dyn Mechanism>; 3] =
        [Box::new(UniformPrice), Box::<PersonalOffers>::default(), Box::<Vcg>::default()];
    for rule in rules {
        let outcome = rule.run(&market)?;
        println!(
            "{:<16} {} hired, {:.0} samples short, server cost {}",
            rule.name(),
            outcome.participants(),
            outcome.appraisal.total(),
            outcome.server_cost
        );
        // and what the rules promise holds with this objective as with any other
        assert!(verify::promises(&*rule, &market, 3)?.clean());
    }
    assert!(verify::brute_force(&market, 3)?.clean());
    Ok(())
}

#[test]
fn rules_keep_their_promises_for_it() {
    main().unwrap();
}
