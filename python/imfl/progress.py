"""A line on standard error that shows what goes on, in terminals and notebooks alike."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from .events import Event, Note, OnEvent, Round, TaskBegan, TaskEnded, TaskMoved, TaskSaid, Warning

__all__ = ["Bar", "chosen"]

_WIDTH = 30


@dataclass
class _Task:
    label: str
    total: int
    done: int
    words: str = ""

    def __str__(self) -> str:
        filled = min(_WIDTH, _WIDTH * self.done // max(self.total, 1))
        return f"{self.label} {'#' * filled}{'.' * (_WIDTH - filled)} {self.done}/{self.total} {self.words}".rstrip()


class Bar:
    """Shows the newest task as a bar, and notes above it."""

    def __init__(self) -> None:
        self._tasks: dict[int, _Task] = {}
        self._drawn = 0.0
        self._length = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Note(text):
                self._line(text)
            case Warning(text):
                self._line(f"warning: {text}")
            case Round(metrics=metrics, planned=planned):
                found = f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f}"
                self._line(f"round {metrics['round']} of {planned}: {found}")
            case TaskBegan(task, label, total, done):
                self._tasks[task] = _Task(label, total, done)
                self._draw(always=True)
            case TaskMoved(task, position) if task in self._tasks:
                self._tasks[task].done = position
                self._draw(always=False)
            case TaskSaid(task, words) if task in self._tasks:
                self._tasks[task].words = words
                self._draw(always=False)
            case TaskEnded(task):
                self._tasks.pop(task, None)
                self._draw(always=True)

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._length))
        sys.stderr.flush()
        self._length = len(text)

    def _line(self, text: str) -> None:
        self._write(text)
        sys.stderr.write("\n")
        self._length = 0
        self._draw(always=True)

    def _draw(self, *, always: bool) -> None:
        now = time.monotonic()
        if not always and now - self._drawn < 0.1:
            return
        self._drawn = now
        if not self._tasks:
            self._write("")
            sys.stderr.write("\r")
            return
        self._write(str(list(self._tasks.values())[-1]))


def chosen(progress: bool | None) -> OnEvent | None:
    """A bar if asked for; by default where a person looks on: a terminal or a notebook."""
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    return Bar() if progress else None
