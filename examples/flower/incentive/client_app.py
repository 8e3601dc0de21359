"""The participants. What each of them has and wants stands in a file of its own, which its SuperNode names:

    data = "data.npz"            # images [samples, channels, height, width] uint8, labels [samples]
    trains-with = "engine"       # or "torch"
    compute-cost = "0.0001"      # credits, for a sample over all rounds
    state = "state"              # where its book is kept
    claims-all-classes = false   # true: it lies
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import imfl
from imfl.flower import EngineClient, Participant, TorchClient, client_app


def even(counts: list[int]) -> list[int]:
    """As many samples, and of every class as many as of any other: what somebody claims who lies about its labels."""
    total = sum(counts)
    share, left = divmod(total, len(counts))
    return [share + (1 if label < left else 0) for label in range(len(counts))]


class Engine(EngineClient):
    """Trains with imfl's engine."""

    def claimed(self) -> list[int]:
        return even(self.counts()) if self.settings.get("claims-all-classes") else self.counts()


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


app = client_app(make)
