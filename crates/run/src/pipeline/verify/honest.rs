//! What honest clients are off by, learnt from clients that are made up of the server's own images, and what that lets the server say of others.

use super::class_gradients::ClassGradients;
use crate::claim::{Flagged, Reason};

/// How much farther than the farthest made-up client an honest one may be off in its labels.
const MARGIN: f64 = 2.5;
/// The same where what its gradient leaves unexplained tells how many samples it has, or that they are generated.
const NOISE_MARGIN: f64 = 2.0;
/// The fewest claimed samples whose number is looked at: the noise of fewer says too little.
const COUNTED: usize = 50;
/// Above this share of the way from authentic to generated gradients an honest client could be taken for a forger: nobody is looked at then.
const TELLING: f64 = 0.8;
/// The farthest that label shares can be apart.
const FARTHEST: f64 = 2.0;

/// What is seen of one client.
pub struct Seen {
    /// Label shares.
    shares: Vec<f64>,
    /// The squared rest.
    rest: f64,
    /// How far the rest goes from authentic towards generated images, 1 being all of the way; none without generated images.
    generated: Option<f64>,
}

impl Seen {
    /// Of a gradient; `towards` leads from each class's gradient to that of generated images.
    pub fn new(known: &ClassGradients, gradient: &[f32], towards: Option<&[Vec<f32>]>) -> Self {
        let shares = known.shares(gradient);
        let rest = known.rest(gradient, &shares);
        let along = |towards: &[Vec<f32>]| {
            let mut way = vec![0.0f32; rest.len()];
            for (class, share) in towards.iter().zip(&shares) {
                way.iter_mut().zip(class).for_each(|(sum, value)| *sum += *share as f32 * value);
            }
            known.product(&rest, &way) / known.product(&way, &way).max(f64::MIN_POSITIVE)
        };
        Self { generated: towards.map(along), rest: known.product(&rest, &rest), shares }
    }

    /// The squared rest over what it comes to for so many samples.
    fn excess(&self, known: &ClassGradients, samples: usize) -> f64 {
        let (own, server) = known.noise(&self.shares);
        self.rest / (own / samples.max(1) as f64 + server).max(f64::MIN_POSITIVE)
    }
}

/// How far honest clients are off.
pub struct Allowance {
    /// In their labels, times `spread`.
    labels: f64,
    images: usize,
    /// What the squared rest is divided by to be 1 on average, and how much more it may be for clients of so many samples.
    usual: f64,
    excess: f64,
    samples: f64,
    /// Towards generated images.
    generated: Option<f64>,
}

/// A client that is made up: its labels as shares, how many samples it has, and what is seen of it.
pub type MadeUp = (Vec<f64>, usize, Seen);

impl Allowance {
    /// From made-up clients; `images` are those behind the class gradients.
    pub fn new(known: &ClassGradients, made_up: &[MadeUp], images: usize) -> Self {
        let off = made_up.iter().map(|(truth, samples, seen)| distance(truth, &seen.shares) / spread(*samples, images));
        let labels = MARGIN * off.fold(0.0, f64::max);
        let sized = made_up.iter().map(|(_, samples, seen)| seen.excess(known, *samples));
        let (usual, most) = middle_and_most(sized);
        let samples = made_up.iter().map(|(_, samples, _)| *samples as f64).fold(f64::INFINITY, f64::min);
        let way: Vec<f64> = made_up.iter().filter_map(|(_, _, seen)| seen.generated).collect();
        let (common, farthest) = middle_and_most(way.iter().copied());
        let generated = (!way.is_empty()).then_some(common + NOISE_MARGIN * (farthest - common));
        let excess = NOISE_MARGIN * (most / usual.max(f64::MIN_POSITIVE) - 1.0);
        Self { labels, images, usual, excess, samples, generated: generated.filter(|most| *most < TELLING) }
    }

    /// Cuts a claim, `[classes]` samples, to what the gradient bears out, if that is less; returns why. Who sent none that can be used bears out
    /// nothing.
    pub fn judge(
        &self,
        known: &ClassGradients,
        client: u32,
        histogram: &mut [usize],
        seen: Option<&Seen>,
    ) -> Option<Flagged> {
        let claimed: usize = histogram.iter().sum();
        let claim: Vec<f64> = histogram.iter().map(|count| *count as f64 / claimed.max(1) as f64).collect();
        let labels = self.labels * spread(claimed, self.images);
        let flagged =
            |believed, found, distance, allowed| Some(Flagged { client, claimed, believed, distance, allowed, found });
        let Some(seen) = seen else {
            return flagged(least(histogram), Reason::Labels, FARTHEST, labels);
        };
        if let (Some(way), Some(allowed)) = (seen.generated, self.generated)
            && way > allowed
            && claimed >= COUNTED
        {
            // nothing is known of what it holds
            return flagged(least(histogram), Reason::Generated, way, allowed);
        }
        let (off, allowed) = (distance(&claim, &seen.shares), labels);
        if off > allowed {
            // No class by more than what may be noise, and none by more than what is claimed of it.
            let bound = |share: &f64| ((share - allowed / 2.0).max(0.0) * claimed as f64).floor() as usize;
            histogram.iter_mut().zip(&seen.shares).for_each(|(count, share)| *count = bound(share).min(*count));
            return flagged(left(histogram), Reason::Labels, off, allowed);
        }
        let excess = seen.excess(known, claimed) / self.usual;
        let allowed = 1.0 + self.excess * (self.samples / claimed.max(1) as f64).sqrt().max(1.0);
        if excess > allowed && claimed >= COUNTED {
            let (own, server) = known.noise(&seen.shares);
            // so many samples would leave so much
            let each = (seen.rest / self.usual - server).max(f64::MIN_POSITIVE);
            let share = (own / each / allowed / claimed as f64).min(1.0);
            histogram.iter_mut().for_each(|count| *count = (*count as f64 * share).floor() as usize);
            return flagged(left(histogram), Reason::Samples, excess, allowed);
        }
        None
    }
}

/// What is off comes from the client's samples and from the server's images.
fn spread(samples: usize, images: usize) -> f64 {
    (1.0 / samples.max(1) as f64 + 1.0 / images.max(1) as f64).sqrt()
}

/// How many samples a claim that was cut leaves.
fn left(histogram: &mut [usize]) -> usize {
    match histogram.iter().sum() {
        0 => least(histogram),
        some => some,
    }
}

/// A client has at least a sample; one is next to nothing.
fn least(histogram: &mut [usize]) -> usize {
    histogram.fill(0);
    histogram.iter_mut().take(1).for_each(|count| *count = 1);
    1
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

/// Median and largest.
fn middle_and_most(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    (at(values.len() / 2), at(values.len().saturating_sub(1)))
}
