"""Federated training, round by round."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _imfl
from ._values import Path, column, contiguous, floats, frame
from .data import Dataset, open_dataset
from .errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Combined", "Evaluation", "Federation", "History", "RoundReport", "combine"]

Weights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model does: mean cross-entropy, and correct answers."""

    loss: float
    correct: int
    samples: int

    @property
    def accuracy(self) -> float:
        """Share of images that were classified correctly, in [0, 1]."""
        return self.correct / max(self.samples, 1)


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What a round did.

    Attributes:
        round: its number, from 1.
        cohort: ids of the clients that were asked.
        dropped, late, rejected: of whom no update arrived, whose arrives in the next round, whose could not be used.
        counted: client, and the round that its update was made in.
        skipped: whether fewer updates than the quorum could be used.
        train_loss: mean loss over the samples of the updates that counted.
        loss, accuracy: on the test images; absent without them.
        samples: samples trained on. seconds: wall time of training.
    """

    round: int
    cohort: tuple[int, ...]
    dropped: tuple[Mapping[str, Any], ...]
    late: tuple[int, ...]
    rejected: tuple[Mapping[str, Any], ...]
    counted: tuple[tuple[int, int], ...]
    skipped: bool
    train_loss: float
    loss: float | None
    accuracy: float | None
    samples: int
    seconds: float


class History(tuple[RoundReport, ...]):
    """Reports of rounds, in order."""

    def to_frame(self) -> pd.DataFrame:
        """One row a round. Needs pandas."""
        keys = ("round", "train_loss", "loss", "accuracy", "samples", "seconds", "skipped")
        return frame({key: [getattr(report, key) for report in self] for key in keys})


class Federation:
    """Clients with images, a model that they train, and a server.

    Args:
        model: ``mlp``, ``simple-cnn``, ``fedavg-cnn`` or ``resnet8-gn``.
        dataset: training images: a :class:`Dataset`, ``(images, labels)``, or a name or path (whose test images are then taken).
        test: test images, as ``dataset``.
        partition: who holds what: a scheme as ``dirichlet:0.5+quantity:2``, or the indices of each client's samples.
        clients: number of clients of a scheme.
        weights: how much each client's update counts, ``[clients]``; 0 stays out; by samples if absent.
        seed: keys all random numbers.
        settings: a run's settings of training by short name or dotted key: ``rate``, ``batch``, ``local_epochs``, ``cohort``,
            ``aggregation``, ``algorithm``, ``server``, ``attack``... (:func:`imfl.settings`), and ``workers``, ``chunk``, ``device``.
            Those of whole runs, as ``network``, are refused.

    Raises:
        DataError, ConfigError, DeviceError: with the command line's messages.
    """

    def __init__(
        self,
        model: str = "simple-cnn",
        dataset: Dataset | tuple[npt.ArrayLike, npt.ArrayLike] | Path = "mnist",
        *,
        test: Dataset | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        partition: str | Sequence[npt.ArrayLike] = "iid",
        clients: int = 10,
        weights: npt.ArrayLike | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        if isinstance(dataset, str | os.PathLike):
            train, own = open_dataset(dataset, seed=seed)
            test = own if test is None else test
        else:
            train = _dataset(dataset)
        shares = None
        if isinstance(partition, str):
            settings["partition"], settings["clients"] = partition, clients
        elif not isinstance(partition, Iterable):
            kind = type(partition).__name__
            raise UsageError(f"`partition` is a {kind}; expected a scheme, or the indices of each client's samples")
        else:
            shares = [_indices(share, client) for client, share in enumerate(partition)]
        counts = None if weights is None else floats(weights, "weights")
        settings |= {"model": model, "seed": seed}
        #: The training images.
        self.dataset = train
        #: The test images.
        self.test = None if test is None else _dataset(test)
        tested = None if self.test is None else self.test._dataset
        self._federation = _imfl.Federation(train._dataset, tested, shares, counts, settings)

    def round(self) -> RoundReport:
        """One round. If it fails, or is interrupted, the model is what it was before, or what the round makes of it.

        Raises:
            DivergedError: no update could be used.
        """
        found = self._federation.round()
        return RoundReport(
            round=found["round"],
            cohort=tuple(found["cohort"]),
            dropped=tuple(found["dropped"]),
            late=tuple(found["late"]),
            rejected=tuple(found["rejected"]),
            counted=tuple(found["counted"]),
            skipped=found["skipped"],
            train_loss=found["train_loss"],
            loss=found["loss"],
            accuracy=found["accuracy"],
            samples=found["samples"],
            seconds=found["seconds"],
        )

    def run(self, rounds: int, *, on_round: Callable[[RoundReport], object] | None = None) -> History:
        """Some more rounds; ``on_round`` hears of each and ends them early by returning ``False``."""
        if rounds < 0:
            raise UsageError(f"`rounds` is {rounds}; expected at least 0")
        reports = []
        for _ in range(rounds):
            reports.append(self.round())
            if on_round is not None and on_round(reports[-1]) is False:
                break
        return History(reports)

    @property
    def rounds(self) -> int:
        """Rounds that are done."""
        return self._federation.rounds

    @property
    def shares(self) -> tuple[npt.NDArray[np.uint32], ...]:
        """Indices of each client's samples."""
        return tuple(column(share, np.uint32) for share in self._federation.shares())

    def evaluate(self, dataset: Dataset | tuple[npt.ArrayLike, npt.ArrayLike] | None = None) -> Evaluation:
        """The global model on the test images, or on those given, on the scale of the training images."""
        return Evaluation(*self._federation.evaluate(None if dataset is None else _dataset(dataset)._dataset))

    def logits(self, dataset: Dataset | tuple[npt.ArrayLike, npt.ArrayLike] | None = None) -> npt.NDArray[np.float32]:
        """``[samples, classes]`` of the test images, or of those given."""
        data = None if dataset is None else _dataset(dataset)
        found = column(self._federation.logits(None if data is None else data._dataset), np.float32)
        return found.reshape(-1, len(self.dataset.classes))

    @property
    def weights(self) -> Weights:
        """The global model by parameter, in the engine's layout; arrays are the caller's own."""
        return _weights(self._federation.weights(False))

    @weights.setter
    def weights(self, given: Mapping[str, npt.ArrayLike]) -> None:
        self._federation.set_weights(_named(given), False)

    def state_dict(self) -> Weights:
        """The same with PyTorch's names and layouts: ``{k: torch.from_numpy(v) for k, v in ....items()}`` is what
        ``load_state_dict`` takes for :func:`imfl.torch.module`."""
        return _weights(self._federation.weights(True))

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Takes a model in PyTorch's names and layouts, as arrays or tensors."""
        self._federation.set_weights(_named({name: _numpy(value) for name, value in given.items()}), True)

    def save(self, path: Path, *, layout: str = "imfl") -> None:
        """Writes the global model as safetensors, in the layout of ``imfl`` or of ``torch``."""
        if layout not in ("imfl", "torch"):
            raise UsageError(f"`layout` is `{layout}`; expected imfl or torch")
        FilePath(path).write_bytes(self._federation.safetensors(layout == "torch"))


def _dataset(given: object) -> Dataset:
    if isinstance(given, Dataset):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        return Dataset(*given)
    raise UsageError(f"a {type(given).__name__} is no dataset; expected an imfl.Dataset or (images, labels)")


def _indices(given: npt.ArrayLike, client: int) -> list[int]:
    indices = contiguous(given, np.int64, f"partition: client {client}")
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < 2**32:
        raise DataError(f"partition: client {client} has an index outside [0, 4294967295]")
    found: list[int] = indices.reshape(-1).tolist()
    return found


def _numpy(value: Any) -> npt.ArrayLike:
    """A tensor's values; anything else as it is."""
    if hasattr(value, "detach"):
        found: npt.ArrayLike = value.detach().cpu().numpy()
        return found
    return value  # type: ignore[no-any-return]


def _weights(found: Iterable[tuple[str, list[int], bytearray]]) -> Weights:
    return {name: column(values, np.float32).reshape(shape) for name, shape, values in found}


def _named(given: Mapping[str, npt.ArrayLike]) -> list[tuple[str, list[int], npt.NDArray[np.float32]]]:
    if not isinstance(given, Mapping):
        raise UsageError(f"weights are a {type(given).__name__}; expected a mapping of names to arrays")
    named = []
    for name, values in given.items():
        array = np.asarray(values)
        if array.dtype != np.float32:
            raise DataError(f"weights: `{name}` has values of type {array.dtype}, expected float32")
        # A scalar is a vector to numpy's `ascontiguousarray`, so the shape is taken before.
        named.append((str(name), list(array.shape), np.ascontiguousarray(array).reshape(-1)))
    return named


@dataclass(frozen=True, slots=True)
class Combined:
    """The next global model, and who was left out and why."""

    weights: Weights
    rejected: tuple[tuple[int, str], ...]


def combine(
    base: Mapping[str, npt.ArrayLike],
    models: Sequence[Mapping[str, npt.ArrayLike]],
    *,
    weights: npt.ArrayLike | None = None,
    ids: Sequence[int] | None = None,
    aggregation: str = "mean",
    workers: int | None = None,
) -> Combined:
    """Makes one model of what clients outside the engine made of ``base``: screened and combined as the engine does it.

    Args:
        base: the global model of the round, arrays of float32 by name, of any architecture.
        models: the clients' models, of the same names and shapes.
        weights: how much each counts, above 0; all alike if absent.
        ids: of the clients, distinct; 0, 1, ... if absent. The result does not depend on the order of ``models``.
        aggregation: ``mean``, ``median``, ``trimmed-mean:N``, ``krum:N``, ...
        workers: threads; one for each core if absent.

    Raises:
        ConfigError: no such rule, or too few updates for it. DataError: a model of other names or shapes.
    """
    named = _named(base)
    names = [(name, shape) for name, shape, _ in named]

    def flat(which: str, parts: list[tuple[str, list[int], npt.NDArray[np.float32]]]) -> npt.NDArray[np.float32]:
        by_name = {name: (shape, values) for name, shape, values in parts}
        if set(by_name) != {name for name, _ in names}:
            raise DataError(f"{which} has the parameters {', '.join(by_name)}; the base has {', '.join(n for n, _ in names)}")
        for name, shape in names:
            if by_name[name][0] != shape:
                raise DataError(f"{which}: `{name}` has shape {by_name[name][0]}, the base has {shape}")
        return np.concatenate([by_name[name][1] for name, _ in names]) if names else np.zeros(0, np.float32)

    counts = [1.0] * len(models) if weights is None else floats(weights, "weights")
    numbers = range(len(models)) if ids is None else ids
    if len(counts) != len(models) or len(numbers) != len(models):
        raise DataError(f"{len(models)} models, {len(counts)} weights and {len(numbers)} ids; each model has one of each")
    given = [
        (int(number), count, flat(f"the model of client {number}", _named(model)))
        for number, count, model in zip(numbers, counts, models, strict=True)
    ]
    values, rejected = _imfl.combine(flat("base", named), given, aggregation, workers)
    whole = column(values, np.float32)
    made: Weights = {}
    for name, shape in names:
        size = int(np.prod(shape, dtype=np.int64))
        made[name], whole = whole[:size].reshape(shape), whole[size:]
    return Combined(made, tuple((client, reason) for client, reason in rejected))
