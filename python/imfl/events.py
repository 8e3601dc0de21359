"""What a run tells while it works: a class for each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UsageError

__all__ = [
    "Event",
    "Note",
    "OnEvent",
    "Round",
    "RoundsBegan",
    "StageBegan",
    "StageEnded",
    "StepsBegan",
    "TaskBegan",
    "TaskEnded",
    "TaskMoved",
    "TaskSaid",
    "Warning",
]


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all of them."""


@dataclass(frozen=True, slots=True)
class Note(Event):
    """A line for a person."""

    text: str


@dataclass(frozen=True, slots=True)
class Warning(Event):
    """A line that a person should not miss."""

    text: str


@dataclass(frozen=True, slots=True)
class StageBegan(Event):
    """A stage of a run began."""

    stage: str


@dataclass(frozen=True, slots=True)
class StageEnded(Event):
    """It ended after so many seconds."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TaskBegan(Event):
    """Work of ``total`` steps began, of which ``done`` were taken before; several tasks may go on at once."""

    task: int
    label: str
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class TaskMoved(Event):
    """``position`` of its steps are done."""

    task: int
    position: int


@dataclass(frozen=True, slots=True)
class TaskSaid(Event):
    """What it has come to, in a few words."""

    task: int
    words: str


@dataclass(frozen=True, slots=True)
class TaskEnded(Event):
    """It ended, finished or not."""

    task: int


@dataclass(frozen=True, slots=True)
class RoundsBegan(Event):
    """Rounds of training begin: from here on a run that is stopped saves itself."""

    done: int
    planned: int


@dataclass(frozen=True, slots=True)
class StepsBegan(Event):
    """Steps of a generator's training begin: from here on one that is stopped saves itself."""


@dataclass(frozen=True, slots=True)
class Round(Event):
    """A round is done and written down; ``metrics`` is its line of ``metrics.jsonl``."""

    metrics: Mapping[str, Any]
    planned: int
    saved: bool


OnEvent = Callable[[Event], object]

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Note,
        Warning,
        StageBegan,
        StageEnded,
        TaskBegan,
        TaskMoved,
        TaskSaid,
        TaskEnded,
        RoundsBegan,
        StepsBegan,
        Round,
    )  # fmt: skip
}


def relay(on_event: OnEvent | None, progress: OnEvent | None) -> Callable[[str, dict[str, Any]], None] | None:
    """What Rust calls: makes events of names and values, for whoever listens."""
    listeners = [listener for listener in (progress, on_event) if listener is not None]
    for listener in listeners:
        if not callable(listener):
            raise UsageError(f"`on_event` is a {type(listener).__name__}; expected something to call with an event")
    if not listeners:
        return None

    def tell(name: str, values: dict[str, Any]) -> None:
        event = _KINDS[name](**values)
        for listener in listeners:
            listener(event)

    return tell
