//! What the simulation of a network costs: seconds of a round without training, and bytes of what is kept, by policy and number
//! of clients.
//!
//! `cargo run --release -p imfl-engine --example network_scaling`

use imfl_engine::network::{Compression, Job, LinkSource, Load, Network, NetworkState, Observed, Presence};
use std::time::Instant;

const ROUNDS: u64 = 5;
const COHORT: usize = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:>10}  {:<16} {:>12} {:>14} {:>14}", "clients", "policy", "ms a round", "links, MB", "state, MB");
    for clients in [1_000, 1_000_000] {
        let links = LinkSource::Mobile.links(clients, 1)?;
        let pool: Vec<Job> = (0..clients as u32).map(|client| Job { client, samples: 100 }).collect();
        for policy in ["wait", "deadline:5", "over-selection", "buffered:10", "oort"] {
            let network = Network {
                links: links.clone(),
                seconds_per_sample: vec![1e-3; clients],
                rhythm: "markov:3600:1800".parse::<Presence>()?.open()?,
                policy: policy.parse()?,
                compression: Compression::default(),
                cohort: COHORT,
            };
            let load = Load { down: 1_000_000, up: 1_000_000 };
            let mut state = NetworkState::default();
            // As if everybody had been seen before: the most that a policy can have to go by.
            if network.policy.learns() {
                let seen = |job: &Job| (job.client, Observed { utility: 1.0, seconds: 1.0, round: 1 });
                state.observed = pool.iter().map(seen).collect();
            }
            let started = Instant::now();
            for round in 1..=ROUNDS {
                // Drawn cohorts name those who are asked; policies that choose look at everybody.
                let asked = network.policy.asks(COHORT);
                let first = (round as usize * 7919) % (clients - asked);
                let pool = if network.policy.chooses() { &pool[..] } else { &pool[first..first + asked] };
                let timetable = network.round(&state, round, 1, pool, load)?;
                (state.now, state.flights) = (timetable.ends, timetable.flights);
            }
            let seconds = started.elapsed().as_secs_f64() / ROUNDS as f64;
            let kept = (size_of_val(&network.links[..]) + size_of_val(&network.seconds_per_sample[..])) as f64 / 1e6;
            let state = state.to_bytes()?.len() as f64 / 1e6;
            println!("{clients:>10}  {policy:<16} {:>12.3} {kept:>14.1} {state:>14.3}", seconds * 1e3);
        }
    }
    Ok(())
}
