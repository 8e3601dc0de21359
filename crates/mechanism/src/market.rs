//! A market: clients and the value of their data, quantised once, and the costs that the clients report or have.

use std::any::Any;
use std::sync::Arc;

use crate::client::{Client, Held, Population, fine, micros_up};
use crate::error::{Error, Result};
use crate::mode::{Mode, PerMode};
use crate::money::Credits;
use crate::objective::{Appraisal, ForecastModel, LossModel, Member, Objective, Part, Tally, Update};
use crate::outcome::{Award, Decision, Outcome};
use crate::printable::Printable;

/// Clients, an objective and costs. Cloning shares everything but the costs.
#[derive(Debug, Clone)]
pub struct Market {
    population: Arc<Population>,
    objective: Arc<dyn Objective>,
    /// Number of sums that the objective keeps.
    width: usize,
    parts: Arc<Vec<PerMode<Part>>>,
    /// What clients hold of each class, `[clients, classes]`; empty where the objective does not count.
    held: Arc<Vec<Held>>,
    costs: Vec<PerMode<Credits>>,
    /// The same in pico-credits, before they were rounded up to micro-credits.
    fine: Vec<PerMode<u128>>,
}

impl Market {
    /// Quantises what every client is worth and costs in each mode.
    ///
    /// # Errors
    /// Clients without what the objective needs, such as label shares; money that overflows.
    pub fn new(population: Population, objective: impl Objective) -> Result<Self> {
        Market::with_objective(population, Arc::new(objective))
    }

    /// [`Market::new`] with an objective that was chosen at run time.
    ///
    /// # Errors
    /// As [`Market::new`].
    pub fn with_objective(population: Population, objective: Arc<dyn Objective>) -> Result<Self> {
        let width = objective.width(&population)?;
        if u32::try_from(population.clients().len()).is_err() {
            return Err(Error::Population("more than 4294967295".into()));
        }
        let held = if objective.counts() { population.held()? } else { Vec::new() };
        let quality = objective.quality();
        let part = |client: &Client, mode| Part::new(quality, client.samples, client.skew, client.batch, mode);
        let parts = population.clients().iter().map(|client| PerMode::from_fn(|mode| part(client, mode)));
        let parts = Arc::new(parts.collect());
        let fine = population.clients().iter().map(|client| {
            let overflow = |_| Error::Client {
                client: Printable(&client.id).to_string(),
                field: "costs",
                problem: "samples times unit costs overflow a 64-bit count of micro-credits (9.2e12 credits)".into(),
            };
            client.fine_costs_at(client.compute_cost, client.synthesis_cost, client.setup_cost).map_err(overflow)
        });
        let fine = fine.collect::<Result<Vec<PerMode<u128>>>>()?;
        let costs = fine.iter().map(|fine| fine.map(micros_up)).collect();
        Ok(Market { population: Arc::new(population), objective, width, parts, held: Arc::new(held), costs, fine })
    }

    /// The same market with other (reported) costs, one entry per client.
    ///
    /// # Errors
    /// [`Error::Rule`] if the number of entries is wrong or a cost is negative.
    pub fn with_costs(&self, costs: Vec<PerMode<Credits>>) -> Result<Self> {
        if costs.len() != self.len() {
            return Err(Error::Rule(format!("{} costs for {} clients", costs.len(), self.len())));
        }
        if costs.iter().any(|costs| costs.local.min(costs.augmented) < Credits::ZERO) {
            return Err(Error::Rule("a cost is negative".into()));
        }
        let fine = costs.iter().map(|&costs| fine(costs)).collect();
        Ok(Market { costs, fine, ..self.clone() })
    }

    /// The same market where client `index` reports `costs`.
    ///
    /// # Errors
    /// As [`Market::with_costs`].
    pub fn with_report(&self, index: usize, costs: PerMode<Credits>) -> Result<Self> {
        let mut all = self.costs.clone();
        all[index] = costs;
        self.with_costs(all)
    }

    /// The market without the clients for which `keep` is false.
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Market {
        let order: Vec<usize> = (0..self.len()).filter(|index| keep(*index)).collect();
        self.select(&order)
    }

    /// The clients of `order`, in that order.
    pub(crate) fn select(&self, order: &[usize]) -> Market {
        Market {
            population: Arc::new(self.population.select(order)),
            objective: self.objective.clone(),
            width: self.width,
            parts: Arc::new(order.iter().map(|&index| self.parts[index]).collect()),
            held: Arc::new(order.iter().flat_map(|&index| self.held(index)).copied().collect()),
            costs: order.iter().map(|&index| self.costs[index]).collect(),
            fine: order.iter().map(|&index| self.fine[index]).collect(),
        }
    }

    /// The same market where every amount of money counts twice: the objective's, unit costs and costs of modes.
    pub(crate) fn doubled(&self) -> Result<Market> {
        let twice = |cost: Credits| cost.checked_add(cost).ok_or(Error::Overflow("twice a cost"));
        let costs = self
            .costs
            .iter()
            .map(|costs| Ok(PerMode { local: twice(costs.local)?, augmented: twice(costs.augmented)? }))
            .collect::<Result<_>>()?;
        // costs of modes are doubled exactly: from doubled unit costs they would be rounded up once, not twice
        Market::with_objective(self.population.doubled(), self.objective.doubled()?)?.with_costs(costs)
    }

    /// The same clients as one would see them who does not look at labels: nobody skewed, every sample effective.
    pub(crate) fn blind_to_skew(&self) -> Market {
        let mut population = Population::clone(&self.population);
        population.deviations.fill(0);
        let quality = self.objective.quality();
        let blind =
            |client: &Client| PerMode::from_fn(|mode| Part::new(quality, client.samples, 0, client.batch, mode));
        let parts = self.clients().iter().map(blind).collect();
        let held = self.held.iter().map(|held| Held { authentic: held.target, ..*held }).collect();
        Market { population: Arc::new(population), parts: Arc::new(parts), held: Arc::new(held), ..self.clone() }
    }

    /// Number of clients.
    pub fn len(&self) -> usize {
        self.costs.len()
    }

    /// Never: a market has a client.
    pub fn is_empty(&self) -> bool {
        self.costs.is_empty()
    }

    /// The clients in their order.
    pub fn clients(&self) -> &[Client] {
        self.population.clients()
    }

    /// The clients with their target.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// What participants are worth.
    pub fn objective(&self) -> &dyn Objective {
        &*self.objective
    }

    /// The objective, if it is a forecast.
    pub fn forecast(&self) -> Option<&ForecastModel> {
        (self.objective() as &dyn Any).downcast_ref()
    }

    /// The objective, if it is the convergence bound.
    pub fn bound(&self) -> Option<&LossModel> {
        (self.objective() as &dyn Any).downcast_ref()
    }

    /// Costs per client.
    pub fn costs(&self) -> &[PerMode<Credits>] {
        &self.costs
    }

    /// Costs per client as a posted price meets them.
    pub(crate) fn fine_costs(&self) -> &[PerMode<u128>] {
        &self.fine
    }

    /// v in samples: what client `index` brings in a mode.
    pub fn effective_samples(&self, index: usize, mode: Mode) -> f64 {
        self.part(index, mode).effective as f64 * 1e-6
    }

    /// Authentic and generated samples of each class if they take part in these modes, `[classes]` each: what a forecast is made from, and what a
    /// pilot is recorded with.
    ///
    /// # Errors
    /// Clients without label shares, or with too many samples to be counted.
    pub fn counts(&self, modes: &[Mode]) -> Result<(Vec<u64>, Vec<u64>)> {
        let classes = self.population.classes();
        let (mut authentic, mut generated) = (vec![0; classes], vec![0; classes]);
        let held = self.population.held()?;
        for (mode, held) in modes.iter().zip(held.chunks_exact(classes.max(1))) {
            for (class, held) in held.iter().enumerate() {
                let (own, made) = match mode {
                    Mode::Out => (0, 0),
                    Mode::Local => (held.authentic, 0),
                    Mode::Augmented => (held.kept(), held.generated()),
                };
                authentic[class] += u64::from(own);
                generated[class] += u64::from(made);
            }
        }
        Ok((authentic, generated))
    }

    /// m, how far the labels of an update are from the target: ‖sum_k a_k h_k (q_k - p)‖₁ / sum_k a_k h_k in [0, 2], h_k being the batches that a
    /// client has; 0 for augmented clients, whose labels are the target's, and where label shares are not known.
    pub fn mix(&self, modes: &[Mode]) -> f64 {
        let (mut total, mut sums) = (0.0, vec![0.0; self.population.classes()]);
        for (index, mode, weight, steps) in self.pulls(modes) {
            total += weight * steps;
            if mode == Mode::Local {
                let deviations = self.deviations(index).iter();
                sums.iter_mut().zip(deviations).for_each(|(sum, own)| *sum += weight * steps * f64::from(*own) * 1e-9);
            }
        }
        if total > 0.0 { sums.iter().map(|sum| sum.abs()).sum::<f64>() / total } else { 0.0 }
    }

    /// s, how far the labels that each client trains on are from the target, on average: sum_k a_k h_k ‖q_k - p‖₁ / sum_k a_k h_k in [0, 2]; 0 for
    /// augmented clients, whose labels are the target's, and where label shares are not known. It is never less than [`Market::mix`], in which deviations of one client
    /// cancel those of another.
    pub fn skew(&self, modes: &[Mode]) -> f64 {
        let (mut total, mut sum) = (0.0, 0.0);
        for (index, mode, weight, steps) in self.pulls(modes) {
            total += weight * steps;
            if mode == Mode::Local {
                let own: i64 = self.deviations(index).iter().map(|own| i64::from(*own).abs()).sum();
                sum += weight * steps * own as f64 * 1e-9;
            }
        }
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// What there is to say of the clients' update beside its samples.
    pub fn update(&self, modes: &[Mode]) -> Update {
        Update { mix: Some(self.mix(modes)), skew: Some(self.skew(modes)), steps: Some(self.steps(modes)) }
    }

    /// H = sum_k a_k h_k, the steps that the aggregate takes in an epoch, h_k being the batches that a client has; 1 if nobody takes part.
    pub fn steps(&self, modes: &[Mode]) -> f64 {
        let sums = self
            .pulls(modes)
            .fold((0.0, 0.0), |(steps, all), (_, _, weight, own)| (steps + weight * own, all + weight));
        if sums.1 > 0.0 { sums.0 / sums.1 } else { 1.0 }
    }

    /// Who takes part, in which mode, with what weight and how many batches.
    fn pulls(&self, modes: &[Mode]) -> impl Iterator<Item = (usize, Mode, f64, f64)> {
        let playing = modes.iter().copied().enumerate().filter(|(_, mode)| mode.plays());
        playing.map(|(index, mode)| {
            let client = &self.clients()[index];
            (index, mode, self.part(index, mode).weight(), client.samples.div_ceil(u64::from(client.batch)) as f64)
        })
    }

    /// a_k, `[clients]`: the aggregation weight of each client if they take part in these modes; they sum to 1, or are all 0.
    pub fn aggregation_weights(&self, modes: &[Mode]) -> Vec<f64> {
        let weights: Vec<f64> = modes.iter().enumerate().map(|(k, &mode)| self.part(k, mode).weight as f64).collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| if total > 0.0 { weight / total } else { 0.0 }).collect()
    }

    /// What the objective says of the clients if they take part in these modes, `[clients]`.
    pub fn appraisal(&self, modes: &[Mode]) -> Appraisal {
        self.objective.appraise(&self.tally(modes).sums)
    }

    /// What the server loses if the clients take part in these modes, to the nearest micro-credit.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn loss(&self, modes: &[Mode]) -> Result<Credits> {
        loss_credits(self.loss_of(&self.tally(modes)))
    }

    /// What the server loses, in pico-credits.
    #[inline]
    pub(crate) fn loss_of(&self, tally: &Tally) -> i128 {
        self.objective.loss(&tally.sums)
    }

    pub(crate) fn parts(&self, index: usize) -> &PerMode<Part> {
        &self.parts[index]
    }

    /// What client `index` brings in a mode; nothing where it stays out.
    ///
    /// # Panics
    /// For an index beyond [`Market::len`], as a slice does.
    pub fn part(&self, index: usize, mode: Mode) -> Part {
        self.parts[index].of(mode)
    }

    /// p_k - p of a client, `[classes]`, in parts of 1e9; empty where label shares are not known.
    pub(crate) fn deviations(&self, index: usize) -> &[i32] {
        let classes = self.population.classes();
        &self.population.deviations[index * classes..(index + 1) * classes]
    }

    /// What client `index` holds of each class; empty where the objective does not count.
    pub(crate) fn held(&self, index: usize) -> &[Held] {
        let classes = self.held.len() / self.len();
        &self.held[index * classes..(index + 1) * classes]
    }

    pub(crate) fn empty_tally(&self) -> Tally {
        Tally::new(self.width)
    }

    pub(crate) fn tally(&self, modes: &[Mode]) -> Tally {
        let mut tally = self.empty_tally();
        for (index, &mode) in modes.iter().enumerate() {
            self.switch(&mut tally, index, Mode::Out, mode);
        }
        tally
    }

    /// Moves client `index` from one mode to another.
    #[inline]
    pub(crate) fn switch(&self, tally: &mut Tally, index: usize, from: Mode, to: Mode) {
        for (mode, sign) in [(from, -1), (to, 1)] {
            let (Some(part), Some(players)) = (self.parts[index].get(mode), tally.players.get_mut(mode)) else {
                continue;
            };
            *players = players.wrapping_add_signed(sign);
            // effective samples are at most 1e18
            tally.effective += i128::from(part.effective as i64 * sign);
            let member = Member {
                client: &self.clients()[index],
                mode,
                part,
                deviations: self.deviations(index),
                held: self.held(index),
            };
            self.objective.add(&mut tally.sums, &member, sign);
        }
    }

    /// Writes up what a rule has decided: what everyone does, gets and pays, what the server loses and pays.
    ///
    /// Whatever comes out adds up: awards are in the market's order with the market's costs, payments sum to
    /// [`Outcome::payments`], and the server cost is loss plus payments. What a rule claims beyond that, [`crate::verify::promises`] attacks.
    ///
    /// # Errors
    /// [`Error::Rule`] for a decision that is not one about these clients: too few or too many modes or payments, or a payment to a client
    /// that stays out. [`Error::Overflow`].
    pub fn outcome(&self, decision: Decision) -> Result<Outcome> {
        let Decision { modes, payments, price, lower_bound, exact, estimate } = decision;
        for (what, count) in [("modes", modes.len()), ("payments", payments.len())] {
            if count != self.len() {
                return Err(Error::Rule(format!("{count} {what} for {} clients; decide one for each", self.len())));
            }
        }
        let awards: Vec<Award> = modes
            .iter()
            .zip(&payments)
            .zip(&self.costs)
            .map(|((&mode, &payment), costs)| Award { mode, payment, cost: costs.of(mode) })
            .collect();
        let unsound = awards.iter().position(|award| !award.mode.plays() && award.payment != Credits::ZERO);
        if let Some(index) = unsound {
            let (client, payment) = (Printable(self.clients()[index].id()), awards[index].payment);
            return Err(Error::Rule(format!("client `{client}` stays out and is paid {payment}; pay it 0")));
        }
        let tally = self.tally(&modes);
        let accuracy_loss = loss_credits(self.loss_of(&tally))?;
        let payments = Credits::sum(payments, "the sum of payments")?;
        let server_cost = accuracy_loss.checked_add(payments).ok_or(Error::Overflow("the server cost"))?;
        Ok(Outcome {
            price,
            awards,
            appraisal: self.objective.appraise(&tally.sums),
            accuracy_loss,
            payments,
            server_cost,
            lower_bound: lower_bound.unwrap_or(server_cost).min(server_cost),
            exact,
            estimate,
        })
    }
}

/// A loss from pico-credits to the nearest micro-credit.
pub(crate) fn loss_credits(picos: i128) -> Result<Credits> {
    Credits::narrow((picos + 500_000) / 1_000_000, "the accuracy loss")
}
