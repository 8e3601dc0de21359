//! A lower bound on worth x forecast + costs over all allocations: the dual of a problem that is convex but for everybody's choice.
//!
//! With z the samples that are counted, per class or in all, the law is f(z), convex and falling, and z a sum over clients. At every point t
//!
//! ```text
//! f(z) + costs >= f(t) + sum_y l_y (t_y - z_y) + costs       l = -f'(t) >= 0: a tangent
//! ```
//!
//! and the right side separates: each client takes the smallest of 0 and its two reduced costs c - l z. The best t solves the convex problem
//! in which clients may mix their modes, and by Shapley and Folkman's lemma all but about one client per class do not mix in it: the gap
//! vanishes like classes over clients. t is found by the fully corrective Frank-Wolfe method: the answers of all clients to a few tangents
//! are mixed as well as possible, and a tangent at the mixture asks for the next answer. Terms of mix, skew and steps are at least 0 and left out,
//! and so is what nobody taking part costs, which callers know anyway. Floats prune, integers decide.

use crate::market::Market;
use crate::mode::Mode;
use crate::objective::{By, ForecastModel, Law};

/// Modes that a client may still take, `[out, local, augmented]`.
pub(super) type Domain = [bool; 3];

/// Steps of the inner minimisation over mixtures, at most.
const MIXING: usize = 60;

pub(super) struct Dual<'a> {
    law: &'a Law,
    /// Pico-credits of one unit of (u + o)^-alpha in each dimension.
    weights: Vec<f64>,
    /// Pico-credits of the law's floor.
    floor: f64,
    /// Costs in pico-credits, `[clients][out, local, augmented]`; infinite where a client has nothing to offer.
    costs: Vec<[f64; 3]>,
    /// z of local and of augmented mode, `[clients, 2, dimensions]`.
    counts: Vec<f64>,
}

/// What everybody answers to a tangent, summed, or a mixture of such answers.
#[derive(Clone)]
struct Answer {
    z: Vec<f64>,
    cost: f64,
}

/// What is known about the allocations of a domain.
pub(super) struct Bound {
    /// The lower bound, in pico-credits.
    pub value: f64,
    /// The tangent's point.
    pub at: Vec<f64>,
    /// Modes that attain it.
    pub minimiser: Vec<Mode>,
    /// What each client adds to the bound in each mode beyond its best one, `[clients][out, local, augmented]`.
    pub regrets: Vec<[f64; 3]>,
    /// Evaluations of a client that it took.
    pub effort: u64,
}

impl<'a> Dual<'a> {
    pub(super) fn new(market: &Market, model: &'a ForecastModel) -> Self {
        let law = model.law();
        let classes = model.target().len();
        let weights = match law.by {
            By::Class => model.target().iter().map(|share| model.price() * law.scale * share).collect(),
            By::Samples => vec![model.price() * law.scale],
        };
        let (mut costs, mut counts) = (Vec::with_capacity(market.len()), Vec::new());
        for index in 0..market.len() {
            let held = market.held(index);
            let local = held.iter().map(|held| f64::from(held.authentic));
            let augmented =
                held.iter().map(|held| f64::from(held.kept()) + law.generated * f64::from(held.generated()));
            match law.by {
                By::Class => counts.extend(local.chain(augmented)),
                By::Samples => counts.extend([local.sum::<f64>(), augmented.sum()].map(|sum| sum / classes as f64)),
            }
            costs.push(Mode::ALL.map(|mode| match mode.plays() && !market.part(index, mode).is_useful() {
                true => f64::INFINITY,
                false => market.costs()[index].of(mode).micros() as f64 * 1e6,
            }));
        }
        Dual { law, weights, floor: model.price() * law.floor, costs, counts }
    }

    /// Which modes clients have at all.
    pub(super) fn domains(&self) -> Vec<Domain> {
        self.costs.iter().map(|costs| costs.map(f64::is_finite)).collect()
    }

    fn value(&self, z: &[f64]) -> f64 {
        self.floor + self.weights.iter().zip(z).map(|(weight, z)| weight * self.law.decay(*z)).sum::<f64>()
    }

    /// l = -f'.
    fn prices(&self, z: &[f64]) -> Vec<f64> {
        self.weights.iter().zip(z).map(|(weight, z)| -weight * self.law.slope(*z)).collect()
    }

    /// c - l z of each mode, infinite where it is not in the domain.
    #[inline]
    fn reduced(&self, index: usize, prices: &[f64], domain: &Domain) -> [f64; 3] {
        let width = prices.len();
        let own = &self.counts[2 * index * width..2 * (index + 1) * width];
        let worth = |counts: &[f64]| counts.iter().zip(prices).map(|(z, price)| z * price).sum::<f64>();
        let costs = &self.costs[index];
        let at = |mode: usize, cost: f64| if domain[mode] { cost } else { f64::INFINITY };
        [at(0, 0.0), at(1, costs[1] - worth(&own[..width])), at(2, costs[2] - worth(&own[width..]))]
    }

    /// The bound from the tangent at `t`, and everybody's answer to it.
    fn tangent(&self, t: &[f64], domains: &[Domain]) -> (f64, Answer) {
        let prices = self.prices(t);
        let mut bound = self.value(t) + prices.iter().zip(t).map(|(price, t)| price * t).sum::<f64>();
        let mut answer = Answer { z: vec![0.0; t.len()], cost: 0.0 };
        for (index, domain) in domains.iter().enumerate() {
            let reduced = self.reduced(index, &prices, domain);
            let mode = cheapest(&reduced);
            bound += reduced[mode];
            if mode > 0 {
                let from = (2 * index + mode - 1) * t.len();
                answer.z.iter_mut().zip(&self.counts[from..from + t.len()]).for_each(|(sum, own)| *sum += own);
                answer.cost += self.costs[index][mode];
            }
        }
        (bound, answer)
    }

    /// The bound on all allocations of the domains, from a point that was good nearby, in at most so many tangents.
    pub(super) fn bound(&self, domains: &[Domain], start: Option<&[f64]>, tangents: usize) -> Bound {
        let width = self.weights.len();
        let mut t = start.map_or_else(|| vec![0.0; width], <[f64]>::to_vec);
        let mut best = (f64::NEG_INFINITY, t.clone());
        let mut mixture = Mixture { answers: Vec::new(), shares: Vec::new() };
        let mut effort = 0;
        for _ in 0..tangents {
            let (bound, answer) = self.tangent(&t, domains);
            effort += domains.len() as u64 * (1 + width as u64 / 4);
            if bound > best.0 {
                best = (bound, t.clone());
            }
            mixture.add(answer);
            effort += mixture.minimise(self);
            let mixed = mixture.mixed(width);
            let above = self.value(&mixed.z) + mixed.cost;
            t = mixed.z;
            if above - best.0 <= 1e-10 * above.abs() {
                break;
            }
        }
        let prices = self.prices(&best.1);
        let reduced = domains.iter().enumerate().map(|(index, domain)| self.reduced(index, &prices, domain));
        let (mut minimiser, mut regrets) = (Vec::with_capacity(domains.len()), Vec::with_capacity(domains.len()));
        for reduced in reduced {
            let mode = cheapest(&reduced);
            minimiser.push(Mode::ALL[mode]);
            regrets.push(reduced.map(|cost| cost - reduced[mode]));
        }
        Bound { value: best.0, at: best.1, minimiser, regrets, effort }
    }
}

/// The cheapest of three; of equal ones the last, so that augmented is preferred to local and local to out.
fn cheapest(costs: &[f64; 3]) -> usize {
    (1..3).fold(0, |best, mode| if costs[mode] <= costs[best] { mode } else { best })
}

/// Answers and their shares, which sum to 1.
struct Mixture {
    answers: Vec<Answer>,
    shares: Vec<f64>,
}

impl Mixture {
    fn add(&mut self, answer: Answer) {
        self.shares.push(if self.answers.is_empty() { 1.0 } else { 0.0 });
        self.answers.push(answer);
    }

    fn mixed(&self, width: usize) -> Answer {
        let mut sum = Answer { z: vec![0.0; width], cost: 0.0 };
        for (answer, share) in self.answers.iter().zip(&self.shares) {
            sum.z.iter_mut().zip(&answer.z).for_each(|(sum, own)| *sum += share * own);
            sum.cost += share * answer.cost;
        }
        sum
    }

    /// Shifts share from the worst answer to the best one until that gains nothing. Returns the effort in evaluations of a client.
    fn minimise(&mut self, dual: &Dual) -> u64 {
        let width = dual.weights.len();
        let mut steps = 0;
        while steps < MIXING as u64 {
            steps += 1;
            let mixed = self.mixed(width);
            let prices = dual.prices(&mixed.z);
            let slopes: Vec<f64> = self
                .answers
                .iter()
                .map(|answer| answer.cost - prices.iter().zip(&answer.z).map(|(price, z)| price * z).sum::<f64>())
                .collect();
            let held = |at: &usize| self.shares[*at] > 0.0;
            let by_slope = |a: &usize, b: &usize| slopes[*a].total_cmp(&slopes[*b]);
            let Some(to) = (0..slopes.len()).min_by(by_slope) else { break };
            let Some(from) = (0..slopes.len()).filter(held).max_by(by_slope) else { break };
            let scale = dual.value(&mixed.z).abs() + mixed.cost.abs();
            if slopes[from] - slopes[to] <= 1e-12 * scale {
                break;
            }
            let way: Vec<f64> =
                self.answers[to].z.iter().zip(&self.answers[from].z).map(|(to, from)| to - from).collect();
            let cost = self.answers[to].cost - self.answers[from].cost;
            // the derivative along the way rises; where it is 0 by bisection
            let rises = |share: f64| {
                let z = mixed.z.iter().zip(&way).map(|(z, way)| (z + share * way).max(0.0)).collect::<Vec<f64>>();
                cost - dual.prices(&z).iter().zip(&way).map(|(price, way)| price * way).sum::<f64>() > 0.0
            };
            let most = self.shares[from];
            let (mut low, mut high) = (0.0, most);
            if rises(most) {
                for _ in 0..30 {
                    let middle = (low + high) / 2.0;
                    if rises(middle) { high = middle } else { low = middle }
                }
            } else {
                low = most;
            }
            self.shares[to] += low;
            self.shares[from] = if low == most { 0.0 } else { most - low };
            if low == 0.0 {
                break;
            }
        }
        let mut kept = self.shares.iter().map(|share| *share > 0.0).collect::<Vec<bool>>().into_iter();
        self.answers.retain(|_| kept.next().unwrap_or(true));
        self.shares.retain(|share| *share > 0.0);
        steps * 60 * width as u64
    }
}
