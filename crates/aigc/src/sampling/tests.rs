use super::*;
use burn::tensor::Device;

/// For data from N(0, s^2), D(x; sigma) = x s^2 / (s^2 + sigma^2), and the ODE keeps x / sqrt(s^2 + sigma^2).
fn error(sampling: &Sampling) -> f64 {
    let deviation = 0.5f64;
    let noise = Tensor::<5>::ones([1, 1, 1, 1, 1], &Device::flex());
    let mut evaluations = 0;
    let x = sampling.solve(noise, |x, sigma| {
        evaluations += 1;
        x * (deviation.powi(2) / (deviation.powi(2) + sigma.powi(2)))
    });
    assert_eq!(evaluations, sampling.evaluations());
    let exact = sampling.sigma_max * deviation / deviation.hypot(sampling.sigma_max);
    (f64::from(x.into_scalar::<f32>()) / exact - 1.0).abs()
}

#[test]
fn both_methods_solve_the_gaussian_case_and_converge_with_order_two() {
    for method in [Method::DpmSolver, Method::Heun] {
        let with = |steps| error(&Sampling { method, steps, sigma_min: 0.02, ..Sampling::default() });
        let (coarse, fine) = (with(20), with(40));
        assert!(coarse < 0.05, "{method:?}: {coarse}");
        assert!(coarse / fine > 3.0, "{method:?}: {coarse} then {fine}");
    }
    // The published recurrences in double precision, computed apart from this code.
    assert!((error(&Sampling::default()) - 0.073_848).abs() < 1e-4);
    assert!((error(&Sampling::reference()) - 0.055_270).abs() < 1e-4);
}

#[test]
fn euler_converges_with_order_one_and_goes_any_way_in_parts() {
    let with = |steps| error(&Sampling { method: Method::Euler, steps, ..Sampling::default() });
    let (coarse, fine) = (with(20), with(40));
    assert!((1.5..2.5).contains(&(coarse / fine)), "{coarse} then {fine}");
    let sampling = Sampling { steps: 3, ..Sampling::default() };
    let levels = sampling.sigmas();
    for pair in levels.windows(2) {
        let between = sampling.between([pair[0], pair[1]], 4);
        assert_eq!(between.len(), 5);
        assert!(between.is_sorted_by(|a, b| a > b), "{between:?}");
        assert!((between[0] - pair[0]).abs() < 1e-9 && (between[4] - pair[1]).abs() < 1e-9, "{between:?}");
    }
}

#[test]
fn guidance_costs_an_evaluation_where_it_acts() {
    let with = |method, guidance_min, guidance_max| {
        Sampling { method, steps: 5, guidance: 1.0, guidance_min, guidance_max, ..Sampling::default() }.evaluations()
    };
    // Levels 80, 21.1, 4.05, 0.465 and 0.02, by equation 5.
    assert_eq!(with(Method::DpmSolver, 0.0, SIGMA_LIMIT), 10);
    assert_eq!(with(Method::Heun, 0.0, SIGMA_LIMIT), 18);
    assert_eq!(with(Method::DpmSolver, 0.3, 6.0), 7);
    assert_eq!(with(Method::Heun, 0.3, 6.0), 13);
    assert_eq!(with(Method::Heun, 70.0, 90.0), 10);
}

#[test]
fn settings_out_of_range_are_named() {
    let problem = |sampling: Sampling| sampling.check().unwrap_err().to_string();
    let good = Sampling::default();
    assert_eq!(good.check(), Ok(()));
    assert!(problem(Sampling { steps: 0, ..good.clone() }).contains("steps = 0"));
    assert!(problem(Sampling { sigma_min: f64::NAN, ..good.clone() }).contains("sigma_min"));
    assert!(problem(Sampling { sigma_max: 0.001, ..good.clone() }).contains("sigma_max = 0.001"));
    assert!(problem(Sampling { rho: 0.0, ..good.clone() }).contains("rho"));
    assert!(problem(Sampling { guidance: -1.0, ..good.clone() }).contains("guidance = -1"));
    assert!(problem(Sampling { guidance_min: f64::NAN, ..good.clone() }).contains("guidance_min"));
    assert!(problem(Sampling { guidance_min: 3.0, guidance_max: 2.0, ..good }).contains("guidance_max = 2"));
    assert!("midpoint".parse::<Method>().unwrap_err().to_string().contains("dpm-solver, heun, euler"));
}
