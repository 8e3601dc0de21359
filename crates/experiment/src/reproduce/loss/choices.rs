//! Which participants and modes are tried: random ones, or all that there are.

use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::Mode;
use rand::RngExt;

/// A choice. Where so many choices are as many as there are, each is made once: then the best of them is the best of all in hindsight.
pub fn choose(seed: u64, choice: u64, choices: u64, clients: usize, generator: bool) -> Vec<Mode> {
    let modes: &[Mode] = if generator { &Mode::ALL } else { &Mode::ALL[..2] };
    let base = modes.len() as u64;
    let all = u32::try_from(clients).ok().and_then(|clients| base.checked_pow(clients));
    match all {
        Some(all) if all - 1 <= choices => {
            // digits of 1, 2, ...: 0 would be nobody; beyond the last they begin again
            let number = choice % (all - 1) + 1;
            (0..clients as u32).map(|client| modes[(number / base.pow(client) % base) as usize]).collect()
        }
        _ => draw(seed, choice, clients, generator),
    }
}

/// A random choice: how many take part and how many of them generate varies from choice to choice; at least one takes part.
fn draw(seed: u64, choice: u64, clients: usize, generator: bool) -> Vec<Mode> {
    let mut random = keyed(seed, Purpose::Experiment, 1, choice, 0);
    let (plays, generates): (f64, f64) = (random.random(), random.random());
    let sure = random.random_range(0..clients);
    let mut mode = |client: usize| {
        let (takes_part, augments) = (random.random::<f64>() < plays, random.random::<f64>() < generates);
        match (takes_part || client == sure, augments && generator) {
            (false, _) => Mode::Out,
            (true, false) => Mode::Local,
            (true, true) => Mode::Augmented,
        }
    };
    (0..clients).map(&mut mode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_differ_are_repeatable_and_never_empty() {
        let all: Vec<Vec<Mode>> = (0..40).map(|choice| draw(1, choice, 8, true)).collect();
        assert!(all.iter().all(|modes| modes.iter().any(|mode| mode.plays())));
        assert_eq!(all[7], draw(1, 7, 8, true));
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 30, "{}", distinct.len());
        let every: std::collections::BTreeSet<Vec<Mode>> =
            (0..26).map(|choice| choose(1, choice, 26, 3, true)).collect();
        assert_eq!(every.len(), 26);
        assert!(every.iter().all(|modes| modes.iter().any(|mode| mode.plays())));
        assert_eq!(choose(1, 5, 25, 3, true), draw(1, 5, 3, true));
        assert!((0..7).all(|choice| !choose(1, choice, 7, 3, false).contains(&Mode::Augmented)));
        assert!((0..40).all(|choice| !draw(1, choice, 8, false).contains(&Mode::Augmented)));
    }
}
