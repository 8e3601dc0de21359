"""The paper's results, and what goes beyond them, made again (``imfl reproduce``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _imfl
from ._values import Path
from .events import relay
from .progress import chosen

if TYPE_CHECKING:
    from .events import OnEvent

__all__ = ["names", "run"]


def names() -> dict[str, str]:
    """Every experiment, and what it asks."""
    return dict(_imfl.experiments())


def run(
    name: str,
    *,
    quick: bool = False,
    settings: Path | None = None,
    folder: Path = "experiments",
    folder_name: str | None = None,
    fresh: bool = False,
    dataset: str | None = None,
    generator: str | None = None,
    device: str | None = None,
    workers: int | None = None,
    on_event: OnEvent | None = None,
    progress: bool | None = None,
) -> dict[str, Any]:
    """Computes what is missing of an experiment; everything that it found, with the path of its ``page``.

    Args:
        quick: settings for a first look.
        settings: another TOML file of settings.
        folder, folder_name: where finished cells are kept.
        fresh: forget what was computed before.
    """
    path = None if settings is None else os.fspath(settings)
    found, page = _imfl.experiment(
        name, quick, path, os.fspath(folder), folder_name, fresh, dataset, generator, device, workers,
        relay(on_event, chosen(progress)),
    )  # fmt: skip
    return {**found, "page": str(page)}
