"""Whole runs, from images to payments, and the folders that they leave."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from . import _imfl
from ._values import Path, pandas
from .errors import DataError, ImflError, UsageError
from .events import relay
from .generator import OwnGenerator
from .ledger import Books, replay
from .progress import chosen

if TYPE_CHECKING:
    import pandas as pd

    from .events import OnEvent

__all__ = ["Run", "report", "run", "settings", "template"]


class Svg(str):
    """A drawing that a notebook shows."""

    def _repr_svg_(self) -> str:
        return str(self)


class Run:
    """The folder of a run: configuration, metrics, ledger, plots and page.

    Args:
        folder: ``runs/NNNN-name``.

    Raises:
        DataError: there is no such folder, or it is no run's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = FilePath(folder)
        if not (self.folder / "config.toml").is_file():
            raise DataError(f"{self.folder} is no folder of a run: it has no config.toml")

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise DataError(f"cannot read {self.folder / name}: {error.strerror}; has the run come to its end?") from error

    @cached_property
    def summary(self) -> dict[str, Any]:
        """``summary.json``: everything in numbers; money in credits."""
        found: dict[str, Any] = json.loads(self._read("summary.json"))
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        """``config.toml``: running it again repeats the run."""
        return tomllib.loads(self._read("config.toml"))

    @property
    def accuracy(self) -> float:
        """Of the final model on the test images, in [0, 1]."""
        return float(self.summary["accuracy"])

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """Every line of ``metrics.jsonl``."""
        return [json.loads(line) for line in self._read("metrics.jsonl").splitlines() if line]

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a round. Needs pandas."""
        found: pd.DataFrame = pandas().DataFrame(self.rounds)
        return found

    @property
    def ledger(self) -> Books:
        """Who was paid what: ``ledger.jsonl``, replayed."""
        return replay(self.folder / "ledger.jsonl")

    @property
    def plots(self) -> dict[str, Svg]:
        """The drawings by name; a notebook shows one that a cell ends with."""
        return {path.stem: Svg(path.read_text(encoding="utf-8")) for path in sorted((self.folder / "plots").glob("*.svg"))}

    def report(self) -> FilePath:
        """The page, ``report.html``."""
        return self.folder / "report.html"

    def _repr_html_(self) -> str:
        return "".join(self.plots.values())

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"


def run(
    config: Path | Mapping[str, Any] | None = None,
    *,
    on_event: OnEvent | None = None,
    progress: bool | None = None,
    resume: Path | None = None,
    resume_changed: bool = False,
    recorded_costs: Path | None = None,
    **settings: Any,
) -> Run:
    """Shares data out, measures it, prices it, trains on it, pays for it (``imfl run``).

    Args:
        config: a TOML file, TOML text, or a mapping of settings; the defaults if absent.
        on_event: called with every event, on this thread; what it raises stops the run, which saves itself.
        progress: whether to show progress on standard error; by default in terminals and notebooks.
        resume: go on with a run: ``latest``, a run's folder, or a checkpoint's; for longer with more ``rounds``.
        resume_changed: go on although other settings changed.
        recorded_costs: ``summary.json`` of an earlier run, whose costs are taken and not measured.
        settings: settings by their short names (:func:`settings`) or dotted keys, over those of ``config``.
            ``generator`` may also be an :class:`imfl.OwnGenerator`.

    Returns:
        The run's folder, opened.

    Raises:
        KeyboardInterrupt: within a second of Ctrl-C; the run saves itself after the round that it is in, and its last
            checkpoint is there in any case.
        ImflError: with the command line's message.
    """
    if on_event is not None and not callable(on_event):
        raise UsageError(f"`on_event` is a {type(on_event).__name__}; expected something to call with an event")
    before = None if resume is None else os.fspath(resume)
    source = None
    if isinstance(settings.get("generator"), OwnGenerator):
        source = settings.pop("generator")
    own = None if source is None else source._own
    try:
        folder, _ = _imfl.run(config, settings, before, resume_changed, recorded_costs, own, relay(on_event, chosen(progress)))
    except ImflError as error:
        raised = None if source is None else source._raised
        if raised is None:
            raise
        raise error from raised
    return Run(folder)


def settings() -> dict[str, str]:
    """Short names of settings, and the dotted keys of a configuration file that they stand for."""
    return dict(_imfl.settings())


def template(config: Path | Mapping[str, Any] | None = None, **settings: Any) -> str:
    """A configuration file with every setting, its meaning and its default (``imfl run --init``); arguments as those of :func:`run`."""
    return _imfl.template(config, settings)


def report(*folders: Run | Path, out: Path = "comparison.html") -> list[dict[str, Any]]:
    """Joins runs and experiments into one page that compares them (``imfl report``); what each of them found."""
    paths = [os.fspath(folder.folder if isinstance(folder, Run) else folder) for folder in folders]
    if not paths:
        raise UsageError("nothing to report: give folders of runs or experiments")
    return _imfl.report(paths, os.fspath(out))
