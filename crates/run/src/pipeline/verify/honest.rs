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
/// The fewest clients of whom it is asked what their gradients have in common that the server's images do not.
const COMPARED: usize = 5;
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

    /// What the squared rest comes to for so many samples, up to a factor.
    fn noise(&self, known: &ClassGradients, samples: usize) -> f64 {
        let (own, server) = known.noise(&self.shares);
        (own / samples.max(1) as f64 + server).max(f64::MIN_POSITIVE)
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
    /// What the squared rest of everybody has beyond noise, on the scale of noise: clients' data may differ from the server's.
    drift: f64,
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
        let sized = made_up.iter().map(|(_, samples, seen)| seen.rest / seen.noise(known, *samples));
        let (usual, most) = middle_and_most(sized);
        let samples = made_up.iter().map(|(_, samples, _)| *samples as f64).fold(f64::INFINITY, f64::min);
        let way: Vec<f64> = made_up.iter().filter_map(|(_, _, seen)| seen.generated).collect();
        let (common, farthest) = middle_and_most(way.iter().copied());
        let generated = (!way.is_empty()).then_some(common + NOISE_MARGIN * (farthest - common));
        let excess = NOISE_MARGIN * (most / usual.max(f64::MIN_POSITIVE) - 1.0);
        Self { labels, images, usual, excess, samples, drift: 0.0, generated: generated.filter(|most| *most < TELLING) }
    }

    /// For these clients, by what each claims and what is seen of it: where the server's data are older than theirs, or come from elsewhere, all
    /// gradients are off by it, and the number of samples is judged by what is left. Half of them and more have to be honest in that number.
    #[must_use]
    pub fn beside<'a>(self, known: &ClassGradients, clients: impl Iterator<Item = (usize, &'a Seen)>) -> Self {
        let beyond = |(claimed, seen): (usize, &Seen)| seen.rest / self.usual - seen.noise(known, claimed);
        let mut beyond: Vec<f64> = clients.filter(|(claimed, _)| *claimed >= COUNTED).map(beyond).collect();
        beyond.sort_by(f64::total_cmp);
        let drift = if beyond.len() < COMPARED { 0.0 } else { beyond[(beyond.len() - 1) / 2].max(0.0) };
        Self { drift, ..self }
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
        let excess = seen.rest / self.usual / (seen.noise(known, claimed) + self.drift);
        let allowed = 1.0 + self.excess * (self.samples / claimed.max(1) as f64).sqrt().max(1.0);
        if excess > allowed && claimed >= COUNTED {
            let (own, server) = known.noise(&seen.shares);
            // so many samples would leave so much
            let each = (seen.rest / self.usual - server - self.drift).max(f64::MIN_POSITIVE);
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

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::random::{ChaCha8Rng, Purpose, keyed};
    use rand::RngExt;

    const PARAMETERS: usize = 200;
    const CLASSES: usize = 3;

    /// The mean gradient of so many samples of each class: that of the class, `shift`, and noise.
    fn gradient(counts: [usize; CLASSES], shift: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let samples: usize = counts.iter().sum();
        let noise = (12.0 / samples as f32).sqrt();
        let of = |at: usize, rng: &mut ChaCha8Rng| {
            let mean: f32 = (0..CLASSES).filter(|class| at % CLASSES == *class).map(|class| counts[class] as f32).sum();
            let drifts = if at.is_multiple_of(2) { shift } else { -shift };
            mean / samples as f32 + drifts + noise * (rng.random::<f32>() - 0.5)
        };
        (0..PARAMETERS).map(|at| of(at, rng)).collect()
    }

    /// What the server knows, of 100 images of each class.
    fn server(rng: &mut ChaCha8Rng) -> (ClassGradients, Vec<MadeUp>) {
        let mut half = || (0..CLASSES).map(|class| gradient(pure(class, 50), 0.0, rng)).collect::<Vec<_>>();
        let (one, two) = (half(), half());
        let known = ClassGradients::new([&one, &two], [&[50; CLASSES], &[50; CLASSES]]);
        let made_up = (0..40).map(|client| {
            let counts = [20 + client, 40, 60 - client];
            let seen = Seen::new(&known, &gradient(counts, 0.0, rng), None);
            (counts.map(|count| count as f64 / 120.0).to_vec(), 120, seen)
        });
        let made_up = made_up.collect();
        (known, made_up)
    }

    fn pure(class: usize, count: usize) -> [usize; CLASSES] {
        std::array::from_fn(|other| if other == class { count } else { 0 })
    }

    /// Who is flagged of ten clients that claim 600 samples each; the last one has 60.
    fn flagged(shift: f32, compared: bool) -> Vec<u32> {
        let mut rng = keyed(1, Purpose::Probe, 0, 0, 0);
        let (known, made_up) = server(&mut rng);
        let seen: Vec<Seen> = (0..10)
            .map(|client| {
                let held = if client == 9 { [20; CLASSES] } else { [200; CLASSES] };
                Seen::new(&known, &gradient(held, shift, &mut rng), None)
            })
            .collect();
        let mut allowance = Allowance::new(&known, &made_up, 300);
        if compared {
            allowance = allowance.beside(&known, seen.iter().map(|seen| (600, seen)));
        }
        let of = |(client, seen)| allowance.judge(&known, client, &mut [200; CLASSES], Some(seen));
        (0..).zip(&seen).filter_map(of).map(|flagged| flagged.client).collect()
    }

    #[test]
    fn what_all_gradients_have_in_common_is_held_against_nobody_and_one_with_fewer_samples_still_stands_out() {
        assert_eq!(flagged(0.0, false), [9]);
        assert_eq!(flagged(0.0, true), [9]);
        assert!(flagged(0.08, false).len() > 5, "without a comparison drift looks like missing samples");
        assert_eq!(flagged(0.08, true), [9]);
    }
}
