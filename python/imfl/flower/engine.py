"""A participant that trains with imfl's engine: to the bit what ``imfl run`` would have made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _imfl
from ..data import Dataset
from . import wire
from .client import Order, Participant
from .wire import Model

__all__ = ["EngineClient", "shares"]


def shares(clients: int, **settings: Any) -> tuple[Dataset, tuple[npt.NDArray[np.uint32], ...]]:
    """What each of ``clients`` holds in a run with these settings (``imfl.run(clients=clients, **settings)``): the training
    images, and the indices of each client's own."""
    data, found = _imfl.shares({**settings, "clients": clients})
    return Dataset._of(data), tuple(np.asarray(indices, np.uint32) for indices in found)


class EngineClient(Participant):
    """Trains with imfl's engine on images of its own.

    Args:
        dataset: its images, or images among which it holds some.
        indices: which of them; all if absent.
        device: where it computes. workers: threads.
    """

    def __init__(
        self,
        terms: Mapping[str, Any],
        settings: Mapping[str, Any],
        folder: Path,
        dataset: Dataset,
        indices: Sequence[int] | npt.NDArray[np.uint32] | None = None,
        *,
        device: str = "cpu",
        workers: int = 1,
    ) -> None:
        super().__init__(terms, settings, folder)
        chosen = None if indices is None else [int(index) for index in indices]
        self._trainer = _imfl.Trainer(
            terms["config"],
            terms["seed"],
            tuple(terms["shape"]),
            len(terms["classes"]),
            list(terms["mean"]),
            list(terms["deviation"]),
            dataset._dataset,
            chosen,
            device,
            workers,
        )

    def counts(self) -> list[int]:
        return self._trainer.histogram()

    def gradient(self, model: Model) -> Model:
        return wire.from_rust(self._trainer.gradient(wire.named(model)))

    def train(self, model: Model, order: Order) -> tuple[Model, float]:
        target = list(order.target) if order.mode == "augmented" else None
        self._trainer.assign(order.client, order.batch, target, list(order.first_images), order.generator)
        made, loss, _ = self._trainer.train(order.round, wire.named(model))
        return wire.from_rust(made), loss

    def evaluate(self, model: Model) -> tuple[float, int, int]:
        return self._trainer.evaluate(wire.named(model))
