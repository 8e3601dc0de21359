//! Settings as text: each is read and written alike, and a wrong one is told what there is.

use imfl_engine::prelude::*;
use serde::Serialize;
use serde::de::IntoDeserializer;
use std::fmt::{self, Debug, Display};

/// What a value is written as.
struct Written<'a, T>(&'a T);

impl<T: Serialize> Display for Written<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.serialize(f)
    }
}

fn same<T>(text: &str, wrong: &str, message: &str)
where
    T: std::str::FromStr<Err = UnknownName> + Display + Debug + PartialEq + serde::de::DeserializeOwned,
    T: Serialize,
{
    let read = |text: &str| T::deserialize(IntoDeserializer::<serde::de::value::Error>::into_deserializer(text));
    let value = read(text).unwrap();
    assert_eq!((value.to_string().as_str(), &value), (text, &text.parse().unwrap()));
    assert_eq!(Written(&value).to_string(), text);
    assert_eq!(read(wrong).unwrap_err().to_string(), message);
}

#[test]
fn every_setting_is_read_and_written_as_its_text_and_a_wrong_one_is_told_all_choices() {
    same::<Aggregation>(
        "multi-krum:1:3",
        "average",
        "`average` is no aggregation; expected mean, clip:NORM, median, trimmed-mean:CLIENTS, krum:HOSTILE, \
         multi-krum:HOSTILE[:CHOSEN] or geometric-median, with NORM above 0 and whole numbers of at least 1",
    );
    same::<Attack>(
        "sign-flip:10",
        "lie",
        "`lie` is no attack; expected sign-flip[:SCALE], gaussian[:DEVIATION], little-is-enough[:DEVIATIONS] or nan, \
         with numbers above 0",
    );
    same::<LocalAlgorithm>(
        "fedprox:0.1",
        "fedprox:-1",
        "`fedprox:-1` is no local algorithm; expected sgd, fedprox:MU or scaffold, with MU of at least 0",
    );
    same::<Schedule>(
        "step:10:0.5",
        "step",
        "`step` is no schedule; expected constant, step:EVERY:FACTOR, exponential:FACTOR or cosine:ROUNDS[:FLOOR], \
         with factors above 0 and at most 1",
    );
    same::<Scheme>(
        "dirichlet:1+quantity:4",
        "even",
        "`even` is no partition; expected iid, dirichlet:ALPHA, shards:N or quantity:ALPHA, or two joined by +",
    );
    same::<DeviceName>(
        "cuda:1",
        "gpu",
        "`gpu` is no device; expected auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N",
    );
    same::<CohortSampling>(
        "weighted",
        "poisson",
        "no cohort sampling is called `poisson`; there are: uniform, uniform-with-replacement, weighted, \
         weighted-with-replacement",
    );
    same::<Architecture>(
        "simple-cnn",
        "cnn",
        "no model is called `cnn`; there are: mlp, simple-cnn, fedavg-cnn, resnet8-gn, text-mean, text-cnn",
    );
}
