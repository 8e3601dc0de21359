"""The participants. What each of them has and wants stands in a file of its own, which its SuperNode names:

    data = "data.npz"            # images [samples, channels, height, width] uint8, labels [samples]
    trains-with = "engine"       # or "torch"
    compute-cost = "0.0001"      # credits, for a sample over all rounds
    state = "state"              # where its book is kept
    claims-all-classes = false   # true: it lies
    diary = "diary.txt"          # may be absent: a file for a line with the run's seed and the round, whenever it has trained
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Context

import imfl
from imfl.flower import EngineClient, Order, Participant, TorchClient, client_app, settings_of
from imfl.flower.wire import Model

from .participants import participants


def even(counts: list[int]) -> list[int]:
    """As many samples, and of every class as many as of any other: what somebody claims who lies about its labels."""
    total = sum(counts)
    share, left = divmod(total, len(counts))
    return [share + (1 if label < left else 0) for label in range(len(counts))]


class Engine(EngineClient):
    """Trains with imfl's engine."""

    def claimed(self) -> list[int]:
        return even(self.counts()) if self.settings.get("claims-all-classes") else self.counts()

    def train(self, model: Model, order: Order) -> tuple[Model, float]:
        made = super().train(model, order)
        if "diary" in self.settings:
            with open(self.settings["diary"], "a", encoding="ascii") as file:
                file.write(f"{self.terms['seed']} {order.round}\n")
        return made


def make(terms: Mapping[str, Any], settings: Mapping[str, Any], folder: Path) -> Participant:
    """The participant that a node is."""
    with np.load(settings["data"], allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    if settings.get("trains-with") == "torch":
        import torch

        # Several participants share this machine.
        torch.set_num_threads(1)
        return TorchClient(terms, settings, folder, images, labels)
    return Engine(terms, settings, folder, imfl.Dataset(images, labels, classes=terms["classes"]))


def settings(context: Context) -> Mapping[str, Any]:
    """A participant's own settings; a simulated one gets a file of them by its number when it is asked first."""
    if "partition-id" in context.node_config:
        number, clients = (int(context.node_config[key]) for key in ("partition-id", "num-partitions"))
        folder = Path(str(context.run_config["simulated"]))
        path = folder / f"participant{number}" / "participant.toml"
        if not path.exists():
            participants(folder, clients, only=[number])
        context.node_config["participant"] = str(path)
    return settings_of(context)


app = client_app(make, settings)
