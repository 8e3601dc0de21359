/// The scalings around the network F of Karras et al. 2022 (table 1, row "EDM"), in the paper's letters:
/// `D(x; sigma) = c_skip x + c_out F(c_in x; c_noise)`.
///
/// They give F inputs and targets of unit variance at every noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preconditioning {
    /// Deviation of the clean values.
    pub sigma_data: f64,
}

impl Preconditioning {
    /// `c_skip(sigma)`
    pub fn skip(&self, sigma: f64) -> f64 {
        self.sigma_data.powi(2) / (sigma.powi(2) + self.sigma_data.powi(2))
    }

    /// `c_out(sigma)`
    pub fn out(&self, sigma: f64) -> f64 {
        sigma * self.sigma_data / sigma.hypot(self.sigma_data)
    }

    /// `c_in(sigma)`
    pub fn input(&self, sigma: f64) -> f64 {
        1.0 / sigma.hypot(self.sigma_data)
    }

    /// `c_noise(sigma)`
    pub fn noise(sigma: f64) -> f64 {
        sigma.ln() / 4.0
    }

    /// What F has to give for one clean value `y` of which `y + n` was seen: `(y - c_skip (y + n)) / c_out`.
    ///
    /// With the paper's weight `lambda(sigma) = 1 / c_out^2` (table 1), the squared error of D is the squared error of F
    /// against this target (its equation 8).
    pub fn target(&self, clean: f64, noisy: f64, sigma: f64) -> f64 {
        (clean - self.skip(sigma) * noisy) / self.out(sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inputs_and_targets_have_unit_variance(sigma in 0.002f64..80.0, sigma_data in 0.1f64..2.0) {
            let p = Preconditioning { sigma_data };
            let (data, noise) = (sigma_data.powi(2), sigma.powi(2));
            prop_assert!((p.input(sigma).powi(2) * (data + noise) - 1.0).abs() < 1e-9);
            // The target is linear in independent y and n, so its variance is a sum of two squares.
            let (of_data, of_noise) = (p.target(1.0, 1.0, sigma), p.target(0.0, 1.0, sigma));
            prop_assert!((of_data.powi(2) * data + of_noise.powi(2) * noise - 1.0).abs() < 1e-6);
        }

        #[test]
        fn the_target_makes_the_denoiser_exact(clean in -2f64..2.0, noise in -3f64..3.0, sigma in 0.002f64..80.0) {
            let p = Preconditioning { sigma_data: 0.5 };
            let noisy = clean + sigma * noise;
            let denoised = p.skip(sigma) * noisy + p.out(sigma) * p.target(clean, noisy, sigma);
            prop_assert!((denoised - clean).abs() < 1e-9 * (1.0 + noisy.abs()));
        }
    }
}
