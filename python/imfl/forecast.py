"""Forecasts: what accuracy and loss to expect of whom, by laws that were fitted on pilots (``imfl mechanism forecast``)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _imfl
from ._values import Path, contiguous, table
from .errors import DataError
from .events import relay
from .progress import chosen

if TYPE_CHECKING:
    from .events import OnEvent

__all__ = ["Forecast", "Prediction"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What to expect of the trained model on test data: accuracy as a share, loss in nats."""

    accuracy: float
    loss: float


def _counts(given: object, what: str) -> list[int]:
    """Samples of each class."""
    counts = contiguous(given, np.int64, what)
    if counts.ndim != 1 or (counts < 0).any():
        raise DataError(f"{what}: expected samples of each class, [classes], each at least 0")
    found: list[int] = counts.tolist()
    return found


class Forecast:
    """The laws of a learning problem at one rate and number of rounds. Make one by :meth:`load`, :meth:`parse`, :meth:`fit` or
    :meth:`calibrate`."""

    def __init__(
        self, forecast: _imfl.Forecast, candidates: Sequence[Mapping[str, Any]] = (), pilots: str | None = None
    ) -> None:
        self._forecast = forecast
        #: How each family of laws did on held-out pilots, after :meth:`fit` and :meth:`calibrate`.
        self.candidates = tuple(candidates)
        #: After :meth:`calibrate`: the pilots as a CSV file that :meth:`fit` reads.
        self.pilots = pilots

    @classmethod
    def load(cls, path: Path) -> Forecast:
        """Reads a forecast file.

        Raises:
            ConfigError: the file, the line or key, and what is wrong.
        """
        return cls(_imfl.Forecast.load(os.fspath(path)))

    @classmethod
    def parse(cls, text: str) -> Forecast:
        """Reads the text of a forecast file."""
        return cls(_imfl.Forecast.parse(text))

    @classmethod
    def fit(
        cls, pilots: object, *, initial_loss: float | None = None, initial_error: float | None = None, about: str = ""
    ) -> Forecast:
        """Fits the laws to trainings whose samples and results are known (``imfl mechanism forecast fit``).

        Args:
            pilots: a path of a CSV file, a DataFrame, columns or a list of mappings, with ``loss`` (nats), ``error`` (a share),
                authentic samples of each class ``a0, a1, ...`` and, if any, generated samples ``g0, g1, ...``, ``mix``,
                ``skew``, ``steps`` and ``group``.
            initial_loss, initial_error: of the untrained model; those of a guess, ln C and 1 - 1/C, if absent.
            about: what the pilots were, to be kept in the file.

        Raises:
            DataError: a cell, by line and column. ConfigError: too few pilots for a fit.
        """
        return cls(*_imfl.Forecast.fit(table(pilots, "pilots"), initial_loss, initial_error, about))

    @classmethod
    def calibrate(
        cls,
        config: Path | Mapping[str, Any] | None = None,
        *,
        recorded_costs: Path | None = None,
        on_event: OnEvent | None = None,
        progress: bool | None = None,
        **settings: Any,
    ) -> Forecast:
        """Trains the pilots of a run with these settings, on images that the server holds, and fits the laws to what came of them
        (``imfl forecast fit``).

        Args:
            config, recorded_costs, settings: of the run, as those of :func:`imfl.run`; ``pilots`` are the seconds that it may take.

        Raises:
            ImflError: with the command line's message, as where too few images can be held.
        """
        return cls(*_imfl.Forecast.calibrate(config, settings, recorded_costs, relay(on_event, chosen(progress))))

    def predict(
        self,
        authentic: Sequence[int],
        generated: Sequence[int] | None = None,
        *,
        mix: float | None = None,
        skew: float | None = None,
        steps: float | None = None,
    ) -> Prediction:
        """What to expect after training on so many authentic and generated samples, ``[classes]`` each.

        Args:
            mix: distance in [0, 2] of the updates' labels from the target's; that of the samples' own labels if absent.
            skew: the mean of those of single clients, each by its weight times its batches; the mix if absent.
            steps: batches that a participant has, by weight; without limit if absent.

        Raises:
            DataError: counts that are no integers of at least 0, or of other classes than the forecast's.
        """
        own = _counts(authentic, "authentic")
        made = [0] * len(own) if generated is None else _counts(generated, "generated")
        return Prediction(*self._forecast.predict(own, made, mix, skew, steps))

    @property
    def content(self) -> dict[str, Any]:
        """The laws by name, and how well they did on pilots that they had not seen (``fitted``)."""
        return self._forecast.content()

    def save(self, path: Path) -> None:
        """Writes the forecast file."""
        FilePath(path).write_text(self._forecast.text(), encoding="utf-8")

    def __repr__(self) -> str:
        return f"Forecast({self.content['classes']} classes)"
