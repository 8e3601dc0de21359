//! Hire four clients, three ways: `cargo run --release -p imfl-mechanism --example hire`
use imfl_mechanism::prelude::*;

fn main() -> Result<()> {
    // what the server measures about each client (samples, skew), and what only the client knows (costs in credits)
    let client = |id: &str, samples, skew, compute_cost| ClientSpec {
        id: id.into(),
        samples,
        skew: Some(skew),
        shares: None,
        compute_cost,
        synthesis_cost: 0.0008,
        setup_cost: 0.05,
        batch: 10,
    };
    let clients = [
        client("hospital", 900, 0.3, 0.0020),
        client("clinic", 400, 0.9, 0.0012),
        client("practice", 150, 1.6, 0.0009),
        client("laptop", 600, 0.5, 0.0060),
    ];

    // what a set of participants is worth to the server: the convergence bound, at 8 credits a unit
    let constants = Constants { g_data: 1.75, sigma: 4.0, smoothness: 4.0, rate: 0.01, local_steps: 5 };
    let objective = LossModel::new(constants, 0.15, 8.0, Bias::Aligned, Weights::Effective)?;
    let market = Market::new(Population::new(clients, &TargetChoice::Uniform)?, objective)?;

    let prior = Prior::of(market.population());
    let rules: [(&str, Box<dyn Mechanism>); 3] = [
        ("One price, every cost known", Box::new(UniformPrice)),
        ("One price, costs known in distribution", Box::new(PriorPrice { prior, sampling: Sampling::new(1000, 7) })),
        ("VCG: clients bid, the truth is their best bid", Box::new(Vcg::default())),
    ];
    for (what, rule) in rules {
        let outcome = rule.run(&market)?;
        println!("{what}");
        for (client, award) in market.clients().iter().zip(&outcome.awards) {
            println!("  {:<10} {:<9} paid {:<10} costs {}", client.id(), award.mode, award.payment, award.cost);
        }
        if let Some(price) = outcome.price {
            println!("  price {price} credits per effective sample");
        }
        println!(
            "  server cost {} = {} for accuracy + {} paid\n",
            outcome.server_cost, outcome.accuracy_loss, outcome.payments
        );
    }
    Ok(())
}
