"""A participant that trains with PyTorch: a module of one's own code whose state has the names and shapes of the run's model."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ImflError
from ..torch import module
from .client import Order, Participant
from .wire import Model

__all__ = ["TorchClient"]


class TorchClient(Participant):
    """Trains with PyTorch on images of its own.

    Overwrite :meth:`network` for a module of one's own, and :meth:`optimiser` for an optimiser of one's own.

    Args:
        images: ``[samples, channels, height, width]`` uint8.
        labels: ``[samples]`` integers.
    """

    def __init__(
        self,
        terms: Mapping[str, Any],
        settings: Mapping[str, Any],
        folder: Path,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.integer[Any]],
    ) -> None:
        super().__init__(terms, settings, folder)
        try:
            import torch
        except ImportError as error:
            raise ImflError("this needs PyTorch: pip install torch") from error
        self.torch = torch
        shape = tuple(terms["shape"])
        if images.shape[1:] != shape or len(images) != len(labels) or not len(labels):
            raise DataError(f"images of shape {images.shape} with {len(labels)} labels; the run has images of {shape}")
        mean, deviation = (np.asarray(terms[key], np.float32).reshape(1, -1, 1, 1) for key in ("mean", "deviation"))
        #: Images on the scale of the run.
        self.images = torch.from_numpy(((images.astype(np.float32) / 255) - mean) / deviation)
        self.labels = torch.from_numpy(np.asarray(labels, np.int64))
        #: Settings of training that the server has fixed: ``rate``, ``local_epochs``, ``momentum``, ``weight_decay``...
        self.training: dict[str, Any] = tomllib.loads(terms["config"])["training"]

    def network(self) -> Any:
        """An untrained ``torch.nn.Module`` of the run's architecture."""
        return module(str(self.training["model"]), tuple(self.terms["shape"]), len(self.terms["classes"]))

    def optimiser(self, network: Any, order: Order) -> Any:
        """What takes the steps of a round."""
        rate, decay = float(self.training["rate"]), float(self.training["weight_decay"])
        momentum = float(self.training["momentum"])
        return self.torch.optim.SGD(network.parameters(), lr=rate, momentum=momentum, weight_decay=decay)

    def counts(self) -> list[int]:
        found = np.bincount(self.labels.numpy(), minlength=len(self.terms["classes"]))
        return [int(count) for count in found]

    def _loaded(self, model: Model) -> Any:
        network = self.network()
        network.load_state_dict({name: self.torch.from_numpy(value.copy()) for name, value in model.items()})
        return network

    def gradient(self, model: Model) -> Model:
        network = self._loaded(model).eval()
        total = len(self.labels)
        for part in self.torch.arange(total).split(256):
            loss = self.torch.nn.functional.cross_entropy(network(self.images[part]), self.labels[part], reduction="sum")
            (loss / total).backward()
        return {name: parameter.grad.numpy().astype(np.float32) for name, parameter in network.named_parameters()}

    def train(self, model: Model, order: Order) -> tuple[Model, float]:
        if order.mode != "local":
            raise DataError(f"this participant trains on what it has; it was asked for {order.mode} mode")
        torch = self.torch
        network = self._loaded(model).train()
        optimiser = self.optimiser(network, order)
        seed = torch.Generator().manual_seed((self.terms["seed"] + 1_000_003 * order.round + order.client) % 2**63)
        total = 0.0
        epochs = int(self.training["local_epochs"])
        for _ in range(epochs):
            for part in torch.randperm(len(self.labels), generator=seed).split(order.batch):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(network(self.images[part]), self.labels[part])
                loss.backward()
                optimiser.step()
                total += float(loss.detach()) * len(part)
        made = {name: value.detach().numpy().astype(np.float32) for name, value in network.state_dict().items()}
        return made, total / max(epochs * len(self.labels), 1)

    def decide(self, decision: Any) -> str:
        # It has no way to generate, and answers with the better of what it can do.
        if decision.mode == "augmented":
            gain = decision.pay["local"] - decision.costs["local"]
            decision = type(decision)("local" if gain >= 0 else "out", decision.costs, decision.pay)
        return super().decide(decision)

    def evaluate(self, model: Model) -> tuple[float, int, int]:
        network = self._loaded(model).eval()
        loss, correct = 0.0, 0
        with self.torch.no_grad():
            for part in self.torch.arange(len(self.labels)).split(256):
                logits = network(self.images[part])
                loss += float(self.torch.nn.functional.cross_entropy(logits, self.labels[part], reduction="sum"))
                correct += int((logits.argmax(1) == self.labels[part]).sum())
        return loss / len(self.labels), correct, len(self.labels)
