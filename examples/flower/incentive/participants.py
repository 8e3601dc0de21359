"""What the participants of the example have and want: images, settings and costs of their own, one of which lies about its labels."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from imfl.flower import shares

#: The one that claims as many images of each class as of any other.
LIAR = 5
#: How many train with PyTorch, where it is installed.
TORCH = 2
#: The run's settings that decide who holds what.
SETTINGS: dict[str, Any] = {
    "dataset": "mnist", "seed": 7, "generator": "none", "objective": "bound", "partition": "dirichlet:0.6",
}  # fmt: skip


def participants(
    folder: Path,
    clients: int,
    *,
    only: Iterable[int] | None = None,
    torch: bool | None = None,
    cost: str = "0.000001",
    images: int | None = None,
    diary: bool = False,
) -> list[Path]:
    """Gives participants folders of their own with images, settings and, later, a book; the files of their settings.

    Args:
        only: which of them; all if absent.
        torch: whether some train with PyTorch; if absent, they do where it is installed.
        cost: credits; a sample costs the n-th ``n * cost``.
        images: the most that one gets.
        diary: whether each writes down when it trained.
    """
    if torch is None:
        torch = importlib.util.find_spec("torch") is not None
    dataset, held = shares(clients, **SETTINGS)
    made = []
    for number in range(clients) if only is None else only:
        own = folder / f"participant{number}"
        own.mkdir(parents=True, exist_ok=True)
        chosen = held[number][:images]
        np.savez(own / "data.npz", images=dataset.images[chosen], labels=dataset.labels[chosen])
        settings = {
            "data": str(own / "data.npz"),
            "state": str(own / "state"),
            "position": number,
            "trains-with": "torch" if torch and number < TORCH else "engine",
            "compute-cost": str(Decimal(cost) * (number + 1)),
            "claims-all-classes": number == LIAR,
            **({"diary": str(own / "diary.txt")} if diary else {}),
        }
        path, temporary = own / "participant.toml", own / ".participant.toml"
        temporary.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()), encoding="utf-8")
        os.replace(temporary, path)
        made.append(path)
    return made
