"""The strategy that selects and pays, and a ``ServerApp`` that is ready to run."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import Result, Strategy

from .. import _imfl
from ..errors import ConfigError, UsageError
from ..events import OnEvent, relay
from ..runs import Run
from .campaign import Campaign, Limits
from .joining import Joining
from .receipts import ServerKey

__all__ = ["IncentiveStrategy", "server_app"]

_log = logging.getLogger("flwr.imfl")
#: The last file that a run leaves: what was paid, and what participants say that they hold receipts for.
_SETTLED = "receipts.json"


class IncentiveStrategy(Strategy):
    """Profiles nodes, makes them offers, verifies their labels, trains with those who accept and pays for what counted.

    Everything that decides or counts is imfl's run: aggregation is its exact mean or one of its robust rules
    (``aggregation``), the server's step one of its own (``server``: ``fedavg``, ``fedadam``, ``fedyogi``...).

    Args:
        folder: an absolute path of the server's own, where runs and the server's key are kept. A run that was cut off there is
            gone on with.
        limits: seconds and sizes.
        poll: seconds between two looks at what has come.
        on_event: is told what happens.
        wraps: a strategy of Flower's that joins updates, in the place of the settings ``aggregation`` and ``server``. Its memory
            (the moments of ``FedAdam``) is the ServerApp's and begins anew with it.
        settings: a run's settings by short names or dotted keys (:func:`imfl.settings`): ``dataset`` names images of the
            server's own, on which it measures, checks labels and tests; ``rounds``, ``model``, ``rule``, ``worth``...
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        limits: Limits | None = None,
        poll: float = 0.2,
        on_event: OnEvent | None = None,
        wraps: Strategy | None = None,
        **settings: Any,
    ) -> None:
        self.folder = Path(folder)
        if not self.folder.is_absolute():
            raise ConfigError(f"`folder` is {folder}; give an absolute path: a ServerApp runs in a folder of Flower's")
        taken = [key for key in settings if key.removeprefix("training.").split(".")[0] in ("aggregation", "server")]
        if wraps is not None and taken:
            raise ConfigError(f"`{taken[0]}` was given, and a strategy that joins updates (`wraps`); give one of them")
        self.limits = limits or Limits()
        self.poll = poll
        self.wraps = wraps
        self.settings = settings
        #: The run's folder, once it has ended.
        self.run: Run | None = None
        #: The way to the nodes, while it runs and afterwards.
        self.campaign: Campaign | None = None
        self._on_event = on_event
        self._rounds: list[dict[str, Any]] = []

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return self.folder / "runs"

    def unfinished(self) -> Path | None:
        """The newest run that was cut off after its contract was made and that can be gone on with."""
        found = sorted(self.runs.glob("*-*")) if self.runs.is_dir() else []
        for path in reversed(found):
            if (path / _SETTLED).exists():
                return None
            checkpoints = path / "checkpoints"
            if checkpoints.is_dir() and any(checkpoints.glob("round-*")):
                return path
        return None

    def start(
        self,
        grid: Grid,
        initial_arrays: ArrayRecord | None = None,
        num_rounds: int | None = None,
        timeout: float | None = None,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> Result:
        """Runs everything, or goes on with what was cut off.

        Args:
            grid: Flower's way to the nodes.
            num_rounds: rounds, in the place of the setting. timeout: seconds of a round, in the place of ``limits.round``.
            initial_arrays, train_config, evaluate_config, evaluate_fn: the run has its own; given, they are refused.

        Raises:
            UsageError: an argument that has no meaning here. ImflError: with the command line's message.
        """
        for name, given in (
            ("initial_arrays", initial_arrays),
            ("train_config", train_config),
            ("evaluate_config", evaluate_config),
            ("evaluate_fn", evaluate_fn),
        ):
            if given is not None:
                raise UsageError(f"`{name}` was given; the model, what is trained and what is tested are settings of the run")
        settings: dict[str, Any] = {**self.settings, "runs": str(self.runs)}
        if num_rounds is not None:
            settings["rounds"] = num_rounds
        settings.setdefault("name", "flower")
        limits = self.limits
        if timeout is not None:
            limits = Limits(**{**{name: getattr(limits, name) for name in Limits.__slots__}, "round": timeout})
        key = ServerKey.load(self.folder / "server-key.pem")
        _log.info("signing by the key %s", key.public.hex())
        joining = None if self.wraps is None else Joining(self.wraps)
        self.campaign = Campaign(grid, key, limits=limits, poll=self.poll, joining=joining)
        before = self.unfinished()
        if before is not None:
            _log.info("going on with %s", before)
        began = time.monotonic()
        path, _ = _imfl.run_remote(
            settings, None if before is None else str(before), self.campaign, relay(self._heard, None)
        )
        self.run = Run(path)
        self._settle(path)
        self.summary()
        _log.info("run %s in %.1f s: accuracy %.4f", path, time.monotonic() - began, self.run.accuracy)
        return self._result()

    def _heard(self, event: Any) -> None:
        name = type(event).__name__
        if name in ("Note", "Warning"):
            (_log.info if name == "Note" else _log.warning)("%s", event.text)
        elif name == "StageBegan":
            _log.info("stage %s", event.stage)
        elif name == "Round":
            metrics = event.metrics
            _log.info("round %s: accuracy %.4f, loss %.4f", metrics["round"], metrics["accuracy"], metrics["loss"])
        if self._on_event is not None:
            self._on_event(event)

    def _settle(self, path: Path) -> None:
        """Writes down what each account was paid, and what it says that it holds receipts for."""
        campaign = self.campaign
        if campaign is None:
            return
        accounts = {
            account: {
                "label": label,
                "paid_micros": campaign.paid_micros.get(account, 0),
                "held_micros": campaign.held_micros.get(account),
            }
            for account, label in campaign.clients
        }
        content = {
            "campaign": campaign.name,
            "server_key": campaign.key.public.hex(),
            "accounts": accounts,
            "withheld": self._withheld(path, campaign),
            "refused": [{"account": account, "reason": reason} for account, reason in campaign.refusals],
        }
        temporary = path / ".receipts.json"
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path / _SETTLED)

    @staticmethod
    def _withheld(path: Path, campaign: Campaign) -> list[dict[str, Any]]:
        """Rounds that somebody was asked in and not paid for, and why; ``micros`` is what it would have earned, where that is known."""
        found = []
        every = bool(campaign.terms.get("every_round"))
        for metrics in _lines(path / "metrics.jsonl"):
            number = int(metrics["round"])
            reasons = {entry["client"]: f"its update was refused: {entry['reason']}" for entry in metrics["rejected"]}
            reasons |= {entry["client"]: f"no update came ({entry['when']})" for entry in metrics["dropped"]}
            if metrics["skipped"]:
                quorum = "too few updates came: the round was skipped"
                reasons = {client: reasons.get(client, quorum) for client in metrics["cohort"]}
            for client, reason in sorted(reasons.items()):
                account, contract = campaign.clients[client][0], campaign.contract(client)
                micros = None
                if every and contract is not None:
                    micros = _imfl.instalment(contract["award"], contract["rounds"], number)
                found.append({"round": number, "account": account, "micros": micros, "reason": reason})
        return found

    def _result(self) -> Result:
        """What Flower's users expect: the model, and metrics by round."""
        result = Result()
        assert self.run is not None  # `start` has set it
        result.arrays = ArrayRecord(
            {name: Array(np.array(value)) for name, value in (self.campaign.last_model if self.campaign else {}).items()}
        )
        for metrics in _lines(self.run.folder / "metrics.jsonl"):
            number = int(metrics["round"])
            asked, missing = len(metrics["cohort"]), len(metrics["dropped"]) + len(metrics["rejected"])
            result.train_metrics_clientapp[number] = MetricRecord(
                {"train_loss": float(metrics["train_loss"]), "counted": 0 if metrics["skipped"] else asked - missing}
            )
            result.evaluate_metrics_serverapp[number] = MetricRecord(
                {"loss": float(metrics["loss"]), "accuracy": float(metrics["accuracy"])}
            )
        return result

    def summary(self) -> None:
        """Logs what the run is, and what came of it."""
        _log.info("imfl: runs in %s, settings %s", self.runs, self.settings)
        if self.run is None or self.campaign is None:
            return
        for account, label in self.campaign.clients:
            paid, held = self.campaign.paid_micros.get(account, 0), self.campaign.held_micros.get(account)
            said = "did not say" if held is None else f"holds receipts for {held}"
            _log.info("%s (%s): paid %d micro-credits, %s", label or "node", account[:8], paid, said)

    def configure_train(self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid) -> Iterable[Message]:
        """Not called: :meth:`start` asks by contracts, of which this would know nothing."""
        raise UsageError("IncentiveStrategy runs its rounds itself: call start")

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Not called: :meth:`start` screens and joins updates in imfl's engine."""
        raise UsageError("IncentiveStrategy runs its rounds itself: call start")

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Not called: the server tests on its own images, and clients once, in the end."""
        raise UsageError("IncentiveStrategy runs its rounds itself: call start")

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Not called: see :meth:`configure_evaluate`."""
        raise UsageError("IncentiveStrategy runs its rounds itself: call start")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def server_app(make: Callable[[Context], IncentiveStrategy] | None = None) -> ServerApp:
    """A Flower app that runs an :class:`IncentiveStrategy`.

    Without ``make`` the strategy comes from the run's configuration (``flwr run -c``, ``[tool.flwr.app.config]``): ``folder``
    and, with the prefix ``limit-``, :class:`Limits`; with the prefix ``imfl-``, settings of the run.
    """
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        (make or _configured)(context).start(grid)

    return app


def _configured(context: Context) -> IncentiveStrategy:
    config = dict(context.run_config)
    if not config.get("folder"):
        raise ConfigError("the run's configuration has no `folder`: give an absolute path of the server's own")
    limits: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for key, value in config.items():
        if key.startswith("limit-"):
            limits[key.removeprefix("limit-").replace("-", "_")] = value
        elif key.startswith("imfl-"):
            settings[key.removeprefix("imfl-").replace("-", "_")] = value
    try:
        chosen = Limits(**limits)
    except TypeError as error:
        known = ", ".join(f"limit-{name}" for name in Limits.__slots__)
        raise ConfigError(f"a limit that there is not ({error}); there are: {known}") from error
    return IncentiveStrategy(str(config["folder"]), limits=chosen, **settings)
