//! What a server knows between two rounds, and how it is kept on disk.

use super::local::Variates;
use super::server::Moments;
use crate::model::Model;
use crate::network::NetworkState;
use crate::parameters::{Layout, Weights};
use crate::stored::{Stored, StoredError, Tensors};
use crate::update::ClientUpdate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// File of the global model.
const MODEL: &str = "model.safetensors";
/// File of what the server's rule remembers: `first` and `second`, each `[parameters]`.
const MOMENTS: (&str, &str) = ("moments.safetensors", "imfl.moments/1");
/// File of SCAFFOLD's control variates: `server` and one tensor for each client by its id, each `[parameters]`.
const VARIATES: (&str, &str) = ("variates.safetensors", "imfl.variates/1");

/// File of late updates: for each client `ID.change` and, under SCAFFOLD, `ID.variate`, each `[parameters]`; `ID.numbers`,
/// weight and loss; `ID.counts`, round and samples.
const LATE: (&str, &str) = ("late.safetensors", "imfl.late/1");

/// File of what a network remembers.
const NETWORK: &str = "network.safetensors";
/// File of the clipping bound: `bound`, one number.
const CLIP: (&str, &str) = ("clip.safetensors", "imfl.clip/1");

/// The server between two rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerState {
    /// Rounds that are done.
    pub round: u64,
    /// The global model.
    pub weights: Weights,
    /// What the server's rule remembers.
    pub moments: Moments,
    /// What the clients' algorithm remembers.
    pub variates: Variates,
    /// Updates that were made in the last round and arrive in the next; on a network, that are on their way.
    pub late: Vec<ClientUpdate>,
    /// What a network remembers.
    pub network: NetworkState,
    /// The clipping bound of the next private round, once a round has moved it.
    pub clip: Option<f64>,
}

/// The first state of a server: the model's initial weights for `seed`.
pub fn init(model: &dyn Model, seed: u64) -> ServerState {
    let weights = Weights::initialise(model.layout().clone(), seed);
    ServerState {
        round: 0,
        weights,
        moments: Moments::default(),
        variates: Variates::default(),
        late: Vec::new(),
        network: NetworkState::default(),
        clip: None,
    }
}

impl ServerState {
    /// The state as safetensors files, by name; what is empty has no file.
    ///
    /// # Errors
    /// [`StoredError`] if two parameters of the model have one name.
    pub fn to_parts(&self) -> Result<BTreeMap<String, Vec<u8>>, StoredError> {
        let mut parts = BTreeMap::from([(MODEL.to_string(), self.weights.to_safetensors()?)]);
        let mut add = |(name, format): (&str, &str), tensors: &[(String, &[f32])]| {
            let mut file = Tensors::default();
            let present = tensors.iter().filter(|(_, values)| !values.is_empty());
            present.for_each(|(name, values)| file.add_f32(name, &[values.len()], values));
            if !file.is_empty() {
                parts.insert(name.to_string(), file.to_bytes(format)?);
            }
            Ok::<_, StoredError>(())
        };
        add(MOMENTS, &[("first".into(), &self.moments.first), ("second".into(), &self.moments.second)])?;
        let clients = self.variates.clients.iter().map(|(id, own)| (id.to_string(), own.as_slice()));
        let server = std::iter::once(("server".to_string(), self.variates.server.as_slice()));
        add(VARIATES, &server.chain(clients).collect::<Vec<_>>())?;
        if !self.late.is_empty() {
            let mut file = Tensors::default();
            self.late.iter().for_each(|update| add_late(&mut file, update));
            parts.insert(LATE.0.into(), file.to_bytes(LATE.1)?);
        }
        if self.network != NetworkState::default() {
            parts.insert(NETWORK.into(), self.network.to_bytes()?);
        }
        if let Some(bound) = self.clip {
            let mut file = Tensors::default();
            file.add_f64("bound", &[bound]);
            parts.insert(CLIP.0.into(), file.to_bytes(CLIP.1)?);
        }
        Ok(parts)
    }

    /// Reads a state of a model of this layout back.
    ///
    /// # Errors
    /// [`StoredError`] that names the file and what is wrong with it.
    pub fn from_parts(
        layout: &Arc<Layout>,
        round: u64,
        parts: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, StoredError> {
        let size = layout.size();
        let Some(model) = parts.get(MODEL) else { return Err(StoredError(format!("it has no {MODEL}"))) };
        let weights = Weights::from_safetensors(layout.clone(), model).map_err(in_file(MODEL))?;
        let read = |(name, format): (&str, &str)| {
            parts.get(name).map(|bytes| vectors(bytes, format, size).map_err(in_file(name))).transpose()
        };
        let (mut moments, mut variates) = (Moments::default(), Variates::default());
        for (name, values) in read(MOMENTS)?.unwrap_or_default() {
            match name.as_str() {
                "first" => moments.first = values,
                "second" => moments.second = values,
                other => return Err(unknown(MOMENTS.0, other)),
            }
        }
        for (name, values) in read(VARIATES)?.unwrap_or_default() {
            match (name.as_str(), name.parse()) {
                ("server", _) => variates.server = values,
                (_, Ok(client)) => drop(variates.clients.insert(client, Arc::new(values))),
                (other, Err(_)) => return Err(unknown(VARIATES.0, other)),
            }
        }
        let late = parts.get(LATE.0).map(|bytes| read_late(bytes, size).map_err(in_file(LATE.0)));
        let network = parts.get(NETWORK).map(|bytes| NetworkState::from_bytes(bytes, size).map_err(in_file(NETWORK)));
        let (late, network) = (late.transpose()?.unwrap_or_default(), network.transpose()?.unwrap_or_default());
        let clip = parts.get(CLIP.0).map(|bytes| read_clip(bytes).map_err(in_file(CLIP.0))).transpose()?;
        Ok(Self { round, weights, moments, variates, late, network, clip })
    }
}

fn add_late(file: &mut Tensors, update: &ClientUpdate) {
    let ClientUpdate { client, made, weight, change, variate, loss, samples } = update;
    file.add_f32(format!("{client}.change"), &[change.len()], change);
    if let Some(variate) = variate {
        file.add_f32(format!("{client}.variate"), &[variate.len()], variate);
    }
    file.add_f64(format!("{client}.numbers"), &[*weight, *loss]);
    file.add_u64(format!("{client}.counts"), &[*made, *samples]);
}

/// Late updates in the order of client ids.
fn read_late(bytes: &[u8], size: usize) -> Result<Vec<ClientUpdate>, StoredError> {
    let stored = Stored::open(bytes, LATE.1)?;
    let clients = stored.names().into_iter().filter_map(|name| name.strip_suffix(".change")?.parse::<u32>().ok());
    let clients: BTreeSet<u32> = clients.collect();
    let read = |client: u32| {
        let name = |part: &str| format!("{client}.{part}");
        // A late update was not looked at yet, so any value may be in it.
        let change = stored.any_f32(&name("change"), &[size])?;
        let variate = stored.names().contains(&name("variate").as_str());
        let variate = variate.then(|| stored.any_f32(&name("variate"), &[size])).transpose()?;
        let ([weight, loss], [made, samples]) = (stored.f64(&name("numbers"))?, stored.u64(&name("counts"))?);
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(StoredError(format!("tensor `{}` has weight {weight}", name("numbers"))));
        }
        Ok(ClientUpdate { client, made, weight, change, variate, loss, samples })
    };
    clients.into_iter().map(read).collect()
}

fn read_clip(bytes: &[u8]) -> Result<f64, StoredError> {
    let [bound] = Stored::open(bytes, CLIP.1)?.f64("bound")?;
    if !(bound > 0.0 && bound.is_finite()) {
        return Err(StoredError(format!("tensor `bound` is {bound}, which bounds nothing")));
    }
    Ok(bound)
}

/// All tensors of a file, each `[size]`.
fn vectors(bytes: &[u8], format: &str, size: usize) -> Result<Vec<(String, Vec<f32>)>, StoredError> {
    let stored = Stored::open(bytes, format)?;
    stored.names().into_iter().map(|name| Ok((name.to_string(), stored.f32(name, &[size])?))).collect()
}

fn in_file(name: &str) -> impl Fn(StoredError) -> StoredError {
    move |StoredError(problem)| StoredError(format!("{name}: {problem}"))
}

fn unknown(file: &str, tensor: &str) -> StoredError {
    StoredError(format!("{file}: a tensor is called `{tensor}`, which means nothing here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Architecture;

    fn state() -> (ServerState, Arc<Layout>) {
        let shape = crate::data::ImageShape { channels: 1, height: 4, width: 4 };
        let model = Architecture::Mlp.build(shape, 2).unwrap();
        let mut state = init(model.as_ref(), 3);
        let ramp = |scale: f32| (0..state.weights.values().len()).map(|i| i as f32 * scale).collect::<Vec<f32>>();
        state.moments = Moments { first: ramp(0.1), second: ramp(0.01) };
        state.variates = Variates { server: ramp(1.0), clients: [(7, Arc::new(ramp(-1.0)))].into() };
        let late = |client: u32, variate| ClientUpdate {
            client,
            made: 9,
            weight: 0.1 + f64::from(client),
            change: ramp(0.5),
            variate,
            loss: 1.0 / 3.0,
            samples: 12,
        };
        state.late = vec![late(2, None), late(11, Some(ramp(0.25)))];
        state.clip = Some(0.1 + 0.2);
        state.round = 9;
        (state, model.layout().clone())
    }

    #[test]
    fn every_state_reads_back_equal() {
        let (full, layout) = state();
        let plain = ServerState {
            moments: Moments::default(),
            variates: Variates::default(),
            late: vec![],
            clip: None,
            ..full.clone()
        };
        for (state, files) in [(full, 5), (plain, 1)] {
            let parts = state.to_parts().unwrap();
            assert_eq!(parts.len(), files);
            assert_eq!(ServerState::from_parts(&layout, 9, &parts).unwrap(), state);
        }
    }

    #[test]
    fn each_fault_names_its_file() {
        let (full, layout) = state();
        let parts = full.to_parts().unwrap();
        let problem =
            |parts: &BTreeMap<String, Vec<u8>>| ServerState::from_parts(&layout, 9, parts).unwrap_err().to_string();
        assert!(problem(&BTreeMap::new()).contains("no model.safetensors"));
        let mut swapped = parts.clone();
        swapped.insert(MOMENTS.0.into(), parts[VARIATES.0].clone());
        assert!(problem(&swapped).starts_with("moments.safetensors: it holds `imfl.variates/1`"));
        let mut odd = full.clone();
        odd.variates.server.pop();
        assert!(problem(&odd.to_parts().unwrap()).starts_with("variates.safetensors: tensor `server` is F32"));
    }
}
