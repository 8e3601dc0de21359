//! A market: clients and the value of their data, quantised once, and the costs that the clients report or have.

use std::sync::Arc;

use crate::client::{Client, FineCosts, Mode, Population};
use crate::error::{Error, Result};
use crate::loss::{Bias, LossModel, Part, Tally, Terms};
use crate::money::{Credits, Price};
use crate::outcome::{Award, Outcome};

/// What each way of taking part costs one client (or what it says it costs); staying out costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModeCosts {
    /// Cost of local mode.
    pub local: Credits,
    /// Cost of augmented mode.
    pub augmented: Credits,
}

impl ModeCosts {
    /// Cost of a mode.
    pub fn of(&self, mode: Mode) -> Credits {
        match mode {
            Mode::Out => Credits::ZERO,
            Mode::Local => self.local,
            Mode::Augmented => self.augmented,
        }
    }
}

/// Clients, loss model and costs. Cloning shares everything but the costs.
#[derive(Debug, Clone)]
pub struct Market {
    population: Arc<Population>,
    model: Arc<LossModel>,
    parts: Arc<Vec<[Part; 2]>>,
    costs: Vec<ModeCosts>,
    /// The same before they were rounded up to micro-credits.
    fine: Vec<FineCosts>,
}

impl Market {
    /// Quantises what every client is worth and costs in each mode.
    ///
    /// # Errors
    /// The mixture bias without label shares; money that overflows.
    pub fn new(population: Population, model: LossModel) -> Result<Self> {
        if model.bias() == Bias::Mixture && population.classes() == 0 {
            let problem =
                "the mixture bias needs label shares (columns p0, p1, ...); give them, or use the aligned bias";
            return Err(Error::Population(problem.into()));
        }
        if u32::try_from(population.clients().len()).is_err() {
            return Err(Error::Population("more than 4294967295".into()));
        }
        let parts = population
            .clients()
            .iter()
            .map(|client| Mode::PLAYING.map(|mode| Part::new(&model, client.samples, client.skew, client.batch, mode)));
        let parts = Arc::new(parts.collect());
        let fine = population.clients().iter().map(|client| {
            let overflow = |_| Error::Client {
                client: client.id.clone(),
                field: "costs",
                problem: "samples times unit costs overflow a 64-bit count of micro-credits (9.2e12 credits)".into(),
            };
            client.fine_costs_at(client.compute_cost, client.synthesis_cost, client.setup_cost).map_err(overflow)
        });
        let fine = fine.collect::<Result<Vec<FineCosts>>>()?;
        let costs = fine.iter().map(|fine| {
            let (local, augmented) = fine.rounded();
            ModeCosts { local, augmented }
        });
        let costs = costs.collect();
        Ok(Market { population: Arc::new(population), model: Arc::new(model), parts, costs, fine })
    }

    /// The same market with other (reported) costs, one entry per client.
    ///
    /// # Errors
    /// [`Error::Rule`] if the number of entries is wrong or a cost is negative.
    pub fn with_costs(&self, costs: Vec<ModeCosts>) -> Result<Self> {
        if costs.len() != self.len() {
            return Err(Error::Rule(format!("{} costs for {} clients", costs.len(), self.len())));
        }
        if costs.iter().any(|costs| costs.local.min(costs.augmented) < Credits::ZERO) {
            return Err(Error::Rule("a cost is negative".into()));
        }
        let fine = costs.iter().map(|costs| FineCosts::of(costs.local, costs.augmented)).collect();
        Ok(Market { costs, fine, ..self.clone() })
    }

    /// The same market where client `index` reports `costs`.
    ///
    /// # Errors
    /// As [`Market::with_costs`].
    pub fn with_report(&self, index: usize, costs: ModeCosts) -> Result<Self> {
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
            model: self.model.clone(),
            parts: Arc::new(order.iter().map(|&index| self.parts[index]).collect()),
            costs: order.iter().map(|&index| self.costs[index]).collect(),
            fine: order.iter().map(|&index| self.fine[index]).collect(),
        }
    }

    /// The same market where every amount of money counts twice: kappa, unit costs and costs of modes.
    pub(crate) fn doubled(&self) -> Result<Market> {
        let model = LossModel::new(
            *self.model.constants(),
            self.model.theta(),
            2.0 * self.model.kappa(),
            self.model.bias(),
            self.model.weights(),
        )?;
        let twice = |cost: Credits| cost.checked_add(cost).ok_or(Error::Overflow("twice a cost"));
        let costs = self
            .costs
            .iter()
            .map(|costs| Ok(ModeCosts { local: twice(costs.local)?, augmented: twice(costs.augmented)? }))
            .collect::<Result<_>>()?;
        // costs of modes are doubled exactly: from doubled unit costs they would be rounded up once, not twice
        Market::new(self.population.doubled(), model)?.with_costs(costs)
    }

    /// The same clients as one would see them who does not look at labels: nobody skewed, every sample effective.
    pub(crate) fn blind_to_skew(&self) -> Market {
        let mut population = Population::clone(&self.population);
        population.deviations.fill(0);
        let blind =
            |client: &Client| Mode::PLAYING.map(|mode| Part::new(&self.model, client.samples, 0, client.batch, mode));
        let parts = self.clients().iter().map(blind).collect();
        Market { population: Arc::new(population), parts: Arc::new(parts), ..self.clone() }
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

    /// The loss model.
    pub fn model(&self) -> &LossModel {
        &self.model
    }

    /// Costs per client.
    pub fn costs(&self) -> &[ModeCosts] {
        &self.costs
    }

    /// Costs per client as a posted price meets them.
    pub(crate) fn fine_costs(&self) -> &[FineCosts] {
        &self.fine
    }

    /// v in samples: what client `index` brings in a mode.
    pub fn effective_samples(&self, index: usize, mode: Mode) -> f64 {
        self.part(index, mode).effective as f64 * 1e-6
    }

    /// a_k, `[clients]`: the aggregation weight of each client if they take part in these modes; they sum to 1, or are all 0.
    pub fn aggregation_weights(&self, modes: &[Mode]) -> Vec<f64> {
        let weights: Vec<f64> = modes.iter().enumerate().map(|(k, &mode)| self.part(k, mode).weight as f64).collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| if total > 0.0 { weight / total } else { 0.0 }).collect()
    }

    /// The terms of Phi if the clients take part in these modes, `[clients]`.
    pub fn terms(&self, modes: &[Mode]) -> Terms {
        self.model.terms(&self.tally(modes))
    }

    /// kappa Phi if the clients take part in these modes, to the nearest micro-credit.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn loss(&self, modes: &[Mode]) -> Result<Credits> {
        loss_credits(self.model.loss(&self.tally(modes)))
    }

    pub(crate) fn parts(&self, index: usize) -> &[Part; 2] {
        &self.parts[index]
    }

    pub(crate) fn part(&self, index: usize, mode: Mode) -> Part {
        match mode {
            Mode::Out => Part::default(),
            Mode::Local => self.parts[index][0],
            Mode::Augmented => self.parts[index][1],
        }
    }

    /// Classes that tallies must follow: none for the aligned bias.
    pub(crate) fn classes(&self) -> usize {
        match self.model.bias() {
            Bias::Aligned => 0,
            Bias::Mixture => self.population.classes(),
        }
    }

    /// p_k - p of a client, `[classes]`, or nothing for the aligned bias.
    pub(crate) fn deviations(&self, index: usize) -> &[i32] {
        let classes = self.classes();
        &self.population.deviations[index * classes..(index + 1) * classes]
    }

    pub(crate) fn empty_tally(&self) -> Tally {
        Tally::new(self.classes())
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
        let weights = self.model.weights();
        if from.plays() {
            tally.remove(weights, from, &self.part(index, from), self.deviations(index));
        }
        if to.plays() {
            tally.add(weights, to, &self.part(index, to), self.deviations(index));
        }
    }

    /// Writes up an outcome. `lower_bound` in micro-credits; `None` where the server cost itself is the bound.
    pub(crate) fn outcome(
        &self,
        price: Option<Price>,
        modes: &[Mode],
        payments: &[Credits],
        lower_bound: Option<Credits>,
        exact: bool,
    ) -> Result<Outcome> {
        let awards: Vec<Award> = modes
            .iter()
            .zip(payments)
            .zip(&self.costs)
            .map(|((&mode, &payment), costs)| Award { mode, payment, cost: costs.of(mode) })
            .collect();
        let tally = self.tally(modes);
        let accuracy_loss = loss_credits(self.model.loss(&tally))?;
        let payments = Credits::sum(payments.iter().copied(), "the sum of payments")?;
        let server_cost = accuracy_loss.checked_add(payments).ok_or(Error::Overflow("the server cost"))?;
        Ok(Outcome {
            price,
            awards,
            terms: self.model.terms(&tally),
            accuracy_loss,
            payments,
            server_cost,
            lower_bound: lower_bound.unwrap_or(server_cost).min(server_cost),
            exact,
        })
    }
}

/// kappa Phi from pico-credits to the nearest micro-credit.
pub(crate) fn loss_credits(picos: i128) -> Result<Credits> {
    Credits::narrow((picos + 500_000) / 1_000_000, "the accuracy loss")
}
