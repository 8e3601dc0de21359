use burn::tensor::Tensor;

/// DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2) for a process without signal scaling: lambda = -ln sigma.
///
/// The guess of the step before makes each step second order; the first step has none, and the last, to sigma 0, where
/// lambda is infinite, gives the guess itself.
pub fn solve(sigmas: &[f64], mut x: Tensor<5>, mut denoise: impl FnMut(Tensor<5>, f64) -> Tensor<5>) -> Tensor<5> {
    let mut before: Option<(Tensor<5>, f64)> = None;
    for pair in sigmas.windows(2) {
        let [sigma, next] = [pair[0], pair[1]];
        let guess = denoise(x.clone(), sigma);
        if next == 0.0 {
            return guess;
        }
        let h = (sigma / next).ln();
        let direction = match before {
            Some((earlier, h_before)) => {
                let half = 0.5 * h / h_before;
                guess.clone() * (1.0 + half) - earlier * half
            }
            None => guess.clone(),
        };
        x = x * (next / sigma) - direction * (-h).exp_m1();
        before = Some((guess, h));
    }
    x
}
