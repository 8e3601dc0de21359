//! Before prices: whether clients hold the labels that they claim, by their first gradients.
//!
//! A client's gradient at the initial model is, but for sampling noise, the mean of class gradients weighted by its label shares. The server has
//! class gradients of images of its own, and finds the shares by least squares. How far honest clients are off it finds out from made-up ones, of
//! its own images: by at most `c sqrt(1/samples + 1/images)`. Who is off by more is paid for the smaller of claim and lower bound.
//!
//! What this cannot see: a client that claims more samples than it has with the labels that it has, and a gradient that was made up to bear out a
//! claim.

use super::Profile;
use super::claims::Claims;
use super::hiring::Met;
use super::setup::Setup;
use crate::agreement;
use crate::claim::Flagged;
use crate::config::{ClaimCheck, Lie};
use crate::failure::Outcome;
use imfl_engine::client::{Client, Images, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::federated::Federation;
use imfl_engine::gradient;
use imfl_engine::parameters::Weights;
use imfl_engine::partition::{LabelSkew, Scheme};
use std::sync::Arc;

/// Images of a class whose gradients the server averages, at most.
const PER_CLASS: usize = 100;
/// Made-up clients, and the most samples that one of them holds.
const MADE_UP: usize = 40;
const SAMPLES: usize = 100;
/// How much farther than the farthest made-up client an honest one may be off.
const MARGIN: f64 = 2.5;
/// What is added to the variance of a parameter, as a share of the mean of all.
const LEAST_VARIANCE: f32 = 1e-3;
/// The fewest images of a class that the server needs.
const FEWEST: usize = 20;

/// What the server believes of the claims, and who was caught.
pub fn run(setup: &Setup, clients: &[Client], claims: Claims) -> Outcome<(Profile, Vec<Flagged>)> {
    let Claims { profile, liars } = claims;
    let Some(court) = Court::open(setup, !liars.is_empty())? else { return Ok((profile, Vec::new())) };
    let forged = forgeries(setup, &profile, &liars)?;
    let own = &court.federation.images;
    let images = match &forged {
        Some((stock, _)) => own.clone().with_generated(stock.clone()),
        None => own.clone(),
    };
    let sent = |(at, client): (usize, &Client)| match &forged {
        Some((_, sets)) if liars.contains(&client.id) => sets[at].clone(),
        _ => client.samples.clone(),
    };
    let sets: Vec<Vec<Sample>> = clients.iter().enumerate().map(sent).collect();
    let gradients = court.gradients(&images, &sets);
    let ids: Vec<u32> = clients.iter().map(|client| client.id).collect();
    court.judge(setup, profile, &ids, gradients.into_iter().map(Some).collect())
}

/// The same of clients elsewhere, by the gradients that they sent; who sent none bears out nothing. What was found before a run was
/// interrupted stands.
pub fn elsewhere(setup: &Setup, met: &Met, claims: Claims) -> Outcome<(Profile, Vec<Flagged>)> {
    let Claims { mut profile, .. } = claims;
    if let Some(contract) = &met.contract {
        let believed = profile.clients.iter_mut().zip(&contract.believed);
        believed.for_each(|(client, histogram)| client.histogram = histogram.clone());
        return Ok((profile, contract.flagged.clone()));
    }
    let Some(court) = Court::open(setup, true)? else { return Ok((profile, Vec::new())) };
    let ids: Vec<u32> = (0..profile.clients.len() as u32).collect();
    court.judge(setup, profile, &ids, met.introductions.iter().map(|client| client.gradient.clone()).collect())
}

/// What claims are judged by.
struct Court {
    federation: Federation,
    weights: Weights,
    scale: Scale,
    /// How far honest clients are off, in multiples of `spread`.
    allowed: f64,
    /// Images that the server's class gradients are made of.
    images_used: usize,
}

impl Court {
    /// Nothing where nobody asked for it, or where the server holds too few images, which it says if somebody `needs` it.
    fn open(setup: &Setup, needs: bool) -> Outcome<Option<Self>> {
        if setup.config.claims.check == ClaimCheck::None {
            return Ok(None);
        }
        let Some(held) = setup.held.clone().filter(|held| held.histogram().iter().all(|count| *count >= FEWEST)) else {
            if needs {
                setup.progress.warn("labels are believed unchecked: the server holds too few images to check them by");
            }
            return Ok(None);
        };
        let federation = setup.undisturbed(None)?;
        let weights = federation.start().weights;
        let of = |images: &Images, sets: &[Vec<Sample>]| {
            gradient::of_sets(federation.model.as_ref(), &weights, images, sets, &federation.compute)
        };
        // The server's own images, on the scale on which clients present theirs.
        let own = federation.images.like(held.clone());
        let mut by_class: Vec<Vec<Sample>> = Vec::new();
        let mut rest = Vec::new();
        for class in held.by_class() {
            let (known, other) = class.split_at(PER_CLASS.min(class.len() / 2));
            by_class.push(known.iter().copied().map(Sample::Authentic).collect());
            rest.extend_from_slice(other);
        }
        // Two halves of each class tell which parameters say something about labels and which are noise.
        let half = |first: bool| -> Vec<Vec<Sample>> {
            let part = |class: &Vec<Sample>| {
                let (one, other) = class.split_at(class.len() / 2);
                (if first { one } else { other }).to_vec()
            };
            by_class.iter().map(part).collect()
        };
        let scale = Scale::new(&of(&own, &half(true)), &of(&own, &half(false)));
        let images_used: usize = by_class.iter().map(Vec::len).sum();
        let rest = held.select(&rest);
        let allowed = honest(
            &rest,
            |images, sets| of(&federation.images.like(images), sets),
            &scale,
            |samples| spread(samples, images_used),
        );
        Ok(Some(Self { federation, weights, scale, allowed, images_used }))
    }

    fn gradients(&self, images: &Images, sets: &[Vec<Sample>]) -> Vec<Vec<f32>> {
        let Self { federation, weights, .. } = self;
        gradient::of_sets(federation.model.as_ref(), weights, images, sets, &federation.compute)
    }

    /// Cuts the claims of clients `ids` to what their gradients bear out.
    fn judge(
        &self,
        setup: &Setup,
        mut profile: Profile,
        ids: &[u32],
        gradients: Vec<Option<Vec<f32>>>,
    ) -> Outcome<(Profile, Vec<Flagged>)> {
        let mut flagged = Vec::new();
        for ((&client, sent), told) in ids.iter().zip(&gradients).zip(&mut profile.clients) {
            let claimed: usize = told.histogram.iter().sum();
            let nothing = || vec![0.0; told.histogram.len()];
            let usable = sent.as_ref().filter(|sent| sent.len() == self.weights.values().len());
            let shares = usable.map_or_else(nothing, |sent| self.scale.shares(sent));
            let claim = |count: &usize| *count as f64 / claimed as f64;
            let distance: f64 =
                told.histogram.iter().zip(&shares).map(|(count, share)| (claim(count) - share).abs()).sum();
            let allowed = self.allowed * spread(claimed, self.images_used);
            // A distance that is no number bears out nothing either.
            if usable.is_none() || distance.is_nan() || distance > allowed {
                // No class by more than what may be noise, and none by more than what is claimed of it.
                let bound = |share: &f64| ((share - allowed / 2.0).max(0.0) * claimed as f64).floor() as usize;
                told.histogram.iter_mut().zip(&shares).for_each(|(count, share)| *count = bound(share).min(*count));
                if told.histogram.iter().sum::<usize>() == 0 {
                    // a client has at least a sample; one is next to nothing
                    told.histogram[0] = 1;
                }
                let believed = told.histogram.iter().sum();
                let distance = if distance.is_nan() { 2.0 } else { distance };
                flagged.push(Flagged { client, claimed, believed, distance, allowed });
            }
        }
        // The last bits of gradients may differ from machine to machine; rank 0 has the word.
        let found = (profile.clients.iter().map(|client| client.histogram.clone()).collect::<Vec<_>>(), flagged);
        let (histograms, flagged) = agreement::from_first(&setup.compute.ranks, || Ok(found))?;
        profile.clients.iter_mut().zip(histograms).for_each(|(client, histogram)| client.histogram = histogram);
        flagged.iter().for_each(|flagged| setup.progress.warn(flagged.to_string()));
        Ok((profile, flagged))
    }
}

/// What is off comes from the client's samples and from the server's.
fn spread(samples: usize, images_used: usize) -> f64 {
    (1.0 / samples.max(1) as f64 + 1.0 / images_used as f64).sqrt()
}

/// How far honest clients are off, in multiples of `spread` of their samples: the farthest of some that are made up, and a margin.
fn honest(
    held: &Dataset,
    of: impl Fn(Arc<Dataset>, &[Vec<Sample>]) -> Vec<Vec<f32>>,
    scale: &Scale,
    spread: impl Fn(usize) -> f64,
) -> f64 {
    let mut sets = Vec::new();
    let mut shares = Vec::new();
    let clients = (held.len() / SAMPLES).clamp(1, MADE_UP).max(held.len().min(4));
    for (seed, labels) in
        [(0, LabelSkew::Iid), (1, LabelSkew::Dirichlet { alpha: 1.0 }), (2, LabelSkew::Dirichlet { alpha: 0.3 })]
    {
        let scheme = Scheme { labels, quantity: None };
        for share in scheme.partition(held, clients, seed).unwrap_or_default() {
            let mut counts = vec![0.0; held.classes()];
            share.iter().for_each(|&image| counts[held.label(image as usize)] += 1.0 / share.len() as f64);
            sets.push(share.into_iter().map(Sample::Authentic).collect::<Vec<_>>());
            shares.push(counts);
        }
    }
    let gradients = of(Arc::new(held.clone()), &sets);
    let off = |((set, truth), sent): ((&Vec<Sample>, &Vec<f64>), &Vec<f32>)| {
        let distance: f64 = scale.shares(sent).iter().zip(truth).map(|(found, share)| (found - share).abs()).sum();
        distance / spread(set.len())
    };
    MARGIN * sets.iter().zip(&shares).zip(&gradients).map(off).fold(0.0, f64::max)
}

/// Generated images, and for each client those that a forger would send a gradient of; nothing unless liars forge and there are some.
#[allow(clippy::type_complexity)]
fn forgeries(setup: &Setup, claimed: &Profile, liars: &[u32]) -> Outcome<Option<(Arc<Dataset>, Vec<Vec<Sample>>)>> {
    if setup.config.claims.lie != Some(Lie::Forged) || liars.is_empty() {
        return Ok(None);
    }
    let Some(stock) = super::assess::generate(setup)? else { return Ok(None) };
    let there = stock.by_class();
    let set = |histogram: &Vec<usize>| {
        let most = histogram.iter().copied().max().unwrap_or(0).max(1);
        let of_class = |(class, count): (usize, &usize)| {
            let wanted = (there[class].len() * count).div_ceil(most);
            there[class].iter().copied().take(wanted).map(Sample::Generated).collect::<Vec<_>>()
        };
        histogram.iter().enumerate().flat_map(of_class).collect()
    };
    let sets = claimed.clients.iter().map(|client| set(&client.histogram)).collect();
    Ok(Some((stock, sets)))
}

/// Class gradients, ready to read label shares off another gradient. Parameters count by the inverse of their variance between images of a class.
struct Scale {
    /// Times the weights of parameters.
    classes: Vec<Vec<f32>>,
    /// Their products, and a term that draws the sum of shares to 1.
    gram: Vec<Vec<f64>>,
    pull: f64,
}

impl Scale {
    /// From the class gradients of two halves of the images.
    fn new(first: &[Vec<f32>], second: &[Vec<f32>]) -> Self {
        let parameters = first.first().map_or(0, Vec::len);
        let mut variance = vec![0.0f32; parameters];
        for (a, b) in first.iter().zip(second) {
            variance.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b).powi(2));
        }
        let least = LEAST_VARIANCE * variance.iter().sum::<f32>() / parameters.max(1) as f32;
        let weight: Vec<f32> = variance.iter().map(|own| 1.0 / (own + least).max(f32::MIN_POSITIVE)).collect();
        let mean = |(a, b): (&Vec<f32>, &Vec<f32>)| a.iter().zip(b).map(|(a, b)| (a + b) / 2.0).collect::<Vec<f32>>();
        let plain: Vec<Vec<f32>> = first.iter().zip(second).map(mean).collect();
        let weighted = |class: &Vec<f32>| class.iter().zip(&weight).map(|(value, weight)| value * weight).collect();
        let classes: Vec<Vec<f32>> = plain.iter().map(weighted).collect();
        let mut gram: Vec<Vec<f64>> = classes.iter().map(|a| plain.iter().map(|b| product(a, b)).collect()).collect();
        let pull = 10.0 * gram.iter().enumerate().map(|(at, row)| row[at]).fold(0.0, f64::max);
        gram.iter_mut().flatten().for_each(|cell| *cell += pull);
        Self { classes, gram, pull }
    }

    /// Label shares, at least 0, by non-negative least squares.
    fn shares(&self, gradient: &[f32]) -> Vec<f64> {
        let goal: Vec<f64> = self.classes.iter().map(|class| product(class, gradient) + self.pull).collect();
        let mut shares = vec![1.0 / goal.len() as f64; goal.len()];
        // coordinates in turn: each step is exact in one share, and the sum of squares is convex
        for _ in 0..2000 {
            let mut moved: f64 = 0.0;
            for (at, row) in self.gram.iter().enumerate() {
                let slope: f64 = goal[at] - row.iter().zip(&shares).map(|(cell, share)| cell * share).sum::<f64>();
                let next = (shares[at] + slope / row[at].max(f64::MIN_POSITIVE)).max(0.0);
                moved = moved.max((next - shares[at]).abs());
                shares[at] = next;
            }
            if moved < 1e-9 {
                break;
            }
        }
        shares
    }
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_off_a_mixture_of_class_gradients() {
        let classes = vec![vec![1.0f32, 0.2, 0.1, 0.0], vec![-0.3, 1.0, 0.3, 0.1], vec![0.1, -0.4, 0.9, 0.2]];
        let mixed: Vec<f32> = (0..4).map(|at| 0.7 * classes[0][at] + 0.3 * classes[2][at]).collect();
        let other: Vec<Vec<f32>> =
            classes.iter().map(|class| class.iter().map(|value| value * 1.01).collect()).collect();
        let scale = Scale::new(&classes, &other);
        let found = scale.shares(&mixed);
        for (found, share) in found.iter().zip([0.7, 0.0, 0.3]) {
            assert!((found - share).abs() < 0.01, "{found} is not {share}");
        }
        assert!(found.iter().all(|share| *share >= 0.0));
    }
}
