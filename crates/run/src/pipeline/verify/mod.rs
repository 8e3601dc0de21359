//! Before prices: whether clients hold what they claim, by their first gradients.
//!
//! A client's gradient at the initial model is, but for sampling noise, the mean of class gradients weighted by its label shares. The server has
//! class gradients of images of its own, and finds the shares by least squares. What is left is noise, and tells how many different samples there
//! are: with twice as many it has half the square. How far honest clients are off in either the server finds out from made-up ones, of its own
//! images. Who is off by more is paid for the smaller of claim and lower bound. Where there is a generator, the server also knows which way
//! generated images pull a gradient.
//!
//! What this cannot see: a gradient that was made up, by somebody who knows this test, to have the shares and the noise of the claim.

mod class_gradients;
mod honest;
#[cfg(test)]
mod tests;

use super::Profile;
use super::claims::Claims;
use super::hiring::Met;
use super::setup::Setup;
use crate::agreement;
use crate::claim::Flagged;
use crate::config::{ClaimCheck, Lie};
use crate::failure::Outcome;
use class_gradients::ClassGradients;
use honest::{Allowance, MadeUp, Seen};
use imfl_engine::client::{Client, Images, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::federated::Federation;
use imfl_engine::gradient;
use imfl_engine::parameters::Weights;
use imfl_engine::partition::{LabelSkew, Scheme};
use imfl_engine::worker;
use std::sync::Arc;

/// Images of a class whose gradients the server averages, at most.
const PER_CLASS: usize = 200;
/// Made-up clients of each kind, and the samples of the smallest, about.
const MADE_UP: usize = 40;
const SAMPLES: usize = 100;
/// The fewest images of a class that the server needs.
const FEWEST: usize = 20;

/// What the server believes of the claims, and who was caught. `stock` are generated images, drawn again if they are not at hand.
pub fn run(
    setup: &Setup,
    clients: &[Client],
    claims: Claims,
    stock: Option<&Arc<Dataset>>,
) -> Outcome<(Profile, Vec<Flagged>)> {
    let Claims { profile, liars } = claims;
    let Some(court) = Court::open(setup, !liars.is_empty(), stock)? else { return Ok((profile, Vec::new())) };
    let forged = court.stock.as_deref().and_then(|stock| forgeries(setup, &profile, &liars, stock));
    let sent = |(at, client): (usize, &Client)| match &forged {
        Some(sets) if liars.contains(&client.id) => sets[at].clone(),
        _ => client.samples.clone(),
    };
    let sets: Vec<Vec<Sample>> = clients.iter().enumerate().map(sent).collect();
    let gradients = court.gradients(&sets);
    let ids: Vec<u32> = clients.iter().map(|client| client.id).collect();
    court.judge(setup, profile, &ids, gradients.into_iter().map(Some).collect())
}

/// The same of clients elsewhere, by the gradients that they sent; who sent none bears out nothing. What was found before a run was
/// interrupted stands.
pub fn elsewhere(
    setup: &Setup,
    met: &Met,
    claims: Claims,
    stock: Option<&Arc<Dataset>>,
) -> Outcome<(Profile, Vec<Flagged>)> {
    let Claims { mut profile, .. } = claims;
    if let Some(contract) = &met.contract {
        let believed = profile.clients.iter_mut().zip(&contract.believed);
        believed.for_each(|(client, histogram)| client.histogram = histogram.clone());
        return Ok((profile, contract.flagged.clone()));
    }
    let Some(court) = Court::open(setup, true, stock)? else { return Ok((profile, Vec::new())) };
    let ids: Vec<u32> = (0..profile.clients.len() as u32).collect();
    court.judge(setup, profile, &ids, met.introductions.iter().map(|client| client.gradient.clone()).collect())
}

/// What claims are judged by.
struct Court {
    federation: Federation,
    weights: Weights,
    known: ClassGradients,
    allowance: Allowance,
    /// Generated images, and the way from each class's gradient to theirs.
    stock: Option<Arc<Dataset>>,
    towards: Option<Vec<Vec<f32>>>,
}

impl Court {
    /// Nothing where nobody asked for it, or where the server holds too few images, which it says if somebody `needs` it.
    fn open(setup: &Setup, needs: bool, stock: Option<&Arc<Dataset>>) -> Outcome<Option<Self>> {
        if setup.config.claims.check == ClaimCheck::None {
            return Ok(None);
        }
        let Some(held) = setup.held.clone().filter(|held| held.histogram().iter().all(|count| *count >= FEWEST)) else {
            if needs {
                setup.progress.warn("labels are believed unchecked: the server holds too few images to check them by");
            }
            return Ok(None);
        };
        let stock = match stock {
            Some(stock) => Some(stock.clone()),
            None => super::assess::generate(setup)?,
        };
        let federation = setup.undisturbed(stock.as_ref())?;
        let weights = federation.start().weights;
        let of = |images: &Images, sets: &[Vec<Sample>]| {
            gradient::of_sets(federation.model.as_ref(), &weights, images, sets, &federation.compute)
        };
        // The server's own images, on the scale on which clients present theirs; of texts no more words than one knows of others'.
        let held = Dataset::uncounted(&held);
        let own = federation.images.like(held.clone());
        let mut halves = [Vec::new(), Vec::new()];
        let mut rest = Vec::new();
        for class in held.by_class() {
            let (known, other) = class.split_at(PER_CLASS.min(class.len() / 2));
            // Two halves tell which parameters say something about labels and which are noise.
            let (one, two) = known.split_at(known.len() / 2);
            for (half, images) in halves.iter_mut().zip([one, two]) {
                half.push(images.iter().copied().map(Sample::Authentic).collect::<Vec<_>>());
            }
            rest.extend_from_slice(other);
        }
        let sizes = halves.each_ref().map(|half| half.iter().map(Vec::len).collect::<Vec<_>>());
        let gradients = halves.each_ref().map(|half| of(&own, half));
        let known = ClassGradients::new([&gradients[0], &gradients[1]], [&sizes[0], &sizes[1]]);
        let of_generated = |stock: &Arc<Dataset>| of(&federation.images, &super::assess::generated_sets(stock));
        let towards = stock.as_ref().map(|stock| known.to(&of_generated(stock)));

        let rest = held.select(&rest);
        let (sets, shares) = made_up(&rest);
        let gradients = of(&federation.images.like(Arc::new(rest)), &sets);
        let made_up: Vec<MadeUp> = worker::map(federation.compute.workers, sets.len(), |client| {
            (shares[client].clone(), sets[client].len(), Seen::new(&known, &gradients[client], towards.as_deref()))
        });
        let allowance = Allowance::new(&known, &made_up, sizes.iter().flatten().sum());
        Ok(Some(Self { federation, weights, known, allowance, stock, towards }))
    }

    /// Gradients of clients' samples at the initial model.
    fn gradients(&self, sets: &[Vec<Sample>]) -> Vec<Vec<f32>> {
        let Self { federation, weights, .. } = self;
        gradient::of_sets(federation.model.as_ref(), weights, &federation.images, sets, &federation.compute)
    }

    /// Cuts the claims of clients `ids` to what their gradients bear out; one that is missing, of another length or no number bears out nothing.
    fn judge(
        self,
        setup: &Setup,
        mut profile: Profile,
        ids: &[u32],
        gradients: Vec<Option<Vec<f32>>>,
    ) -> Outcome<(Profile, Vec<Flagged>)> {
        let mut flagged = Vec::new();
        let usable =
            |sent: &Vec<f32>| sent.len() == self.weights.values().len() && sent.iter().all(|value| value.is_finite());
        let seen: Vec<Option<Seen>> = worker::map(self.federation.compute.workers, gradients.len(), |client| {
            let sent = gradients[client].as_ref().filter(|sent| usable(sent));
            sent.map(|sent| Seen::new(&self.known, sent, self.towards.as_deref()))
        });
        let claimed = profile.clients.iter().map(|told| told.histogram.iter().sum());
        let compared = claimed.zip(&seen).filter_map(|(claimed, seen)| Some((claimed, seen.as_ref()?)));
        let allowance = self.allowance.beside(&self.known, compared);
        for ((&client, seen), told) in ids.iter().zip(&seen).zip(&mut profile.clients) {
            flagged.extend(allowance.judge(&self.known, client, &mut told.histogram, seen.as_ref()));
        }
        // The last bits of gradients may differ from machine to machine; rank 0 has the word.
        let found = (profile.clients.iter().map(|client| client.histogram.clone()).collect::<Vec<_>>(), flagged);
        let (histograms, flagged) = agreement::from_first(&setup.compute.ranks, || Ok(found))?;
        profile.clients.iter_mut().zip(histograms).for_each(|(client, histogram)| client.histogram = histogram);
        flagged.iter().for_each(|flagged| setup.progress.warn(flagged.to_string()));
        Ok((profile, flagged))
    }
}

/// Honest clients that are made up of images: what they hold, and their labels as shares. Few and many samples, even and skewed.
fn made_up(images: &Dataset) -> (Vec<Vec<Sample>>, Vec<Vec<f64>>) {
    let (mut sets, mut shares) = (Vec::new(), Vec::new());
    let clients = (images.len() / SAMPLES).clamp(1, MADE_UP).max(images.len().min(4));
    let kinds = [
        (LabelSkew::Iid, 1),
        (LabelSkew::Dirichlet { alpha: 1.0 }, 1),
        (LabelSkew::Dirichlet { alpha: 0.3 }, 1),
        (LabelSkew::Dirichlet { alpha: 1.0 }, 4),
    ];
    for (seed, (labels, size)) in (0..).zip(kinds) {
        let scheme = Scheme { labels, quantity: None };
        for share in scheme.partition(images, (clients / size).max(1), seed).unwrap_or_default() {
            let mut counts = vec![0.0; images.classes()];
            share.iter().for_each(|&image| counts[images.label(image as usize)] += 1.0 / share.len() as f64);
            sets.push(share.into_iter().map(Sample::Authentic).collect::<Vec<_>>());
            shares.push(counts);
        }
    }
    (sets, shares)
}

/// For each client the generated images that a forger would send a gradient of; nothing unless liars forge.
fn forgeries(setup: &Setup, claimed: &Profile, liars: &[u32], stock: &Dataset) -> Option<Vec<Vec<Sample>>> {
    if setup.config.claims.lie != Some(Lie::Forged) || liars.is_empty() {
        return None;
    }
    let there = stock.by_class();
    let set = |histogram: &Vec<usize>| {
        let most = histogram.iter().copied().max().unwrap_or(0).max(1);
        let of_class = |(class, count): (usize, &usize)| {
            let wanted = (there[class].len() * count).div_ceil(most);
            there[class].iter().copied().take(wanted).map(Sample::Generated).collect::<Vec<_>>()
        };
        histogram.iter().enumerate().flat_map(of_class).collect()
    };
    Some(claimed.clients.iter().map(|client| set(&client.histogram)).collect())
}
