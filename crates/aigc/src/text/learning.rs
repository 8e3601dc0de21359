//! What a step of learning takes from a part of its batch.

use super::loss::{Asked, cross_entropy};
use super::masking::Example;
use super::symbols::Symbols;
use super::transformer::Transformer;
use burn::tensor::{Device, Tensor, TensorData};
use imfl_engine::data::{Dataset, Vocabulary};
use imfl_engine::gradient;
use imfl_engine::layer::Pass;
use imfl_engine::parameters::Stacked;
use imfl_engine::transfer::{floats, upload};

/// The bound on the negative log-likelihood of some texts in nats, over `size`, and its gradient by all parameters in layout order: the
/// cross-entropies of the open places of each, times its weight (Sahoo et al. 2024, section 3.5). `weights` are leaves of a graph.
pub fn bound(
    network: &Transformer,
    weights: &Stacked,
    examples: &[Example],
    size: usize,
    device: &Device,
) -> (f64, Vec<f32>) {
    let length = network.symbols().length;
    let (mut places, mut asked) = (Vec::new(), Vec::new());
    for (text, Example { class, asked: open, weight, .. }) in examples.iter().enumerate() {
        for (open, symbol) in open {
            places.push((text * length + open.place, *class));
            asked.push(Asked { symbol: *symbol, may_end: open.may_end, weight: weight / size.max(1) as f64 });
        }
    }
    if asked.is_empty() {
        return (0.0, vec![0.0; network.layout().size()]);
    }
    let shown: Vec<(&[Option<u16>], usize)> = examples.iter().map(|one| (&one.seen[..], one.class)).collect();
    let pass = Pass::evaluate(weights);
    let logits = network.logits(&pass, network.forward(&pass, &shown, device), &places);
    let dims = logits.dims();
    let (loss, slope) = cross_entropy(floats(logits.clone()), &asked);
    // What has this gradient by the logits has that of the loss by the weights.
    let slope: Tensor<2> = upload(TensorData::new(slope, dims), device);
    (loss, gradient::of_loss(weights, (logits * slope).sum()))
}

/// Words of all classes that a class counts as if it had them, so that none has probability 0 there.
const SHARED: f64 = 200.0;

/// The logarithm of each symbol's frequency in each class, `[classes, symbols]`: where the classes' biases start, so that what the network
/// learns is what the words around a place say beyond that.
pub fn frequencies(data: &Dataset, symbols: Symbols) -> Vec<f32> {
    let mut counts = vec![0f64; data.classes() * symbols.count];
    for text in 0..data.len() {
        let own = &mut counts[data.label(text) * symbols.count..][..symbols.count];
        for symbol in symbols.of(data.image(text)) {
            own[usize::from(symbol)] += 1.0;
            if symbol == Vocabulary::PADDING {
                break;
            }
        }
    }
    let all = |symbol: usize| counts.iter().skip(symbol).step_by(symbols.count).sum::<f64>() + 0.5;
    let all: Vec<f64> = (0..symbols.count).map(all).collect();
    let total: f64 = all.iter().sum();
    let class = |own: &[f64]| {
        let size = own.iter().sum::<f64>() + SHARED;
        own.iter().zip(&all).map(|(own, all)| ((own + SHARED * all / total) / size).ln() as f32).collect::<Vec<f32>>()
    };
    counts.chunks_exact(symbols.count).flat_map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::{TEXTS, network, texts};
    use crate::text::{Examples, masking::Open};
    use crate::training_config::TrainingConfig;
    use imfl_engine::parameters::Weights;

    fn leaves(network: &Transformer, values: impl Fn(usize) -> f32) -> Stacked {
        let values = (0..network.layout().size()).map(values).collect();
        let weights = Weights::from_values(network.layout().clone(), values).unwrap();
        Stacked::broadcast(&weights, 1, &Device::flex()).leaves()
    }

    /// With all weights zero every symbol is as likely as each other.
    #[test]
    fn a_network_of_zeros_costs_the_logarithm_of_the_symbols() {
        let data = texts(&TEXTS);
        let network = network(&data);
        let symbols = network.symbols();
        let clean = symbols.of(data.image(0));
        let device = Device::flex().autodiff();
        let open = |place| Open { place, may_end: place > 0 };
        let example = |places: &[usize], weight| Example {
            seen: clean.iter().enumerate().map(|(at, &symbol)| (!places.contains(&at)).then_some(symbol)).collect(),
            class: 0,
            asked: places.iter().map(|&place| (open(place), clean[place])).collect(),
            weight,
        };
        let examples = [example(&[0], 4.0), example(&[1, 2], 1.5)];
        let (loss, gradient) = bound(&network, &leaves(&network, |_| 0.0), &examples, 10, &device);
        let (all, words) = ((symbols.count as f64).ln(), (symbols.count as f64 - 1.0).ln());
        assert!((loss - (4.0 * words + 3.0 * all) / 10.0).abs() < 1e-6, "{loss}");
        assert_eq!(gradient.len(), network.layout().size());
        let (none, zero) = bound(&network, &leaves(&network, |_| 0.0), &[example(&[], 9.0)], 10, &device);
        assert!(none == 0.0 && zero.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn the_gradient_is_that_of_the_bound() {
        let data = texts(&TEXTS);
        let network = network(&data);
        let training = TrainingConfig { batch: 6, shards: 1, ..TrainingConfig::default() };
        let symbols = network.symbols();
        let examples = Examples { data: &data, symbols, training: &training }.shard(1, &[0, 1, 2, 3, 4, 0], 0);
        let device = Device::flex().autodiff();
        let value = |at: usize| ((at * 37 + 11) % 101) as f32 / 150.0 - 0.33;
        let loss = |moved: usize, by: f32| {
            let weights = leaves(&network, |at| if at == moved { value(at) + by } else { value(at) });
            bound(&network, &weights, &examples, 50, &device)
        };
        let (_, gradient) = loss(0, 0.0);
        let size = gradient.len();
        let mut seen = 0;
        for moved in (0..size).step_by(size / 60) {
            let slope = (loss(moved, 1e-2).0 - loss(moved, -1e-2).0) / 2e-2;
            let found = f64::from(gradient[moved]);
            assert!((slope - found).abs() < 2e-3 + 0.03 * found.abs(), "{moved}: {slope} {found}");
            seen += usize::from(found.abs() > 1e-3);
        }
        assert!(seen > 10, "only {seen} gradients differ from zero");
    }

    #[test]
    fn frequencies_are_those_of_the_class() {
        let data = texts(&TEXTS);
        let symbols = network(&data).symbols();
        let found = frequencies(&data, symbols);
        for class in found.chunks(symbols.count) {
            assert!((class.iter().map(|value| f64::from(*value).exp()).sum::<f64>() - 1.0).abs() < 1e-5);
        }
        let fish = usize::from(symbols.of(data.image(0))[2]);
        assert!(found[fish] > found[symbols.count + fish] + 0.01, "fish are at sea");
    }
}
