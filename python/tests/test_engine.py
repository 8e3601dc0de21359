"""Datasets and federations: arrays in, weights out, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import imfl

MODELS = ("mlp", "simple-cnn", "fedavg-cnn", "resnet8-gn")


def shades(samples: int = 60, shape: tuple[int, int, int] = (1, 8, 8)) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """Images that are dark or bright, with noise."""
    draw = np.random.default_rng(7)
    labels = np.arange(samples) % 2
    images = draw.integers(0, 60, (samples, *shape)) + 150 * labels[:, None, None, None]
    return images.astype(np.uint8), labels


def test_a_federation_learns_and_tells() -> None:
    images, labels = shades()
    heard: list[imfl.RoundReport] = []
    federation = imfl.Federation("mlp", (images, labels), test=(images, labels), clients=3, batch=5, seed=1)
    history = federation.run(3, on_round=heard.append)
    assert list(history) == heard and federation.rounds == 3
    assert history[-1].accuracy == federation.evaluate().accuracy == 1.0
    assert history.to_frame().shape == (3, 7)
    assert sorted(np.concatenate(federation.shares).tolist()) == list(range(60))
    assert federation.run(5, on_round=lambda report: report.round < 5)[-1].round == 5
    again = imfl.Federation("mlp", imfl.Dataset(images, labels), clients=3, batch=5, seed=1, workers=1)
    again.run(5)
    for name, values in again.weights.items():
        assert np.array_equal(values, federation.weights[name]), "neither workers nor the way in change a bit"


def test_numbers_and_bytes_train_alike() -> None:
    images, labels = shades()
    of_bytes = imfl.Federation("mlp", (images, labels), clients=2, seed=1)
    of_numbers = imfl.Federation("mlp", ((images / 255).astype(np.float32), labels), clients=2, seed=1)
    of_bytes.run(2), of_numbers.run(2)
    for name, values in of_bytes.weights.items():
        np.testing.assert_allclose(values, of_numbers.weights[name], atol=1e-5)


def test_numbers_in_bytes_are_read_where_they_are() -> None:
    images, labels = shades()
    numbers = (images / 255).astype(np.float32)
    seen = np.frombuffer(numbers.tobytes(), np.float32).reshape(numbers.shape)
    assert imfl.Dataset(seen, labels).shared and not imfl.Dataset(numbers, labels).shared
    assert not imfl.Dataset(seen[1:], labels[1:]).shared, "a part of the memory is copied"
    one, other = (imfl.Federation("mlp", (given, labels), clients=2, seed=1) for given in (seen, numbers))
    one.run(2), other.run(2)
    assert all(np.array_equal(values, other.weights[name]) for name, values in one.weights.items())


def test_own_shares_and_weights() -> None:
    images, labels = shades()
    given: dict[str, Any] = {"dataset": (images, labels), "partition": [np.arange(20), np.arange(20, 60)], "seed": 2}
    alone = imfl.Federation("mlp", **given, weights=[1, 0])
    assert alone.round().cohort == (0,)
    with pytest.raises(imfl.DataError, match="client 1 has sample 60"):
        imfl.Federation("mlp", (images, labels), partition=[[0], [60]])
    with pytest.raises(imfl.DataError, match="client 0 has no sample"):
        imfl.Federation("mlp", (images, labels), partition=[[], [1]])
    with pytest.raises(imfl.DataError, match="client 1 has weight NaN"):
        imfl.Federation("mlp", **given, weights=[1, np.nan])
    with pytest.raises(imfl.DataError, match="1 for 2 clients"):
        imfl.Federation("mlp", **given, weights=[1])
    with pytest.raises(imfl.DataError, match="weights: no numbers"):
        imfl.Federation("mlp", **given, weights=["a", "b"])
    with pytest.raises(imfl.UsageError, match="`partition` is a int"):
        imfl.Federation("mlp", (images, labels), partition=3)  # type: ignore[arg-type]


def test_images_to_be_tested_on_fit_the_model() -> None:
    images, labels = shades()
    foreign = (images, np.where(np.arange(60) == 7, 2, labels))
    other = (images[..., :-1], labels)
    federation = imfl.Federation("mlp", (images, labels), clients=2)
    for given, said in [(foreign, "image 7 has label 2, but there are 2 classes"), (other, "images of shape [1, 8, 7]")]:
        for work in (
            lambda given=given: imfl.Federation("mlp", (images, labels), test=given, clients=2),
            lambda given=given: federation.evaluate(given),
            lambda given=given: federation.logits(given),
        ):
            with pytest.raises(imfl.DataError) as error:
                work()
            assert said in str(error.value)
    # More names of classes than the training has are no harm.
    assert federation.evaluate(imfl.Dataset(images, labels, classes=9)).samples == 60


@pytest.mark.parametrize(
    ("images", "labels", "classes", "said"),
    [
        (np.zeros((4, 8, 8), np.uint8), [0] * 4, None, "expected [samples, channels, height, width]"),
        (np.zeros((4, 1, 8, 8), np.float64), [0] * 4, None, "type float64, expected uint8 or float32"),
        (np.zeros((4, 1, 8, 8), np.uint8), [0] * 3, None, "3 labels for 4 images"),
        (np.zeros((4, 1, 8, 8), np.uint8), [0, 1, 2, 9], 3, "image 3 has label 9, but there are 3 classes"),
        (np.zeros((4, 1, 8, 8), np.uint8), [0, 1, -1, 0], None, "image 2 has label -1"),
        (np.zeros((4, 1, 8, 8), np.uint8), [0.5] * 4, None, "labels: values of type float64"),
        (np.zeros((0, 1, 8, 8), np.uint8), [], None, "0 images"),
        (np.full((4, 1, 8, 8), np.nan, np.float32), [0] * 4, None, "image 0 has a value that is not finite"),
        (np.zeros((4, 1, 8, 8), np.uint8), [[0]] * 4, None, "expected [samples]"),
        (np.zeros((4, 1, 8, 8), np.uint8), [0] * 4, 0, "expected 1 to 65536"),
        ("pictures", [0] * 4, None, "shape ()"),
    ],
)
def test_wrong_arrays_are_named(images: Any, labels: Any, classes: int | None, said: str) -> None:
    with pytest.raises(imfl.DataError) as error:
        imfl.Dataset(images, labels, classes=classes)
    assert said in str(error.value)


def test_arrays_that_are_not_contiguous_are_put_in_order() -> None:
    images, labels = shades()
    turned = np.asfortranarray(images)
    assert not turned.flags.c_contiguous
    one, other = imfl.Federation("mlp", (images, labels), clients=2), imfl.Federation("mlp", (turned, labels), clients=2)
    assert one.round().train_loss == other.round().train_loss


def test_wrong_settings_are_named() -> None:
    images, labels = shades()
    for settings, kind, said in [
        ({"rate": -1.0}, imfl.ConfigError, "`training.rate`"),
        ({"rats": 1.0}, imfl.ConfigError, "unknown key `rats`"),
        ({"aggregation": "average"}, imfl.ConfigError, "`average`"),
        ({"device": "cuda"}, imfl.DeviceError, "cuda"),
        ({"device": "abacus"}, imfl.DeviceError, "abacus"),
        ({"clients": 61}, imfl.ConfigError, "61 clients"),
        ({"clients": "many"}, imfl.UsageError, "`partition.clients` (`clients`): `many`"),
        ({"rate": object()}, imfl.UsageError, "settings"),
        # What nobody would look at is refused and not ignored.
        ({"network": "mobile"}, imfl.UsageError, "`network` is a setting of a whole run"),
        ({"training": {"rounds": 3}}, imfl.UsageError, "`training.rounds` is a setting of a whole run"),
        ({"name": "x"}, imfl.UsageError, "`name` is a setting of a whole run"),
    ]:
        with pytest.raises(kind) as error:
            imfl.Federation("mlp", (images, labels), **settings)  # type: ignore[arg-type]
        assert said in str(error.value), error.value
    with pytest.raises(imfl.ConfigError, match="no model is called"):
        imfl.Federation("mpl", (images, labels))


def test_a_round_that_diverges_leaves_the_model_as_it_was() -> None:
    images, labels = shades()
    federation = imfl.Federation("mlp", (images, labels), clients=2, rate=1e30)
    before = federation.weights
    with pytest.raises(imfl.DivergedError, match="lower the learning rate"):
        federation.run(3)
    assert all(np.array_equal(values, before[name]) for name, values in federation.weights.items())


@pytest.mark.parametrize("model", MODELS)
def test_weights_go_round_in_both_layouts(model: str, tmp_path: Path) -> None:
    images, labels = shades(shape=(3, 9, 11))
    federation = imfl.Federation(model, (images, labels), clients=2)
    logits = federation.logits(imfl.Dataset(images, labels))
    weights, state = federation.weights, federation.state_dict()
    assert state["head.weight"].shape == weights["head.weight"].T.shape
    other = imfl.Federation(model, (images, labels), clients=2, seed=9)
    other.load_state_dict(state)
    assert np.array_equal(other.logits(imfl.Dataset(images, labels)), logits)
    other.weights = weights
    assert all(np.array_equal(values, weights[name]) for name, values in other.weights.items())
    federation.save(tmp_path / "model.safetensors", layout="torch")
    assert (tmp_path / "model.safetensors").stat().st_size > sum(values.nbytes for values in state.values())
    name = next(iter(weights))
    for wrong, said in [
        ({}, "there is no"),
        (weights | {name: weights[name][..., :-1]}, "has shape"),
        (weights | {name: weights[name].astype(np.float64)}, "type float64"),
        (weights | {name: np.full_like(weights[name], np.inf)}, "is not finite"),
        (weights | {"more": weights[name]}, "no parameter `more`"),
    ]:
        with pytest.raises(imfl.DataError, match=said):
            other.weights = wrong
    assert all(np.array_equal(values, weights[name]) for name, values in other.weights.items())


def numpy_mlp(state: dict[str, npt.NDArray[np.float32]], x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    for layer in ("dense1", "dense2"):
        x = np.maximum(x @ state[f"{layer}.weight"].T + state[f"{layer}.bias"], 0)
    found: npt.NDArray[np.float32] = x @ state["head.weight"].T + state["head.bias"]
    return found


def test_the_perceptron_in_numpy_gives_the_same_logits() -> None:
    images, labels = shades()
    federation = imfl.Federation("mlp", (images, labels), clients=2)
    mean, deviation = federation.dataset.normalisation
    x = ((images / np.float32(255) - mean) / deviation).astype(np.float32).reshape(len(images), -1)
    np.testing.assert_allclose(federation.logits(federation.dataset), numpy_mlp(federation.state_dict(), x), atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_architecture_in_torch_gives_the_same_logits(model: str) -> None:
    torch = pytest.importorskip("torch")
    from imfl.torch import module

    images, labels = shades(shape=(3, 12, 14))
    federation = imfl.Federation(model, (images, labels), clients=2)
    federation.round()
    mean, deviation = (values[:, None, None] for values in federation.dataset.normalisation)
    x = torch.from_numpy(((images / np.float32(255) - mean) / deviation).astype(np.float32))
    network = module(model, (3, 12, 14), 2).eval()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in federation.state_dict().items()})
    with torch.no_grad():
        np.testing.assert_allclose(network(x).numpy(), federation.logits(federation.dataset), rtol=0, atol=1e-5)
    other = imfl.Federation(model, (images, labels), clients=2, seed=5)
    other.load_state_dict(network.state_dict())
    assert np.array_equal(other.logits(federation.dataset), federation.logits(federation.dataset))


@pytest.mark.parametrize("model", MODELS)
def test_a_file_in_the_layout_of_torch_is_what_torch_loads(model: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    from imfl.torch import module

    federation = imfl.Federation(model, shades(shape=(3, 12, 14)), clients=2)
    federation.save(tmp_path / "model.safetensors", layout="torch")
    network = module(model, (3, 12, 14), 2)
    network.load_state_dict(safetensors.load_file(tmp_path / "model.safetensors"))
    state = federation.state_dict()
    assert all(np.array_equal(values.numpy(), state[name]) for name, values in network.state_dict().items())


def test_clients_from_outside_are_combined_as_the_engine_does_it() -> None:
    images, labels = shades()
    whole = imfl.Federation("mlp", (images, labels), partition=[np.arange(20), np.arange(20, 60)], seed=4)
    base = whole.weights
    models = []
    for keep in ([1, 0], [0, 1]):
        one = imfl.Federation("mlp", (images, labels), partition=[np.arange(20), np.arange(20, 60)], weights=keep, seed=4)
        one.round()
        models.append(one.weights)
    whole.round()
    combined = imfl.combine(base, models, weights=[20, 40])
    assert not combined.rejected
    assert all(np.array_equal(values, combined.weights[name]) for name, values in whole.weights.items()), "to the bit"
    swapped = imfl.combine(base, models[::-1], weights=[40, 20], ids=[1, 0])
    assert all(np.array_equal(values, combined.weights[name]) for name, values in swapped.weights.items())
    broken = {name: np.full_like(values, np.nan) for name, values in base.items()}
    screened = imfl.combine(base, [*models, broken], weights=[20, 40, 1])
    assert screened.rejected == ((2, "values that are not finite"),)
    # As in a round that asked all three: shares of the weight are whole multiples of 2^-30 of what was asked.
    for name, values in screened.weights.items():
        np.testing.assert_allclose(combined.weights[name], values, atol=1e-7, rtol=1e-6)
    with pytest.raises(imfl.ConfigError, match="at least 3"):
        imfl.combine(base, models, aggregation="median")
    with pytest.raises(imfl.DataError, match="the base has"):
        imfl.combine(base, [{}])
    with pytest.raises(imfl.DataError, match="weight 0"):
        imfl.combine(base, models, weights=[0, 1])


MEMORY = """
import sys, numpy as np, imfl
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) * 1024
size = int(sys.argv[3]) << 20
data = bytes(size)
array = np.frombuffer(data, sys.argv[2]).reshape(-1, 1, 64, 64)
if sys.argv[1] == "own":
    array = array.copy()
labels = np.zeros(len(array), np.int64)
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = peak()
dataset = imfl.Dataset(array, labels)
print(dataset.shared, (peak() - before) / size)
"""
LARGE = pytest.mark.skipif("IMFL_LARGE" not in os.environ, reason="takes 3 GB: IMFL_LARGE=1 pytest -k memory_of")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's /proc")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("megabytes", [128, pytest.param(1024, marks=LARGE)])
def test_memory_of_bytes_is_shared_and_other_memory_copied_once(megabytes: int, dtype: str) -> None:
    for kind, shared, least, most in [("bytes", "True", 0.0, 0.05), ("own", "False", 0.9, 1.1)]:
        done = subprocess.run([sys.executable, "-c", MEMORY, kind, dtype, str(megabytes)], capture_output=True, text=True)
        told, share = done.stdout.split()
        print(f"{megabytes} MB of {dtype} in {kind}: {float(share):.4f} of them more in memory")
        assert told == shared and least <= float(share) <= most, (done.stdout, done.stderr)


def test_what_python_holds_is_not_what_a_round_changes() -> None:
    images, labels = shades()
    federation = imfl.Federation("mlp", (images, labels), clients=2)
    before = federation.weights
    kept = {name: values.copy() for name, values in before.items()}
    before["head.bias"][:] = 7
    federation.round()
    assert not np.array_equal(federation.weights["head.bias"], before["head.bias"])
    assert all(np.array_equal(before[name], kept[name]) for name in kept if name != "head.bias")


def test_the_benchmark_measures() -> None:
    found = imfl.bench("mlp", shape=(1, 8, 8), clients=4, cohort=2, samples=10, rounds=2)
    assert found["schema"] == "imfl.bench/1" and found["samples_per_second"] > 0
    with pytest.raises(imfl.UsageError, match="at least 1"):
        imfl.bench(cohort=0)
    with pytest.raises(imfl.UsageError, match="algorithm"):
        imfl.bench("mlp", algorithm="adam", cohort=1, clients=1)


def test_opened_datasets_come_as_arrays() -> None:
    train, test = imfl.open_dataset("mnist")
    assert train.images.shape == (len(train), 1, 28, 28) and train.labels.shape == (len(train),)
    assert train.shape == test.shape == (1, 28, 28) and len(train.classes) == 10
    part = imfl.Dataset(train.images, train.labels)
    assert all(np.array_equal(a, b) for a, b in zip(part.normalisation, train.normalisation, strict=True))
    with pytest.raises(imfl.DataError, match="none"):
        imfl.open_dataset("/none")
