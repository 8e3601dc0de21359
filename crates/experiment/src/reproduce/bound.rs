//! The convergence bound for clients with any mix of authentic and generated data.

use super::world::World;
use imfl_engine::client::{Client, Images, Sample};

/// What the theorem needs to know about clients with any mix of data (docs/mechanism/theorem.md, "From labels to delta and bias").
pub struct Bound {
    bias: f64,
    mean_squared_delta: f64,
    finite: f64,
    noise: f64,
    averaged_noise: f64,
    /// eta L and h.
    step: f64,
    steps: f64,
}

impl Bound {
    /// Of clients that train with rate eta for h = `steps` steps a round, weighted by their samples.
    ///
    /// delta_k = g_data (||q_k - p||_1 + 2 theta g_k), where q_k are the labels that client k trains on and g_k its generated share; the
    /// bias sums labels over clients before the norm is taken.
    pub fn of(world: &World, clients: &[Client], images: &Images, rate: f64, steps: f64) -> Self {
        let assessment = &world.measured.assessment;
        let theta = assessment.theta.map_or(0.0, |theta| theta.theta);
        let (g_data, noise) = (assessment.g_data, assessment.sigma.powi(2));
        let total: f64 = clients.iter().map(|client| client.samples.len() as f64).sum();
        let classes = images.authentic().classes();
        let mut mixture = vec![0.0; classes];
        let (mut generated, mut squared, mut finite, mut weights) = (0.0, 0.0, 0.0, 0.0);
        for client in clients {
            let samples = client.samples.len() as f64;
            let weight = samples / total;
            let made = client.samples.iter().filter(|sample| matches!(sample, Sample::Generated(_))).count() as f64;
            let histogram = client.histogram(images);
            let deviation = |class: usize| histogram[class] as f64 / samples - 1.0 / classes as f64;
            mixture.iter_mut().enumerate().for_each(|(class, sum)| *sum += weight * deviation(class));
            let skew: f64 = (0..classes).map(|class| deviation(class).abs()).sum();
            squared += weight * (g_data * (skew + 2.0 * theta * made / samples)).powi(2);
            generated += weight * made / samples;
            finite += weight * weight / samples;
            weights += weight * weight;
        }
        let labels: f64 = mixture.iter().map(|sum| sum.abs()).sum();
        let batch = world.setup.config.training.batch as f64;
        Self {
            bias: g_data * (labels + 2.0 * theta * generated),
            mean_squared_delta: squared,
            finite: noise * finite,
            noise: noise / batch,
            averaged_noise: noise / batch * weights,
            step: rate * assessment.smoothness,
            steps,
        }
    }

    /// The bound without its first term.
    pub fn phi(&self) -> f64 {
        4.0 * (self.bias.powi(2) + self.finite)
            + 10.0 * (self.step * self.steps).powi(2) * self.mean_squared_delta
            + 5.0 * self.step.powi(2) * self.steps * self.noise
            + 4.0 * self.step * self.averaged_noise
    }
}
