"""A Flower federation that selects and pays: offers go to machines, answers come back, updates are checked, money moves.

The server is :func:`server_app`, or :class:`IncentiveStrategy` in a ``ServerApp`` of one's own; a participant is
:func:`client_app` around a :class:`Participant`: :class:`EngineClient` trains with imfl's engine, :class:`TorchClient` with
PyTorch. Needs ``pip install 'imfl[flower]'``.
"""

from __future__ import annotations

from ..errors import ImflError

try:
    import flwr  # noqa: F401
except ImportError as error:
    raise ImflError("this needs Flower: pip install 'imfl[flower]'") from error

from .campaign import Campaign, Limits
from .client import Decision, Order, Participant, PrivateCosts, client_app, settings_of
from .collector import Collector, Silence
from .engine import EngineClient, shares
from .measured import Measured
from .receipts import Book, BookError, ServerKey
from .strategy import IncentiveStrategy, server_app
from .torch import TorchClient
from .wire import Refused

__all__ = [
    "Book",
    "BookError",
    "Campaign",
    "Collector",
    "Decision",
    "EngineClient",
    "IncentiveStrategy",
    "Limits",
    "Measured",
    "Order",
    "Participant",
    "PrivateCosts",
    "Refused",
    "ServerKey",
    "Silence",
    "TorchClient",
    "client_app",
    "server_app",
    "settings_of",
    "shares",
]
