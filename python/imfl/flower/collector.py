"""Messages out, replies in, until a deadline: everybody who was asked gets exactly one verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

__all__ = ["Collector", "Silence"]

T = TypeVar("T")
#: Replies that are looked for at once: as many are in memory before they are read.
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Silence:
    """No usable reply, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A message for a node."""

    node: int
    kind: str
    content: RecordDict


class Collector:
    """Sends messages by a grid and collects replies itself.

    Flower's ``send_and_receive`` looks every three seconds, never names who stayed silent, and hands over all replies at
    once; here each is read when it comes and can be forgotten, so that memory holds one reply and what was made of them.

    Args:
        grid: Flower's way to the nodes.
        poll: seconds between two looks.
    """

    def __init__(self, grid: Grid, *, poll: float = 0.2) -> None:
        self.grid = grid
        self.poll = poll
        #: Replies to messages that nobody sent, or to which there was a reply already; they change nothing.
        self.unasked = 0

    def ask(
        self, messages: Iterable[Asked], deadline: float, read: Callable[[int, Message], T]
    ) -> dict[int, T | Silence]:
        """Asks nodes and reads what each replies.

        Args:
            messages: one for each node.
            deadline: seconds that a reply may take; messages live no longer than that.
            read: makes something of a node's reply. What it makes is the node's verdict; it must not raise.
        """
        asked = list(messages)
        verdicts: dict[int, T | Silence] = {}
        waiting: dict[str, int] = {}
        pushed = [Message(one.content, one.node, one.kind, ttl=max(deadline, 1.0)) for one in asked]
        ids = list(self.grid.push_messages(pushed)) if pushed else []
        for place, one in enumerate(asked):
            name = ids[place] if place < len(ids) else ""
            if name:
                waiting[name] = one.node
            else:
                verdicts[one.node] = Silence("it could not be asked")
        ends = time.monotonic() + deadline
        while waiting:
            names = list(waiting)
            for first in range(0, len(names), _AT_ONCE):
                for reply in self.grid.pull_messages(names[first : first + _AT_ONCE]):
                    node = waiting.pop(reply.metadata.reply_to_message_id, None)
                    if node is None:
                        self.unasked += 1
                    elif reply.has_error():
                        verdicts[node] = Silence(f"error {reply.error.code}: {reply.error.reason}")
                    else:
                        verdicts[node] = read(node, reply)
            if not waiting:
                break
            left = ends - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(self.poll, left))
        for node in waiting.values():
            verdicts[node] = Silence(f"no reply within {deadline:g} s")
        return verdicts
