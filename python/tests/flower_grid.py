"""A grid without a network: messages are objects, and nodes are apps that are called on threads."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

import imfl
from imfl.flower import EngineClient, Participant, client_app, shares

#: What a node makes of a message.
Handler = Callable[[Message, Context], Message | None]

# What a process of Flower's is told by whoever starts it.
TaskIdentity._run_id, TaskIdentity._node_id, TaskIdentity._task_id = 1, 1, 1


class Node:
    """A node: its number, a public key, its app and its settings."""

    def __init__(self, number: int, app: ClientApp | Handler, settings: Mapping[str, Any], label: str = "") -> None:
        self.number = 100 + number
        self.key = hashlib.sha256(f"key {number}".encode()).digest()
        self.app = app
        self.settings = dict(settings)
        self.label = label or f"node{number:03}"
        self.online = True

    def answer(self, message: Message) -> Message | None:
        context = Context(1, self.number, self.settings, RecordDict(), {})
        return self.app(message, context)


class Threads(Grid):
    """Calls nodes on threads. ``seen`` hears of every message, and may raise to end the server."""

    def __init__(
        self, nodes: Iterable[Node], *, workers: int = 4, seen: Callable[[Message], object] | None = None
    ) -> None:
        self.nodes = {node.number: node for node in nodes}
        self.seen = seen
        self.pushed = 0
        self._pool = ThreadPoolExecutor(workers)
        self._replies: dict[str, Message] = {}
        self._lock = threading.Lock()
        self._names = itertools.count(1)

    def set_run(self, run: Any) -> None:
        """There is one run."""

    @property
    def run(self) -> Any:
        return None

    def create_message(self, *_: Any, **__: Any) -> Message:
        raise NotImplementedError

    def get_node_ids(self) -> list[int]:
        return [node.number for node in self.nodes.values() if node.online]

    def get_nodes(self) -> list[Any]:
        return [
            SimpleNamespace(node_id=node.number, public_key=node.key, name=node.label)
            for node in self.nodes.values()
            if node.online
        ]

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        names = []
        for message in messages:
            name = f"message-{next(self._names)}"
            message.metadata.__dict__["_message_id"] = name
            self.pushed += 1
            if self.seen is not None:
                self.seen(message)
            self._pool.submit(self._call, self.nodes[message.metadata.dst_node_id], message, name)
            names.append(name)
        return names

    def _call(self, node: Node, message: Message, name: str) -> None:
        try:
            reply = node.answer(message)
        except Exception as error:  # noqa: BLE001  (as Flower: an app that raises is an error reply)
            reply = Message(Error(2, f"{type(error).__name__}: {error}"), reply_to=message)
        if reply is not None:
            with self._lock:
                self._replies[name] = reply

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        with self._lock:
            return [self._replies.pop(name) for name in list(message_ids) if name in self._replies]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        raise NotImplementedError

    def close(self) -> None:
        self._pool.shutdown(wait=True)


def own_images(settings: Mapping[str, Any], clients: int) -> list[tuple[Any, Any]]:
    """What each client of ``imfl.run(**settings)`` holds, as images and labels of its own."""
    dataset, held = shares(clients, **settings)
    return [(dataset.images[indices], dataset.labels[indices]) for indices in held]


def engine_nodes(
    held: list[tuple[Any, Any]],
    folder: Path,
    costs: list[Mapping[str, Any]],
    claimed: Callable[[int, list[int]], list[int]] = lambda _, counts: counts,
) -> list[Node]:
    """A node of imfl's engine for each client."""

    def node(client: int) -> Node:
        images, labels = held[client]

        class Claims(EngineClient):
            def claimed(self) -> list[int]:
                return claimed(client, self.counts())

        def make(terms: Mapping[str, Any], settings: Mapping[str, Any], own: Path) -> Participant:
            return Claims(terms, settings, own, imfl.Dataset(images, labels, classes=terms["classes"]))

        settings = {"state": str(folder / f"state{client}"), "position": client, **costs[client]}
        return Node(client, client_app(make), settings)

    return [node(client) for client in range(len(held))]


class Still(Participant):
    """Trains nothing: sends the model back, moved by a thousandth, as fast as it can."""

    def counts(self) -> list[int]:
        return [10] * len(self.terms["classes"])

    def gradient(self, model: Any) -> Any:
        return {name: np.zeros_like(value) for name, value in model.items()}

    def train(self, model: Any, order: Any) -> Any:
        return {name: value + np.float32(0.001) for name, value in model.items()}, 1.0

    def evaluate(self, model: Any) -> tuple[float, int, int]:
        return 1.0, 5, 10
