/// How far a step on generated samples lowers the loss on authentic ones, to first order, as a share of what a step on authentic samples does.
///
/// Gradients of all classes are averaged. Where `G` is that mean on generated samples, and `A` and `B` on two disjoint halves of authentic ones, a small step
/// along `G` lowers the loss of either half by `<G, A>` and `<G, B>`, and one along `A` lowers that of `B` by `<A, B>`: the pull is
/// `(<G, A> + <G, B>) / 2 <A, B>`, each summed over points of a trajectory. Where `G` is longer than the authentic mean, its step is taken no longer than that one's:
/// the pull is divided by `sqrt(<G', G''> / <A, B>)`, with `G'` and `G''` of two halves of the generated samples. No product is of gradients that share a sample, so
/// that noise of sampling cancels on average. It is 1 for a perfect generator and 0 for one whose samples carry labels at random: what all classes' gradients have in
/// common, whatever the samples show, cancels in their mean. Unlike theta it does not ask that gradients are the same: of a gradient that is shorter than the authentic
/// one nothing counts but how far it goes that way, of a longer one nothing but its direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pull {
    /// `<G, A>` and `<G, B>`, their mean.
    across: f64,
    /// `<G', G''>`.
    generated: f64,
    /// `<A, B>`.
    authentic: f64,
}

impl Pull {
    /// Takes in a point of a trajectory: one flat gradient for each class, on two disjoint halves of generated samples and on two of authentic ones.
    pub fn add(&mut self, generated: [&[Vec<f32>]; 2], authentic: [&[Vec<f32>]; 2]) {
        let ([one, two], [a, b]) = (generated.map(mean), authentic.map(mean));
        self.across +=
            [(&one, &a), (&one, &b), (&two, &a), (&two, &b)].map(|(g, a)| product(g, a) / 4.0).iter().sum::<f64>();
        self.generated += product(&one, &two);
        self.authentic += product(&a, &b);
    }

    /// The pull over all points; `None` where a step on authentic samples does not help either.
    pub fn value(&self) -> Option<f64> {
        let longer = (self.generated / self.authentic).max(1.0).sqrt();
        let value = self.across / self.authentic / longer;
        (self.authentic > 0.0 && value.is_finite()).then_some(value)
    }
}

/// The mean over classes.
fn mean(gradients: &[Vec<f32>]) -> Vec<f64> {
    let mut sum = vec![0.0; gradients.first().map_or(0, Vec::len)];
    for gradient in gradients {
        sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = gradients.len().max(1) as f64;
    sum.iter_mut().for_each(|sum| *sum /= count);
    sum
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(generated: [[f32; 2]; 2]) -> Option<f64> {
        let authentic = [[4.0, 1.0], [-2.0, 1.0]].map(Vec::from);
        let generated = generated.map(Vec::from);
        let mut pull = Pull::default();
        pull.add([&generated, &generated], [&authentic, &authentic]);
        pull.value()
    }

    #[test]
    fn it_is_the_share_of_the_authentic_fall_of_the_loss() {
        // The authentic mean is (1, 1).
        assert_eq!(pull([[4.0, 1.0], [-2.0, 1.0]]), Some(1.0));
        assert_eq!(pull([[3.0, 0.0], [-3.0, 0.0]]), Some(0.0), "what classes have in common cancels");
        assert_eq!(pull([[2.0, 0.0], [0.0, 0.0]]), Some(0.5));
        assert_eq!(pull([[2.0, 0.0], [0.0, -2.0]]), Some(0.0), "aside of the authentic gradient");
        assert_eq!(pull([[-4.0, -1.0], [2.0, -1.0]]), Some(-1.0));
        assert_eq!(pull([[8.0, 2.0], [-4.0, 2.0]]), Some(1.0), "the same way, in a longer step");
        // (0, 2) is 45 degrees off and longer; (0, 1) is as far off, and its half of the way counts.
        assert!((pull([[0.0, 2.0], [0.0, 2.0]]).unwrap() - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(pull([[0.0, 1.0], [0.0, 1.0]]), Some(0.5));
        assert_eq!(Pull::default().value(), None);
    }
}
