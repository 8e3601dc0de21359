//! Which trainings are pilots: few and many samples, few and many clients, even and skewed labels, few and many steps.

use super::ladder::ladder;
use imfl_engine::partition::{LabelSkew, Scheme};

/// How many pilots there may be, the most first.
const COUNTS: [usize; 4] = [36, 24, 18, 12];
/// The smallest pilot has so many samples as a client has on average, divided by this; or as the pool, divided by [`RANGE`].
const SMALLEST: f64 = 4.0;
/// Pilots cover at least sizes that differ by this factor: a power law shows over a range.
const RANGE: f64 = 16.0;
/// Pilots with less data pass over it more often than the run would, to make as many steps, but at most so many times.
const REPEATED: usize = 8;

/// With little time, the largest pilot becomes smaller by this factor, again and again.
const SHRINK: f64 = 0.85;
/// But not smaller than so many clients of the run.
const FEW_CLIENTS: f64 = 2.0;

/// What pilots are for and made of.
#[derive(Clone, Debug)]
pub(super) struct Market {
    /// Samples to train on.
    pub pool: usize,
    pub classes: usize,
    /// Clients of the run, and those of a round.
    pub clients: usize,
    pub cohort: usize,
    /// Samples of a client of the run, on average.
    pub per_client: f64,
    pub scheme: Scheme,
    pub rounds: usize,
    pub local_epochs: usize,
    /// Whether there are generated samples.
    pub generates: bool,
    /// Whether the run is private.
    pub private: bool,
}

/// One pilot, before it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub(super) clients: usize,
    /// Samples of each client.
    pub(super) size: usize,
    /// Passes over them in a round.
    pub(super) epochs: usize,
    pub(super) scheme: Scheme,
    /// Every so many-th client is filled up by generated images; 0 for none.
    pub(super) augmented: usize,
    /// Samples of the participants that it stands for: more than its own where it is the noise of many that is tried.
    pub(super) stands_for: f64,
}

impl Trial {
    /// Samples of all its clients.
    pub fn samples(&self) -> usize {
        self.clients * self.size
    }

    /// Samples that it passes over in a round.
    fn passes(&self) -> f64 {
        (self.samples() * self.epochs) as f64
    }
}

/// The pilots of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// All of them.
    pub trials: Vec<Trial>,
    /// Samples that all of them pass over, in all rounds.
    pub passes: f64,
    /// The same of the run's training, if everybody takes part.
    pub training: f64,
}

/// How the clients of a pilot of some size are cut.
#[derive(Clone, Copy)]
enum Cut {
    /// As few clients as the run would have for so many samples, and as many steps.
    Few,
    /// As many clients as there is time for, with as many steps as those of the run: each has less data, over which it passes more often.
    Wide,
    /// As few, or twice as many, each passing over its data as often as a client of the run does: fewer steps.
    Short(usize),
}

const CUTS: [Cut; 4] = [Cut::Wide, Cut::Short(1), Cut::Few, Cut::Short(2)];

impl Market {
    /// Pilots that pass over at most so many samples in all, in as many trainings, as wide as that allows.
    pub fn plan(&self, passes: f64) -> Plan {
        let budget = passes / self.rounds.max(1) as f64;
        let top = (self.pool as f64).min(self.everybody());
        let wide = || std::iter::successors(Some(self.cohort.max(1)), |wide| (*wide > 1).then_some(wide / 2));
        let cost = |trials: &[Trial]| trials.iter().map(Trial::passes).sum::<f64>();
        let trials = COUNTS
            .into_iter()
            .flat_map(|count| {
                // fewer pilots before ones that are much narrower than the run
                let narrowest = if count == COUNTS[3] { 1 } else { self.cohort.div_ceil(4) };
                wide().take_while(move |wide| *wide >= narrowest).map(move |wide| (count, wide))
            })
            .map(|(count, wide)| self.trials(&self.sizes(count, top, f64::INFINITY), wide))
            .chain(self.narrow(top))
            .find(|trials| cost(trials) <= budget)
            .unwrap_or_else(|| self.short(budget));
        let passes = cost(&trials) * self.rounds as f64;
        Plan { trials, passes, training: self.training() }
    }

    /// Samples that the run's training passes over, if everybody whom a round asks takes part.
    pub fn training(&self) -> f64 {
        self.cohort as f64 * self.per_client * (self.local_epochs * self.rounds) as f64
    }

    /// How labels are dealt out to clients of pilots, in turn.
    pub fn schemes(&self) -> [Scheme; 4] {
        let skewed = |alpha| Scheme { labels: LabelSkew::Dirichlet { alpha }, quantity: None };
        let even = Scheme { labels: LabelSkew::Iid, quantity: None };
        [even, skewed(1.0), self.scheme, skewed(0.3)]
    }

    fn everybody(&self) -> f64 {
        self.per_client * self.clients as f64
    }

    fn sizes(&self, count: usize, top: f64, budget: f64) -> Vec<f64> {
        let smallest = (self.per_client / SMALLEST).min(top / RANGE).max((2 * self.classes) as f64);
        ladder(smallest.min(top / 2.0).min(budget / count as f64).max(2.0), top, count, budget)
    }

    /// The fewest and narrowest pilots, with less and less data, down to that of a few clients.
    fn narrow(&self, top: f64) -> impl Iterator<Item = Vec<Trial>> {
        let tops = std::iter::successors(Some(top), |top| Some(SHRINK * top));
        let least = FEW_CLIENTS * self.per_client;
        tops.take_while(move |top| *top >= least).map(|top| self.trials(&self.sizes(COUNTS[3], top, f64::INFINITY), 1))
    }

    /// The pilots where there is time for few: all of them short.
    fn short(&self, budget: f64) -> Vec<Trial> {
        let sizes = self.sizes(COUNTS[3], self.pool as f64, budget / self.local_epochs.max(1) as f64);
        (0..).zip(&sizes).map(|(at, &total)| self.trial(at, total, Cut::Short(1 + at / 2 % 2), 1, &sizes)).collect()
    }

    fn trials(&self, sizes: &[f64], wide: usize) -> Vec<Trial> {
        // shifted by one after each four, so that cuts meet all schemes
        (0..).zip(sizes).map(|(at, &total)| self.trial(at, total, CUTS[(at + at / 4) % 4], wide, sizes)).collect()
    }

    fn trial(&self, at: usize, total: f64, cut: Cut, wide: usize, sizes: &[f64]) -> Trial {
        let schemes = self.schemes();
        // Half of them on what clients have: what filling in is worth shows against that.
        let modes = if self.generates { [0, 2, 0, 1] } else { [0; 4] };
        let needed = (total / self.per_client).ceil().max(1.0) as usize;
        let most = self.clients.max(1).min((total as usize / 2).max(1));
        let clients = match cut {
            Cut::Few => needed,
            Cut::Wide => needed.max(wide),
            Cut::Short(times) => needed * times,
        };
        let clients = clients.clamp(1, most);
        let size = (total / clients as f64).round().max(1.0) as usize;
        let epochs = match cut {
            Cut::Short(_) => self.local_epochs,
            Cut::Few | Cut::Wide => {
                let times = (self.per_client / size as f64).round() as usize;
                self.local_epochs * times.clamp(1, REPEATED)
            }
        };
        // Noise falls with the number of participants, up to all of them, for which there are not images enough: the largest pilots stand for more
        // than they have. What they lack can only help.
        let stands_for = match self.private {
            true => ladder(sizes[0], self.everybody().max(self.pool as f64), sizes.len(), f64::INFINITY)[at],
            false => total,
        };
        Trial { clients, size, epochs, scheme: schemes[at % 4], augmented: modes[(at + at / 4) % 4], stands_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(pool: usize, clients: usize, per_client: f64) -> Market {
        Market {
            pool,
            classes: 10,
            clients,
            cohort: clients,
            per_client,
            scheme: Scheme { labels: LabelSkew::Iid, quantity: None },
            rounds: 15,
            local_epochs: 1,
            generates: true,
            private: false,
        }
    }

    #[test]
    fn pilots_keep_to_their_budget_and_to_what_there_is() {
        for (pool, clients, per_client) in [(2311, 10, 1280.0), (7782, 10, 800.0), (210, 10, 112.0), (3000, 100, 48.0)]
        {
            let market = market(pool, clients, per_client);
            for times in [0.1, 0.5, 1.0, 2.0, 20.0] {
                let plan = market.plan(times * market.training());
                assert!(
                    plan.passes <= 1.05 * times * market.training(),
                    "{times}: {} of {}",
                    plan.passes,
                    plan.training
                );
                assert!((12..=36).contains(&plan.trials.len()));
                let largest = plan.trials.iter().map(Trial::samples).max().unwrap();
                assert!(largest <= pool + clients, "{largest} of {pool}");
                assert!(plan.trials.iter().all(|trial| trial.clients <= clients && trial.size > 0));
            }
        }
    }

    /// With time enough there are pilots as wide as the run that make as many steps, and the largest have all the data that there is.
    #[test]
    fn with_time_pilots_are_like_the_run() {
        let market = market(2311, 10, 1280.0);
        let plan = market.plan(20.0 * market.training());
        assert_eq!(plan.trials.len(), 36);
        let steps = |trial: &Trial| (trial.size * trial.epochs) as f64 / 1280.0;
        let alike = |trial: &&Trial| trial.clients == 10 && (0.8..1.25).contains(&steps(trial));
        assert!(plan.trials.iter().filter(alike).count() >= 1, "{:?}", plan.trials);
        assert!(plan.trials.iter().any(|trial| steps(trial) < 0.3), "and some that make few steps");
        let sizes: Vec<usize> = plan.trials.iter().map(Trial::samples).collect();
        let [least, most] = [sizes.iter().min().unwrap(), sizes.iter().max().unwrap()];
        assert!(*most >= 2300 && most / least >= 12, "{sizes:?}");
        let kinds: std::collections::BTreeSet<_> =
            plan.trials.iter().map(|trial| (trial.augmented, format!("{:?}", trial.scheme))).collect();
        assert_eq!(kinds.len(), 9, "each way to generate with each scheme (two schemes are one here)");
    }

    #[test]
    fn more_time_brings_more_or_wider_pilots() {
        let market = market(7782, 10, 800.0);
        let [little, more, much] = [0.3, 2.0, 8.0].map(|times| market.plan(times * market.training()));
        let widest = |plan: &Plan| plan.trials.iter().map(|trial| trial.clients).max().unwrap();
        assert!(much.trials.len() >= more.trials.len() && widest(&much) >= widest(&more));
        assert!(widest(&more) >= widest(&little) && more.passes > little.passes);
    }
}
