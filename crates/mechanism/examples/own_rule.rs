//! A rule of one's own, attacked like those of the crate: `cargo run --release -p imfl-mechanism --example own_rule`
use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::prelude::*;
use imfl_mechanism::verify;

/// Hires the clients whose authentic samples are cheapest and pays all of them the price of the first that was turned away, but never
/// more than a reserve.
struct FirstLoser {
    winners: usize,
    /// Credits per effective sample.
    reserve: Price,
    /// Pays what was asked instead: a rule that lies about what it promises.
    pays_as_bid: bool,
}

impl Mechanism for FirstLoser {
    fn name(&self) -> &'static str {
        if self.pays_as_bid { "the cheapest, paid as bid" } else { "the cheapest, at the first loser's price" }
    }

    fn facts(&self) -> Facts {
        Facts {
            private: Private::OneCost,
            information: "private: the cost of local mode; measured: effective samples",
            guarantees: vec![Guarantee::IndividualRationality, Guarantee::Truthfulness, Guarantee::Monotonicity],
            source: "Vickrey 1961, several winners",
        }
    }

    // one number is all that a client can say; generating is not for sale
    fn ask(&self, _: &Market, _: usize, _: Mode, amount: Credits) -> PerMode<Credits> {
        PerMode { local: amount, augmented: amount }
    }

    fn run(&self, market: &Market) -> Result<Outcome> {
        // pico-credits per effective sample, rounded up: nobody who asks more than the price is taken for less
        let asked = |index: usize| {
            let samples = u128::from(market.part(index, Mode::Local).effective());
            let cost = market.costs()[index].local.micros() as u128 * 1_000_000_000_000;
            (samples > 0).then(|| cost.div_ceil(samples))
        };
        let reserve = u128::from(self.reserve.picos());
        let offers = (0..market.len()).filter_map(|index| Some((asked(index)?, index)));
        let mut offers: Vec<(u128, usize)> = offers.filter(|(price, _)| *price <= reserve).collect();
        offers.sort_unstable();
        let price = offers.get(self.winners).map_or(reserve, |(price, _)| *price);

        let mut modes = vec![Mode::Out; market.len()];
        let mut payments = vec![Credits::ZERO; market.len()];
        for &(_, index) in offers.iter().take(self.winners) {
            let samples = u128::from(market.part(index, Mode::Local).effective());
            // at least what it asked, since its own price is at most this one
            let due = (price * samples / 1_000_000_000_000) as i64;
            modes[index] = Mode::Local;
            payments[index] = if self.pays_as_bid { market.costs()[index].local } else { Credits::from_micros(due) };
        }
        market.outcome(Decision::new(modes, payments))
    }
}

fn main() -> Result<()> {
    for pays_as_bid in [false, true] {
        let rule = FirstLoser { winners: 2, reserve: Price::from_credits(0.02)?, pays_as_bid };
        let mut violations = 0;
        let mut example = None;
        for seed in 0..200 {
            let market = instance::market(seed, Shape::of(5))?;
            let found = verify::promises(&rule, &market, seed)?;
            violations += found.violations();
            example = example.or(found.checks.into_iter().flat_map(|check| check.examples).next());
        }
        println!("{}: {violations} violations", rule.name());
        example.into_iter().for_each(|example| println!("  {example}"));
        // the honest rule stands, the other one falls
        assert_eq!(violations > 0, pays_as_bid);
    }
    Ok(())
}

#[test]
fn the_honest_rule_stands_and_the_other_falls() {
    main().unwrap();
}
