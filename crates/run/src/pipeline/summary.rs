//! What a run comes to: `summary.json`, and the lines that a person reads.

use super::provenance::{Origin, Provenance};
use super::stopwatch::STAGES;
use super::traffic::Totals;
use super::{Predicted, Profile, Setup, Training};
use crate::allocation::Allocation;
use crate::assessment::Assessment;
use crate::claim::Flagged;
use crate::config::RecordedCosts;
use crate::filling::Filling;
use crate::privacy::Told;
use crate::run_dir::RunDir;
use imfl_engine::federated::Evaluation;
use imfl_mechanism::{Mode, Terms};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// How many clients chose each mode.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Modes {
    /// Stayed out.
    pub out: usize,
    /// Trained on authentic data.
    pub local: usize,
    /// Trained on authentic and generated data.
    pub augmented: usize,
}

/// The final model on what each client holds, those that stayed out included: accuracies in [0, 1], every client counted once.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClientAccuracy {
    /// Of the client that it serves worst.
    pub lowest: f64,
    /// Over all clients.
    pub mean: f64,
    /// Of the client that it serves best.
    pub highest: f64,
}

impl ClientAccuracy {
    fn of(clients: &[Evaluation]) -> Self {
        // A client elsewhere may say nothing.
        let clients: Vec<&Evaluation> = clients.iter().filter(|client| client.samples > 0).collect();
        let accuracies = || clients.iter().map(|client| client.accuracy());
        Self {
            lowest: accuracies().reduce(f64::min).unwrap_or(0.0),
            mean: accuracies().sum::<f64>() / clients.len().max(1) as f64,
            highest: accuracies().fold(0.0, f64::max),
        }
    }
}

/// Where the accuracy loss comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Bound {
    /// Deviation of one sample's gradient.
    pub sigma: f64,
    /// Smoothness L.
    pub smoothness: f64,
    /// Local steps h.
    pub local_steps: u32,
    /// Whether the rate is small enough for the theorem.
    pub theorem_holds: bool,
    /// The parts of Phi, in the order of the bound.
    pub terms: Terms,
}

/// The result of a run. Money is in credits, accuracy and loss are those of the test images.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    schema: &'static str,
    /// Keys all random numbers of the run.
    pub seed: u64,
    /// The device that computed.
    pub device: String,
    /// The dataset's name.
    pub dataset: String,
    /// Number of clients.
    pub clients: usize,
    /// Rounds trained.
    pub rounds: u64,
    /// Accuracy of the final model, in [0, 1].
    pub accuracy: f64,
    /// Mean cross-entropy of the final model.
    pub loss: f64,
    /// Accuracy of the final model on the clients' own authentic images.
    pub client_accuracy: ClientAccuracy,
    /// Where generated images come from; null without a generator.
    pub generator: Option<Provenance>,
    /// Whether filling in helps on held-out images; null where that was not asked. What does not help is not offered.
    pub filling: Option<Filling>,
    /// Quality of the generator; absent without one.
    pub theta: Option<f64>,
    /// What sampling noise alone makes of theta.
    pub theta_floor: Option<f64>,
    /// theta without it, by products of differences that share no image; 0 where no difference can be seen.
    pub theta_above_noise: Option<f64>,
    /// Largest norm of a class gradient on authentic images.
    pub g_data: f64,
    /// Largest distance between class gradients on generated and authentic images.
    pub g_diff: Option<f64>,
    /// Clients whose claims were cut to what their gradients bear out, and why.
    pub flagged: Vec<Flagged>,
    /// Posted price for an effective sample.
    pub price: f64,
    /// Who does what.
    pub modes: Modes,
    /// What participants are worth by: `forecast` or `bound`.
    pub objective: &'static str,
    /// What was expected before training; null where the bound decided.
    pub predicted: Option<Predicted>,
    /// Credits for a percentage point of accuracy; null where the bound decided.
    pub worth: Option<f64>,
    /// Phi of those who take part; null where the forecast decided.
    pub accuracy_loss: Option<f64>,
    /// Sum of payments, if every client delivers every update that it is asked for.
    pub payments: f64,
    /// What is promised beyond that for rounds after those that pay was decided for; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub further_payments: Option<f64>,
    /// Sum of what was paid, for updates that counted.
    pub paid: f64,
    /// Worth x predicted shortfall of accuracy in points, or kappa Phi, and payments.
    pub server_cost: f64,
    /// What the server expected at that price, with incomplete information.
    pub expected_server_cost: Option<f64>,
    /// Credits for a unit of accuracy loss; null where the forecast decided.
    pub weight: Option<f64>,
    /// Where the accuracy loss comes from; null where the forecast decided.
    pub bound: Option<Bound>,
    /// Seconds of work on this device that costs were computed from.
    pub costs: RecordedCosts,
    /// What the run has told of any one client; null for a run that is not private.
    pub privacy: Option<Told>,
    /// Training images that no client got, since the generator or the test knows them.
    pub withheld_images: usize,
    /// Images that were generated for clients.
    pub generated_images: usize,
    /// Time and bytes of the simulated network; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Totals>,
    /// Whether clients were elsewhere: costs are then what the server believes, and accuracies on clients' images what they say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Wall time by stage.
    pub seconds: BTreeMap<&'static str, f64>,
    /// Where everything is.
    pub run_dir: PathBuf,
}

impl Summary {
    /// Gathers what the stages found.
    pub fn of(
        setup: &Setup,
        profile: &Profile,
        assessment: &Assessment,
        allocation: &Allocation,
        training: &Training,
        folder: &RunDir,
        seconds: BTreeMap<&'static str, f64>,
    ) -> Self {
        let outcome = &allocation.outcome;
        let count = |mode| outcome.awards.iter().filter(|award| award.mode == mode).count();
        let constants = &allocation.constants;
        let mechanism = &setup.config.mechanism;
        let predicted = Predicted::of(allocation);
        let bound = outcome.terms().map(|terms| Bound {
            sigma: constants.sigma,
            smoothness: constants.smoothness,
            local_steps: constants.local_steps,
            theorem_holds: allocation.theorem_holds,
            terms,
        });
        Self {
            schema: "imfl.run/1",
            seed: setup.seed,
            device: setup.compute.name.to_string(),
            dataset: setup.train.name.clone(),
            clients: profile.clients.len(),
            rounds: training.rounds.len() as u64,
            accuracy: training.evaluation.accuracy(),
            loss: training.evaluation.loss,
            client_accuracy: ClientAccuracy::of(&training.on_clients),
            generator: setup.provenance.clone(),
            filling: assessment.filling,
            theta: assessment.theta.map(|theta| theta.theta),
            theta_floor: assessment.theta.map(|theta| theta.theta_floor),
            theta_above_noise: assessment.theta_above_noise,
            g_data: assessment.g_data,
            g_diff: assessment.theta.map(|theta| theta.g_diff),
            flagged: allocation.flagged.clone(),
            price: outcome.price.map_or(0.0, |price| price.to_f64()),
            modes: Modes { out: count(Mode::Out), local: count(Mode::Local), augmented: count(Mode::Augmented) },
            objective: allocation.market.objective().name(),
            predicted,
            worth: predicted.map(|_| mechanism.worth),
            accuracy_loss: bound.as_ref().map(|_| outcome.phi()),
            payments: outcome.payments.to_f64(),
            further_payments: (setup.config.priced_rounds() < setup.config.training.rounds)
                .then(|| training.further.to_f64()),
            paid: training.paid.to_f64(),
            server_cost: outcome.server_cost.to_f64(),
            expected_server_cost: outcome.estimate.map(|estimate| estimate.server_cost),
            weight: bound.as_ref().map(|_| mechanism.weight),
            bound,
            costs: profile.costs,
            privacy: None,
            withheld_images: setup.withheld,
            generated_images: training.generated.as_ref().map_or(0, |images| images.len()),
            network: Totals::of(setup, &training.rounds),
            elsewhere: training.elsewhere,
            seconds,
            run_dir: folder.path().into(),
        }
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        // Maps have string keys and numbers are finite or null, so this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Theta beside what sampling noise alone makes of it: `2.8 times the noise floor 0.070`.
pub fn over_floor(theta: f64, floor: f64) -> String {
    format!("{:.1} times the noise floor {floor:.3}", theta / floor.max(f64::MIN_POSITIVE))
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { origin, path, sha256, dataset, steps } = self;
        let origin = match origin {
            Origin::Shipped => "shipped",
            Origin::Given => "given",
            Origin::Trained => "trained on the spot",
            Origin::Fitted => "fitted on the spot",
            Origin::Folder => "images drawn elsewhere",
            Origin::Command => "drawn by a program",
            Origin::Caller => "drawn by the caller",
        };
        let dataset = dataset.as_deref().unwrap_or("an unknown source");
        match steps {
            Some(steps) => write!(f, "{origin}, {steps} steps on {dataset}")?,
            None => write!(f, "{origin}, learnt from {dataset}")?,
        }
        match (path, sha256) {
            (Some(path), Some(sha256)) => write!(f, ": {} (SHA-256 {sha256:.12}...)", path.display()),
            (Some(path), None) => write!(f, ": {}", path.display()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Filling {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { without, with, error } = self;
        let verdict = if self.helps() { "helps" } else { "does not help, and was not offered" };
        write!(f, "{verdict}: accuracy {with:.3} instead of {without:.3} (+- {error:.3}) on held-out images")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Modes { out, local, augmented } = self.modes;
        let total: f64 = self.seconds.values().sum();
        writeln!(
            f,
            "accuracy      {:.4} on the test images after {} rounds (loss {:.4})",
            self.accuracy, self.rounds, self.loss
        )?;
        if let Some(predicted) = &self.predicted {
            writeln!(f, "predicted     {predicted}")?;
        }
        let ClientAccuracy { lowest, mean, highest } = self.client_accuracy;
        writeln!(f, "on clients    {mean:.4} on their own images, from {lowest:.4} to {highest:.4}")?;
        match &self.generator {
            Some(generator) => writeln!(f, "generator     {generator}")?,
            None => writeln!(f, "generator     none")?,
        }
        if let (Some(theta), Some(floor)) = (self.theta, self.theta_floor) {
            let (of_floor, left) = (over_floor(theta, floor), theta * 100.0);
            writeln!(f, "theta         {theta:.3}, {of_floor}: generated images leave {left:.0} % of a skew")?;
        }
        if let Some(filling) = &self.filling {
            writeln!(f, "filling in    {filling}")?;
        }
        writeln!(
            f,
            "clients       {out} out, {local} local, {augmented} augmented ({} images generated)",
            self.generated_images
        )?;
        for flagged in &self.flagged {
            writeln!(f, "flagged       {flagged}")?;
        }
        writeln!(f, "price         {:.6} credits per effective sample", self.price)?;
        let further =
            self.further_payments.map_or_else(String::new, |further| format!(" and {further:.6} for further rounds"));
        writeln!(f, "payments      {:.6} credits promised{further}, {:.6} earned", self.payments, self.paid)?;
        match (&self.predicted, self.worth, self.weight, self.accuracy_loss) {
            (Some(predicted), Some(worth), ..) => writeln!(
                f,
                "server cost   {:.6} credits = {worth} a point x {:.2} points expected to be missing + payments",
                self.server_cost,
                predicted.missing()
            )?,
            (.., Some(weight), Some(loss)) => writeln!(
                f,
                "server cost   {:.6} credits = {weight} x accuracy loss {loss:.4} + payments",
                self.server_cost
            )?,
            _ => writeln!(f, "server cost   {:.6} credits", self.server_cost)?,
        }
        if let Some(network) = &self.network {
            writeln!(f, "network       {network}")?;
        }
        if let Some(privacy) = &self.privacy {
            writeln!(f, "privacy       {privacy}")?;
        }
        let stages = STAGES.iter().filter_map(|stage| Some((stage, self.seconds.get(stage)?)));
        let stages: Vec<String> = stages.map(|(stage, seconds)| format!("{stage} {seconds:.1}")).collect();
        writeln!(f, "time          {total:.1} s: {}", stages.join(", "))?;
        write!(f, "report        {}", self.run_dir.join("report.html").display())
    }
}
