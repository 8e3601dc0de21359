//! Every backend that is compiled in and present computes what the CPU's `flex` computes.
//!
//! Without a GPU, Mesa's lavapipe runs the `wgpu` build: `cargo test --release --workspace --features wgpu --test backends`.

use imfl_engine::client::Client;
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_engine::federated::{self, Federation, LocalSgd, Participant};
use imfl_engine::model::Architecture;
use std::sync::Arc;

fn tiny() -> Dataset {
    let shape = ImageShape { channels: 3, height: 8, width: 8 };
    let pixels = (0..24 * shape.size()).map(|i| (i * i % 251) as u8).collect();
    let names = vec!["a".to_string(), "b".into(), "c".into()];
    Dataset::new("tiny", shape, names, pixels, (0..24).map(|i| i % 3).collect()).unwrap()
}

/// One round of three clients, two local steps and more each.
fn round(model: Architecture, device: DeviceName) -> Vec<f32> {
    let data = tiny();
    let normalisation = data.normalisation();
    let model = model.build(data.shape, data.classes()).unwrap();
    let compute = Compute::open(device, Some(1)).unwrap();
    let local = LocalSgd { rate: 0.05, batch: 4, ..LocalSgd::default() };
    let start = federated::init(model.as_ref(), 1);
    let cohort: Vec<Participant> = [0..8u32, 8..17, 17..24]
        .into_iter()
        .enumerate()
        .map(|(id, range)| Participant {
            client: Client::authentic(id as u32, &range.clone().collect::<Vec<_>>()),
            weight: range.len() as f64,
        })
        .collect();
    let federation = Federation::new(model, Arc::new(data), &normalisation, local, compute, 7);
    federation.apply(start, &cohort).unwrap().0.weights.values().to_vec()
}

#[test]
fn one_round_equals_flex_on_every_device() {
    let present = device::present();
    assert!(present.contains(&DeviceName::Cpu));
    if cfg!(feature = "wgpu") {
        assert!(
            present.iter().any(|name| matches!(name, DeviceName::Wgpu(_))),
            "no wgpu device found; have {present:?}"
        );
    }
    for model in [Architecture::Mlp, Architecture::SimpleCnn] {
        let expected = round(model, DeviceName::Cpu);
        for &device in present.iter().filter(|&&name| name != DeviceName::Cpu) {
            let found = round(model, device);
            let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{} on {device}: off by {off:.2e}", model.name());
            assert!(off < 1e-4, "{} on {device} is off by {off}", model.name());
        }
    }
}
