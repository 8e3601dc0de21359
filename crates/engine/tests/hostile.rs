//! Ten clients, two of them hostile: what each rule makes of MNIST.

use imfl_engine::client::{Client, Images};
use imfl_engine::data;
use imfl_engine::device::Compute;
use imfl_engine::federated::{Federation, Hostility, LocalSgd, Participant};
use imfl_engine::model::Architecture;
use imfl_engine::partition::Scheme;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const CLIENTS: usize = 10;
const HOSTILE: usize = 2;
const ROUNDS: usize = 10;
const SEED: u64 = 1;

struct Setting {
    federation: Federation,
    cohort: Vec<Participant>,
    test: Images,
}

/// 1,000 images for each client, 1,000 to test on, a perceptron, and few enough steps that a client alone learns about as
/// much as all together: Krum takes one client's update, and must not lose by that alone what the attacks are to show.
fn setting() -> Setting {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mnist");
    let benchmark = data::open(&folder, SEED).unwrap();
    let part = |data: &data::Dataset, size| data.split_balanced(&[size], SEED).remove(0);
    let (train, test) = (benchmark.train.clone(), part(&benchmark.test, 1000));
    let shares = "iid".parse::<Scheme>().unwrap().partition(&train, CLIENTS, SEED).unwrap();
    let cohort = (0..).zip(&shares).map(|(id, share)| Participant::by_samples(Client::authentic(id, share))).collect();
    let normalisation = train.normalisation();
    let model = Architecture::Mlp.build(train.shape, train.classes()).unwrap();
    let local = LocalSgd { batch: 50, ..LocalSgd::default() };
    let compute = Compute { workers: 2, ..Compute::cpu() };
    let federation = Federation::new(model, Arc::new(train), &normalisation, local, compute, SEED);
    Setting { test: federation.images.like(Arc::new(test)), federation, cohort }
}

impl Setting {
    /// Accuracy in per cent after some rounds with this rule and attack; of the model before the first round that failed, if
    /// one does.
    fn accuracy(&self, rule: &str, attack: Option<&str>) -> f64 {
        let mut federation = self.federation.clone();
        federation.aggregation = rule.parse().unwrap();
        federation.hostility = attack.map(|attack| Hostility::draw(attack.parse().unwrap(), HOSTILE, CLIENTS, SEED));
        let mut state = federation.start();
        for _ in 0..ROUNDS {
            match federation.apply(state.clone(), &self.cohort) {
                Ok((next, _)) => state = next,
                Err(_) => break,
            }
        }
        federation.evaluate(&state, &self.test).accuracy() * 100.0
    }
}

#[test]
fn robust_rules_stand_two_of_ten_and_the_mean_does_not() {
    let setting = setting();
    let clean = setting.accuracy("mean", None);
    let mut lost = BTreeMap::new();
    for rule in ["mean", "clip:1", "median", "trimmed-mean:2", "krum:2", "multi-krum:2", "geometric-median"] {
        let own = setting.accuracy(rule, None);
        println!("{rule:<17} {:<21} loses {:5.1} points of {clean:.1}", "no attack", clean - own);
        for attack in ["sign-flip:10", "gaussian:1", "little-is-enough:1.5", "nan"] {
            let loss = clean - setting.accuracy(rule, Some(attack));
            println!("{rule:<17} {attack:<21} loses {loss:5.1} points of {clean:.1}");
            lost.insert((rule, attack), loss);
        }
    }
    assert!(clean > 85.0, "a model that learnt nothing has nothing to lose: {clean}");
    assert!(lost[&("mean", "sign-flip:10")] >= 20.0, "the attack has no power");
    for ((rule, attack), loss) in lost.into_iter().filter(|((rule, _), _)| *rule != "mean") {
        assert!(loss <= 5.0, "{rule} loses {loss:.1} points of {clean:.1} to {attack}");
    }
}
