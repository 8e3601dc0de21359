"""Federated learning with generated data and fair pay: a fast engine, a small diffusion model, an exact incentive mechanism.

    >>> import imfl
    >>> imfl.run(rounds=3).accuracy  # doctest: +SKIP

:func:`run` is a whole run; :class:`Market` prices and auctions; :class:`Federation` trains round by round; :class:`Generator`
draws. Work runs in Rust without the interpreter's lock; errors are :class:`ImflError` with the command line's messages.
"""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any

from . import _imfl, experiments
from .data import Dataset, open_dataset
from .errors import (
    BudgetError,
    CheckpointError,
    ConfigError,
    DataError,
    DeviceError,
    DivergedError,
    ImflError,
    InterruptedError,
    UnexpectedError,
    UsageError,
)
from .federation import Combined, Evaluation, Federation, History, RoundReport, combine
from .forecast import Forecast, Prediction
from .generator import Generator, OwnGenerator
from .ledger import Books, Ledger, Posting, Transaction, replay
from .mechanism import Auction, Award, Comparison, Constants, Expectation, Market, Outcome, Verification, verify
from .runs import Run, report, run, settings, template

__all__ = [
    "Auction",
    "Award",
    "Books",
    "BudgetError",
    "CheckpointError",
    "Combined",
    "Comparison",
    "ConfigError",
    "Constants",
    "DataError",
    "Dataset",
    "DeviceError",
    "DivergedError",
    "Evaluation",
    "Expectation",
    "Federation",
    "Forecast",
    "Generator",
    "History",
    "ImflError",
    "InterruptedError",
    "Ledger",
    "Market",
    "Outcome",
    "OwnGenerator",
    "Posting",
    "Prediction",
    "RoundReport",
    "Run",
    "Transaction",
    "UnexpectedError",
    "UsageError",
    "Verification",
    "bench",
    "combine",
    "devices",
    "experiments",
    "finish",
    "open_dataset",
    "replay",
    "report",
    "run",
    "settings",
    "template",
    "verify",
]

__version__: str = _imfl.__version__

_assets = Path(__file__).parent / "assets"
if _assets.is_dir():
    _imfl.bring_assets(_assets)


def bench(
    model: str = "simple-cnn",
    *,
    shape: tuple[int, int, int] = (3, 32, 32),
    clients: int = 1000,
    cohort: int = 50,
    samples: int = 50,
    batch: int = 10,
    local_epochs: int = 1,
    rate: float = 0.1,
    momentum: float = 0.0,
    algorithm: str = "sgd",
    rounds: int = 8,
    chunk: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """Whole rounds of federated training on random data, timed (``imfl bench train --format json``)."""
    return _imfl.bench(
        model, shape, clients, cohort, samples, batch, local_epochs, rate, momentum, algorithm, rounds, chunk, workers,
        device, seed,
    )  # fmt: skip


def devices() -> list[str]:
    """What this build can compute on, on this machine."""
    return _imfl.devices()


def finish() -> None:
    """Waits for runs that were interrupted in a long round to have saved themselves; at exit this happens by itself."""
    _imfl.finish()


atexit.register(_imfl.leave)
