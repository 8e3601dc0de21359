"""How fast participants are: measured when they are profiled, kept beside the run, used for deadlines."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LEAST", "Measured", "read", "write"]

_log = logging.getLogger("flwr.imfl")
#: The file of how fast clients were.
_NAME = "measured.json"
#: No round is waited for shorter, in seconds: Flower's nodes look for messages every three, and start a process for each.
LEAST = 15.0


@dataclass(frozen=True, slots=True)
class Measured:
    """How fast a client was when it was profiled: for deadlines, and for nothing that is paid by.

    Attributes:
        seconds_per_sample: what it says that a sample took in a forward and a backward pass, at most what the server has seen.
        exchange: seconds beside that until its reply was there: transport, and Flower's own waiting.
        bits_per_second: of the model and the gradient in that time, so at least what its link carries.
    """

    seconds_per_sample: float
    exchange: float
    bits_per_second: float

    @staticmethod
    def of(said: float, seen: float, samples: int, size: int) -> Measured:
        """From seconds that a client says it computed on its samples, seconds that the server has waited, and bytes both ways."""
        seconds = min(max(said, 0.0), seen)
        exchange = max(seen - seconds, 1e-3)
        return Measured(seconds / samples, exchange, 8 * size / exchange)

    def expected(self, samples: int) -> float:
        """Seconds until a round's reply is there, with so many samples, every epoch counted."""
        return self.seconds_per_sample * samples + self.exchange


def write(folder: Path, found: Mapping[str, Measured]) -> None:
    """Keeps what was measured in a run's folder."""
    values = {account: dataclasses.asdict(measured) for account, measured in found.items()}
    (folder / _NAME).write_text(json.dumps(values, indent=1) + "\n", encoding="ascii")


def read(folder: Path) -> dict[str, Measured]:
    """What was measured when a run began; nothing, with a warning, if that is lost: every round is then waited for to the limit."""
    try:
        values = json.loads((folder / _NAME).read_text(encoding="ascii"))
        return {account: Measured(**measured) for account, measured in values.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _log.warning("how fast clients are is not known any more (%s)", error)
        return {}
