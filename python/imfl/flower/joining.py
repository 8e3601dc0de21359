"""Flower's own strategies as the rule by which updates become one: ``FedAvg``, ``FedAdam``, ``FedMedian``, ``Krum``..."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from ..errors import DataError
from .wire import ARRAYS, Model

__all__ = ["Joining"]


class _Listed(Grid):
    """As many nodes as a strategy may want to draw from; nothing is sent to them."""

    def __init__(self, count: int) -> None:
        self.ids = list(range(1, count + 1))

    def set_run(self, run: Any) -> None:
        """There is none."""

    @property
    def run(self) -> Any:
        raise NotImplementedError

    def create_message(self, *_: Any, **__: Any) -> Message:
        raise NotImplementedError

    def get_node_ids(self) -> list[int]:
        return self.ids

    def get_nodes(self) -> Any:
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        raise NotImplementedError

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        raise NotImplementedError


class Joining:
    """Joins updates by a strategy of Flower's. Whom to ask, what counts and who is paid stay with imfl.

    Args:
        strategy: its ``configure_train`` is shown the round's model, its ``aggregate_train`` the replies that count; both are
            called once in a round, and nothing else of it is.
    """

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        least = max(int(getattr(strategy, name, 0)) for name in ("min_train_nodes", "min_available_nodes"))
        self._grid = _Listed(max(least, 2))

    def join(self, number: int, base: Model, models: Sequence[Model], weights: Sequence[float]) -> Model:
        """The next model.

        Raises:
            DataError: the strategy makes no model, or another one.
        """
        self._grid.ids = list(range(1, max(len(models), len(self._grid.ids)) + 1))
        # It remembers the model and draws whom to ask; who was asked is known already.
        list(self.strategy.configure_train(number, _record(base), ConfigRecord({"server-round": number}), self._grid))
        replies = []
        for node, (model, weight) in enumerate(zip(models, weights, strict=True), 1):
            asked = Message(RecordDict(), node, "train")
            content = RecordDict({ARRAYS: _record(model), "metrics": MetricRecord({"num-examples": float(weight)})})
            replies.append(Message(content, reply_to=asked))
        made, _ = self.strategy.aggregate_train(number, replies)
        name = type(self.strategy).__name__
        if made is None:
            raise DataError(f"{name} made no model of {len(models)} updates")
        if set(made) != set(base):
            raise DataError(f"{name} made a model of the parameters {', '.join(made)}; expected {', '.join(base)}")
        return {key: np.ascontiguousarray(made[key].numpy(), np.float32).reshape(base[key].shape) for key in base}


def _record(model: Model) -> ArrayRecord:
    return ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in model.items()})
