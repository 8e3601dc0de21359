use burn::tensor::Tensor;

/// Heun's method (Karras et al. 2022, algorithm 1, without noise added on the way).
pub fn solve(sigmas: &[f64], mut x: Tensor<5>, mut denoise: impl FnMut(Tensor<5>, f64) -> Tensor<5>) -> Tensor<5> {
    for pair in sigmas.windows(2) {
        let [sigma, next] = [pair[0], pair[1]];
        let slope = (x.clone() - denoise(x.clone(), sigma)) / sigma;
        let euler = x.clone() + slope.clone() * (next - sigma);
        x = if next == 0.0 {
            euler
        } else {
            let there = (euler.clone() - denoise(euler, next)) / next;
            x + (slope + there) * (0.5 * (next - sigma))
        };
    }
    x
}
