//! Weights as named arrays, in the engine's layout or in PyTorch's.
//!
//! PyTorch keeps a dense weight as `[outputs, inputs]` where the engine has `[inputs, outputs]`, and calls the scale and shift of a
//! normalisation weight and bias. Everything else is alike: convolutions are `[outputs, inputs, height, width]` for both.

use imfl_engine::parameters::{Layout, Weights};
use imfl_run::{Failure, Kind, Outcome};
use safetensors::tensor::{Dtype, TensorView};
use std::sync::Arc;

/// A parameter: its name, shape and values.
pub type Named = (String, Vec<usize>, Vec<f32>);

/// PyTorch's name of a parameter.
fn torch_name(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, "scale")) => format!("{layer}.weight"),
        Some((layer, "shift")) => format!("{layer}.bias"),
        _ => name.into(),
    }
}

/// Rows become columns.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// Every parameter, in the order of the layout.
pub fn named(weights: &Weights, torch: bool) -> Vec<Named> {
    let all = weights.iter().map(|(parameter, values)| match (torch, parameter.shape.as_slice()) {
        (false, shape) => (parameter.name.clone(), shape.to_vec(), values.to_vec()),
        (true, &[inputs, outputs]) => {
            (torch_name(&parameter.name), vec![outputs, inputs], transposed(values, inputs, outputs))
        }
        (true, shape) => (torch_name(&parameter.name), shape.to_vec(), values.to_vec()),
    });
    all.collect()
}

/// The weights of a model of this layout; each of its parameters has to be there once, of its shape and finite.
///
/// # Errors
/// A failure of kind [`Kind::Data`] that names the parameter.
pub fn of_named(layout: &Arc<Layout>, given: Vec<Named>, torch: bool) -> Outcome<Weights> {
    let fail = |problem: String| Err(Failure::new(Kind::Data, problem));
    let mut values = Vec::with_capacity(layout.size());
    for parameter in layout.parameters() {
        let name = if torch { torch_name(&parameter.name) } else { parameter.name.clone() };
        let mut expected = parameter.shape.clone();
        if torch && expected.len() == 2 {
            expected.reverse();
        }
        let Some((_, shape, own)) = given.iter().find(|(given, ..)| *given == name) else {
            return fail(format!("weights: there is no `{name}`"));
        };
        if *shape != expected || own.len() != parameter.size() {
            return fail(format!("weights: `{name}` has shape {shape:?}, expected {expected:?}"));
        }
        if let Some(place) = own.iter().position(|value| !value.is_finite()) {
            return fail(format!("weights: value {place} of `{name}` is not finite"));
        }
        match expected[..] {
            [outputs, inputs] if torch => values.extend(transposed(own, outputs, inputs)),
            _ => values.extend_from_slice(own),
        }
    }
    if let Some((unknown, ..)) = given.iter().find(|(name, ..)| {
        !layout
            .parameters()
            .iter()
            .any(|parameter| *name == if torch { torch_name(&parameter.name) } else { parameter.name.clone() })
    }) {
        return fail(format!("weights: the model has no parameter `{unknown}`"));
    }
    Weights::from_values(layout.clone(), values)
        .ok_or_else(|| Failure::new(Kind::Data, "weights: another number of values than the model has"))
}

/// A safetensors file that `torch.nn.Module.load_state_dict` takes.
///
/// # Errors
/// What safetensors says.
pub fn torch_safetensors(weights: &Weights) -> Outcome<Vec<u8>> {
    let all: Vec<(String, Vec<usize>, Vec<u8>)> = named(weights, true)
        .into_iter()
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views =
        all.iter().map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)));
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    let file = views.and_then(|views| safetensors::serialize(views, None));
    file.map_err(|error| Failure::new(Kind::Unexpected, format!("cannot be written as safetensors ({error})")))
}
