"""A callable as a generator: what it draws is used as any generator's, and what it does wrong is named."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import imfl
from conftest import SMALL, Images

Drawn = npt.NDArray[np.uint8]


def bars(label: int, count: int, seed: int) -> Drawn:
    """A bright bar whose place is the class, with noise of the seed."""
    images = np.random.default_rng(seed).integers(0, 60, (count, 1, 28, 28), np.uint8)
    images[:, :, :, 2 * label : 2 * label + 4] = 200
    return images


def test_an_image_does_not_depend_on_what_else_is_drawn() -> None:
    own = imfl.OwnGenerator(bars, shape=(1, 28, 28), classes=10, block=4)
    images, labels = own.sample(7, seed=3)
    assert images.shape == (70, 1, 28, 28) and labels.tolist() == sorted([*range(10)] * 7)
    for label in range(10):
        assert (images[7 * label : 7 * label + 7, 0, 0, 2 * label : 2 * label + 4] == 200).all()
    again, _ = own.sample({4: 1}, first=4 * 7 + 5, seed=3)
    assert np.array_equal(again[0], images[4 * 7 + 5])
    assert not np.array_equal(own.sample(7, seed=4)[0], images)
    images[:] = 0


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda label, count, seed: 1 / 0, "class 0: ZeroDivisionError: division by zero"),
        (lambda label, count, seed: bars(label, count, seed)[1:], "shape (3, 1, 28, 28), expected (4, 1, 28, 28)"),
        (lambda label, count, seed: bars(label, count, seed) / 255, "type float64, expected uint8"),
        (lambda label, count, seed: None, "type object, expected uint8"),
        (lambda label: label, "TypeError"),
    ],
)
def test_what_a_callable_does_wrong_is_named(draw: Any, said: str) -> None:
    own = imfl.OwnGenerator(draw, shape=(1, 28, 28), classes=10, block=4)
    for _ in range(2):  # nothing is poisoned by the first time
        with pytest.raises(imfl.CheckpointError) as error:
            own.sample(1)
        assert said in str(error.value) and "generator of one's own" in str(error.value)
        assert error.value.__cause__ is not None


def test_an_interruption_in_a_callable_comes_through_as_its_cause() -> None:
    def draw(label: int, count: int, seed: int) -> Drawn:
        raise KeyboardInterrupt

    with pytest.raises(imfl.ImflError) as error:
        imfl.OwnGenerator(draw, shape=(1, 2, 2), classes=2).sample(1)
    assert isinstance(error.value.__cause__, KeyboardInterrupt)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"draw": 3}, "expected a callable"),
        ({"shape": (1, 28)}, "expected (channels, height, width)"),
        ({"shape": (1, 0, 28)}, "each at least 1"),
        ({"classes": 0}, "expected 1 to 65536"),
        ({"classes": []}, "1 to 65536 classes"),
        ({"block": 0}, "expected 1 to 65536"),
    ],
)
def test_what_makes_no_generator_is_refused(given: dict[str, Any], said: str) -> None:
    whole: dict[str, Any] = {"draw": bars, "shape": (1, 28, 28), "classes": 10} | given
    with pytest.raises(imfl.UsageError) as error:
        imfl.OwnGenerator(whole.pop("draw"), **whole)
    assert said in str(error.value)


def test_a_run_draws_from_it(data: Images, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []

    def draw(label: int, count: int, seed: int) -> Drawn:
        """Images of the class out of the shipped ones that nobody holds."""
        calls.append((label, count))
        spare = data.spare.images[data.spare.labels == label]
        found: Drawn = spare[np.random.default_rng(seed).integers(0, len(spare), count)].astype(np.uint8)
        return found

    own = imfl.OwnGenerator(draw, shape=(1, 28, 28), classes=10, name="spare images", learnt_from="spare")
    given = {**SMALL, "dataset": str(data.folder), "runs": str(tmp_path / "runs"), "generator": own}
    found = imfl.run(**given)
    assert found.summary["generator"]["origin"] == "caller" and found.summary["generator"]["dataset"] == "spare"
    assert calls and all(count == 16 for _, count in calls) and 0 <= found.summary["theta"]
    again = imfl.run(**given)
    assert (again.folder / "model.safetensors").read_bytes() == (found.folder / "model.safetensors").read_bytes()


def test_a_run_names_what_a_callable_does_wrong(data: Images, tmp_path: Path) -> None:
    given = {**SMALL, "dataset": str(data.folder), "runs": str(tmp_path / "runs")}

    def draw(label: int, count: int, seed: int) -> Drawn:
        raise LookupError("out of paint")

    with pytest.raises(imfl.CheckpointError, match="LookupError: out of paint") as error:
        imfl.run(**given | {"generator": imfl.OwnGenerator(draw, shape=(1, 28, 28), classes=10)})
    assert isinstance(error.value.__cause__, LookupError)
    with pytest.raises(imfl.ImflError, match="3x28x28"):
        imfl.run(**given | {"generator": imfl.OwnGenerator(draw, shape=(3, 28, 28), classes=10)})
