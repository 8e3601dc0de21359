"""The paper's results, and what goes beyond them, made again (``imfl reproduce``), and sweeps of one's own (``imfl sweep``)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _imfl
from ._values import Path
from .errors import UsageError
from .events import relay
from .progress import chosen

if TYPE_CHECKING:
    from .events import OnEvent

__all__ = ["names", "run", "sweep"]


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


def sweep(
    grid: Mapping[str, Iterable[Any]],
    *,
    seeds: Iterable[int] = (1, 2, 3),
    config: Path | Mapping[str, Any] | None = None,
    recorded_costs: Path | None = None,
    folder: Path = "experiments",
    name: str = "sweep",
    fresh: bool = False,
    on_event: OnEvent | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Runs every combination of some settings' values with every seed and compares them; what all came to, with the path of its
    ``page``. Finished runs are kept in ``folder/name``: the same call goes on where it stopped, and one with more values runs those
    alone.

    Args:
        grid: values by settings, as ``{"rate": [0.1, 0.2], "model": ["mlp", "simple-cnn"]}``.
        seeds: of every combination.
        config, recorded_costs, settings: the run that is varied, as those of :func:`imfl.run`.
        fresh: forget what was computed before.

    Raises:
        UsageError, ConfigError: a setting that makes no sense, before anything is run.
    """
    if "seed" in settings:
        raise UsageError("seeds of a sweep are given by `seeds`")
    said = ",".join(str(seed) for seed in seeds)
    found, page = _imfl.sweep(
        {key: list(values) for key, values in grid.items()}, said, config, settings, recorded_costs, os.fspath(folder), name,
        fresh, relay(on_event, chosen(progress)),
    )  # fmt: skip
    return {**found, "page": str(page)}
