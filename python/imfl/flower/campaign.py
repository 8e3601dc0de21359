"""The server's side of a run whose clients are elsewhere: it asks, reads and signs, and decides nothing.

The run in Rust calls :meth:`Campaign.meet`, :meth:`~Campaign.offer`, :meth:`~Campaign.train` and so on, and is told what was
said. A client is meant by its place among those that were met.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import time
import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flwr.app import ConfigRecord, Message
from flwr.serverapp import Grid

from ..errors import DataError
from . import measured, wire
from .collector import Asked, Collector, Silence
from .joining import Joining
from .measured import Measured
from .receipts import ServerKey, Signed
from .wire import Model, Named, Refused

__all__ = ["Campaign", "Limits", "account_of"]

_log = logging.getLogger("flwr.imfl")
T = TypeVar("T")
#: The file with a run's own name, which every message carries.
_NAME = "campaign"
#: What is known of a parameter that comes from Rust.
_Handed = list[tuple[str, list[int], bytearray]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server waits for, in seconds, and takes at most.

    Attributes:
        nodes: the fewest nodes to begin with. online: seconds to wait for them.
        profile, answer, round, settle: seconds to reply to a message of that kind.
        patience: a round is waited for so many times as long as its slowest client should take by its profile, but never longer than
            ``round``; 0 waits ``round`` seconds.
        samples: the most samples that a client may claim.
        refusals: the most refusals that are kept; all are logged.
    """

    nodes: int = 1
    online: float = 120.0
    profile: float = 120.0
    answer: float = 60.0
    round: float = 300.0
    settle: float = 60.0
    patience: float = 0.0
    samples: int = 100_000_000
    refusals: int = 10_000


@dataclass(slots=True)
class _Known:
    """A client: its account, its name, how many receipts it says that it holds, and whether it has the generator."""

    account: str
    label: str
    held: int = 0
    generator: bool = False


def account_of(node_id: int, public_key: bytes | None) -> str:
    """The account of a node: a digest of the key that Flower has authenticated; without one, of its number."""
    said = bytes(public_key) if public_key else b"node " + str(node_id).encode()
    return hashlib.sha256(said).hexdigest()[:32]


class Campaign:
    """Asks the nodes of a grid for a run.

    Args:
        grid: Flower's way to the nodes.
        key: what the server signs by.
        limits: seconds and sizes.
        poll: seconds between two looks at what has come.
        joining: joins updates, in the place of the engine's rule.
    """

    def __init__(
        self,
        grid: Grid,
        key: ServerKey,
        *,
        limits: Limits | None = None,
        poll: float = 0.2,
        joining: Joining | None = None,
    ) -> None:
        self._joining = joining
        self._round: tuple[int, Model] = (0, {})
        self.collector = Collector(grid, poll=poll)
        self.key = key
        self.limits = limits or Limits()
        #: Account and reason of what was refused, newest last.
        self.refusals: deque[tuple[str, str]] = deque(maxlen=self.limits.refusals)
        #: What each account was paid, in micro-credits, by the books.
        self.paid_micros: dict[str, int] = {}
        #: What each account said at the end that it holds receipts for.
        self.held_micros: dict[str, int] = {}
        #: How fast each account was when it was profiled.
        self.measured: dict[str, Measured] = {}
        #: The final model, once there is one.
        self.last_model: Model = {}
        #: The run's own name.
        self.name = ""
        self._clients: list[_Known] = []
        self._terms: dict[str, Any] = {}
        self._like: dict[str, tuple[int, ...]] = {}
        self._contracts: list[Signed | None] = []
        self._receipts: dict[str, list[Signed]] = {}
        self._booked: set[str] = set()

    @property
    def clients(self) -> list[tuple[str, str]]:
        """Account and name of everybody who was met."""
        return [(client.account, client.label) for client in self._clients]

    @property
    def joins(self) -> bool:
        """Whether :meth:`join` is to be called."""
        return self._joining is not None

    @property
    def terms(self) -> dict[str, Any]:
        """What the run says of itself."""
        return self._terms

    def contract(self, client: int) -> dict[str, Any] | None:
        """What a client was hired for."""
        signed = self._contracts[client] if client < len(self._contracts) else None
        return None if signed is None else wire.parse(signed.body, "a contract")

    # What the run in Rust calls.

    def meet(self, terms: dict[str, Any], weights: _Handed) -> list[tuple[str, str, list[int], Named | None]]:
        """Asks everybody who is there what it holds, and for its gradient at the initial model."""
        self._begin(terms, secrets.token_hex(16))
        model = wire.from_rust(weights)
        self._like = {name: array.shape for name, array in model.items()}
        online = self._wait_online()
        classes = len(terms["classes"])

        began = time.monotonic()
        size = 2 * sum(array.nbytes for array in model.values())

        def read(record: ConfigRecord, message: Message) -> tuple[int, list[int], Named | None, Measured | None]:
            seen = time.monotonic() - began
            histogram = wire.counts(record, "counts", classes, self.limits.samples)
            position = record.get("position", 0)
            if type(position) is not int:
                raise Refused("`position` is no integer")
            gradient = wire.model(message.content, self._like, "gradient")
            seconds = record.get("seconds")
            if seconds is not None and (type(seconds) is not float or not math.isfinite(seconds)):
                raise Refused("`seconds` is no finite number")
            speed = None if seconds is None else Measured.of(seconds, seen, sum(histogram), size)
            return position, histogram, wire.named(gradient), speed

        labels = {account: label for account, (_, label) in online.items()}
        nodes = {account: node for account, (node, _) in online.items()}
        said = self._ask(nodes, "query.profile", self.limits.profile, read, lambda _: (self._stated(), model))
        found = sorted((position, labels[account], account) for account, (position, _, _, _) in said.items())
        self.measured = {account: speed for account, (_, _, _, speed) in said.items() if speed is not None}
        measured.write(Path(terms["folder"]), self.measured)
        self._clients = [_Known(account, label) for _, label, account in found]
        return [(account, label, said[account][1], said[account][2]) for _, label, account in found]

    def recall(self, terms: dict[str, Any], accounts: Sequence[tuple[str, str]]) -> None:
        """Goes on with a run whose clients were met before."""
        self._begin(terms, None)
        self.measured = measured.read(Path(terms["folder"]))
        self._clients = [_Known(account, label) for account, label in accounts]
        self._wait_online()

    def offer(self, offers: Sequence[dict[str, Any] | None]) -> list[str]:
        """Offers work at a posted price; silence and nonsense are a refusal."""

        def read(record: ConfigRecord, _: Message) -> str:
            mode: str = wire.value(record, "mode", str, most=16)
            if mode not in ("out", "local", "augmented"):
                raise Refused(f"`mode` is {mode!r}, expected out, local or augmented")
            return mode

        said = self._propose(offers, "price", read)
        return [said.get(client.account, "out") for client in self._clients]

    def bids(self, offers: Sequence[dict[str, Any] | None]) -> list[tuple[int, int] | None]:
        """Asks for sealed bids, in micro-credits."""

        def read(record: ConfigRecord, _: Message) -> tuple[int, int]:
            local, augmented = (wire.value(record, mode, int) for mode in ("local", "augmented"))
            if not (0 <= local < 2**62 and 0 <= augmented < 2**62):
                raise Refused("a bid is below 0 or beyond what the books hold")
            return local, augmented

        said = self._propose(offers, "bid", read)
        return [said.get(client.account) for client in self._clients]

    def hire(self, orders: Sequence[dict[str, Any] | None]) -> None:
        """Signs the contracts of those who are hired, and sees that whoever generates has the generator."""
        common = {"campaign": self.name, "rounds": self._terms["rounds"], "generator": self._terms["generator"]}
        self._contracts = [
            None if order is None else self.key.sign({**common, **order, "id": client.account, "account": client.account})
            for client, order in zip(self._clients, orders, strict=True)
        ]
        generate = [
            client
            for client, order in zip(self._clients, orders, strict=True)
            if order is not None and order["mode"] == "augmented"
        ]
        path = self._terms["generator_path"]
        if generate and path is not None:
            self._hand_out(Path(path), generate)

    def train(self, number: int, weights: _Handed, clients: Sequence[int]) -> dict[int, tuple[str, Named | None, float]]:
        """Asks clients to train the model for a round."""
        model = wire.from_rust(weights)
        self._round = (number, model)
        self._like = {name: array.shape for name, array in model.items()}

        def read(record: ConfigRecord, message: Message) -> tuple[Named, float, int]:
            if wire.value(record, "round", int) != number:
                raise Refused(f"an update of another round than {number}")
            loss = record.get("loss")
            if type(loss) is not float:
                raise Refused(f"`loss` is a {type(loss).__name__}, expected float")
            held: int = wire.value(record, "receipts", int)
            if not 0 <= held <= number:
                raise Refused(f"{held} receipts in round {number}")
            return wire.named(wire.model(message.content, self._like)), loss, held

        by_account = {self._clients[client].account: client for client in clients}
        began = time.monotonic()
        online = self._online()
        nodes = {account: online[account][0] for account in by_account if account in online}
        for account in by_account.keys() - nodes.keys():
            _log.warning("round %d: %s is not there", number, self._label(account))

        def order(account: str) -> tuple[dict[str, Any], Model]:
            contract = self._contracts[by_account[account]]
            # The run asks nobody whom it has not hired.
            assert contract is not None
            values = {**self._stated(), **self._signed(account), "round": number}
            return {**values, "contract": contract.body, "contract-signature": contract.signature}, model

        refused: set[str] = set()
        said = self._ask(nodes, "train", self._deadline(by_account), read, order, refused)
        replies: dict[int, tuple[str, Named | None, float]] = {}
        for account, client in by_account.items():
            if account in said:
                values, loss, held = said[account]
                self._clients[client].held = held
                replies[client] = ("model", values, loss)
            else:
                replies[client] = ("refused" if account in refused else "silent", None, 0.0)
        _log.info("round %d: %d of %d replied in %.1f s", number, len(said), len(clients), time.monotonic() - began)
        return replies

    def join(self, models: Sequence[_Handed], weights: Sequence[float]) -> Named:
        """What becomes of the updates of a round, where not the engine joins them."""
        assert self._joining is not None  # `joins` says so
        number, base = self._round
        return wire.named(self._joining.join(number, base, [wire.from_rust(model) for model in models], weights))

    def paid(self, transactions: Sequence[tuple[str, str, Sequence[tuple[str, int]]]]) -> None:
        """Signs a receipt for every transfer that the books hold; the same one again is no other."""
        for id, memo, postings in transactions:
            for name, micros in postings:
                kind, _, account = name.partition(":")
                if kind != "client" or id in self._booked:
                    continue
                self._booked.add(id)
                receipts = self._receipts.setdefault(account, [])
                values = {"campaign": self.name, "id": id, "memo": memo, "account": account, "micros": micros}
                receipts.append(self.key.sign(values))
                self.paid_micros[account] = self.paid_micros.get(account, 0) + micros

    def evaluate(self, weights: _Handed) -> dict[int, tuple[float, int, int]]:
        """Asks everybody how the model does on what it holds, and settles: hands out the last receipts and hears what each has."""
        model = self.last_model = wire.from_rust(weights)

        def read(record: ConfigRecord, _: Message) -> tuple[float, int, int, int]:
            loss = record.get("loss")
            if type(loss) is not float or not math.isfinite(loss):
                raise Refused("`loss` is no finite number")
            correct, samples = (wire.value(record, key, int) for key in ("correct", "samples"))
            if not 0 <= correct <= samples <= self.limits.samples:
                raise Refused(f"{correct} of {samples} samples are right")
            return loss, correct, samples, wire.value(record, "held", int)

        online = self._online()
        by_account = {client.account: place for place, client in enumerate(self._clients)}
        nodes = {account: online[account][0] for account in by_account if account in online}
        said = self._ask(
            nodes,
            "evaluate",
            self.limits.settle,
            read,
            lambda account: ({**self._stated(), **self._signed(account)}, model),
        )
        self.held_micros = {account: held for account, (_, _, _, held) in said.items()}
        for account, held in self.held_micros.items():
            if held != self.paid_micros.get(account, 0):
                _log.warning("%s holds receipts for %d micro-credits, the books say %d", self._label(account), held,
                             self.paid_micros.get(account, 0))  # fmt: skip
        return {by_account[account]: (loss, correct, samples) for account, (loss, correct, samples, _) in said.items()}

    # How it does so.

    def _begin(self, terms: dict[str, Any], fresh: str | None) -> None:
        path = Path(terms["folder"]) / _NAME
        if fresh is not None:
            path.write_text(fresh + "\n", encoding="ascii")
        try:
            self.name = path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise DataError(f"{path}: the name of this run cannot be read ({error})") from error
        self._terms = terms

    def _stated(self) -> dict[str, Any]:
        """What every message says of the run, since a node that was restarted remembers nothing."""
        open_terms = {key: value for key, value in self._terms.items() if key not in ("folder", "generator_path")}
        return {"terms": wire.canonical(open_terms)}

    def _deadline(self, asked: Mapping[str, int]) -> float:
        """Seconds to wait for a round of these accounts."""
        if self.limits.patience <= 0 or not all(account in self.measured for account in asked):
            return self.limits.round
        epochs = int(tomllib.loads(self._terms["config"])["training"]["local_epochs"])
        contracts = {account: self.contract(client) for account, client in asked.items()}
        works = [(self.measured[account], contract) for account, contract in contracts.items() if contract is not None]
        if any(contract["mode"] != "local" for _, contract in works):
            # How long a client generates was not measured.
            return self.limits.round
        slowest = max((speed.expected(int(contract["samples"]) * epochs) for speed, contract in works), default=0.0)
        return min(self.limits.round, max(measured.LEAST, self.limits.patience * slowest))

    def _signed(self, account: str) -> dict[str, Any]:
        """The receipts that a client does not hold yet."""
        held = next(client.held for client in self._clients if client.account == account)
        receipts = self._receipts.get(account, [])[held:]
        return {
            "receipts": [receipt.body for receipt in receipts],
            "receipt-signatures": [receipt.signature for receipt in receipts],
        }

    def _label(self, account: str) -> str:
        label = next((client.label for client in self._clients if client.account == account), "")
        return f"{label or 'a node'} ({account[:8]})"

    def _online(self) -> dict[str, tuple[int, str]]:
        """Node and name of every account that is there."""
        found = {}
        for node in self.collector.grid.get_nodes():
            label = str(getattr(node, "name", "") or "")
            found[account_of(node.node_id, getattr(node, "public_key", None))] = (node.node_id, label)
        return found

    def _wait_online(self) -> dict[str, tuple[int, str]]:
        """Waits for enough nodes, as long as that may take; a run that goes on does so with whoever is there by then."""
        ends = time.monotonic() + self.limits.online
        while True:
            online = self._online()
            known = [client.account for client in self._clients if client.account in online]
            there = len(known) if self._clients else len(online)
            if there >= min(self.limits.nodes, len(self._clients) or self.limits.nodes):
                return online
            if time.monotonic() > ends:
                if known:
                    _log.warning("%d of %d clients are there; the run goes on without the others", there, len(self._clients))
                    return online
                raise DataError(
                    f"{there} of {self.limits.nodes} nodes are there after {self.limits.online:g} s; start more, "
                    "or ask for fewer (`nodes`)"
                )
            time.sleep(self.collector.poll)

    def _propose(
        self,
        offers: Sequence[dict[str, Any] | None],
        kind: str,
        read: Callable[[ConfigRecord, Message], T],
    ) -> dict[str, T]:
        online = self._online()
        signed: dict[str, Signed] = {}
        for client, offer in zip(self._clients, offers, strict=True):
            if offer is None:
                _log.warning("%s is offered nothing: its gradient does not bear out what it claims", self._label(client.account))
            elif client.account in online:
                values = {
                    "campaign": self.name,
                    "id": f"{client.account}:{secrets.token_hex(8)}",
                    "account": client.account,
                    "kind": kind,
                    "offer": offer,
                    "rounds": self._terms["rounds"],
                    "generator": self._terms["generator"],
                }
                signed[client.account] = self.key.sign(values)
        nodes = {account: online[account][0] for account in signed}
        return self._ask(
            nodes,
            "query.offer",
            self.limits.answer,
            read,
            lambda account: (
                {**self._stated(), "offer": signed[account].body, "offer-signature": signed[account].signature},
                None,
            ),
        )

    def _hand_out(self, path: Path, clients: Sequence[_Known]) -> None:
        """Hands the generator's file to whoever lacks it, by its digest."""
        digest = self._terms["generator"]

        def read(record: ConfigRecord, _: Message) -> bool:
            holds: bool = wire.value(record, "holds", bool)
            return holds

        def ask(lacking: Sequence[_Known], file: bytes) -> None:
            online = self._online()
            nodes = {client.account: online[client.account][0] for client in lacking if client.account in online}
            said = self._ask(
                nodes,
                "query.generator",
                self.limits.answer,
                read,
                lambda _: ({**self._stated(), "digest": digest, "file": file}, None),
            )
            for client in lacking:
                client.generator = said.get(client.account, False)

        ask(clients, b"")
        lacking = [client for client in clients if not client.generator]
        if lacking:
            ask(lacking, path.read_bytes())

    def _ask(
        self,
        nodes: Mapping[str, int],
        kind: str,
        deadline: float,
        read: Callable[[ConfigRecord, Message], T],
        write: Callable[[str], tuple[dict[str, Any], Model | None]],
        refused: set[str] | None = None,
    ) -> dict[str, T]:
        """Asks accounts; what each usable reply says. The others are logged, and those with an unusable reply put into ``refused``."""
        accounts = {node: account for account, node in nodes.items()}
        orders = {account: secrets.token_hex(16) for account in nodes}

        def message(account: str) -> Asked:
            values, model = write(account)
            common = {"campaign": self.name, "order": orders[account], "account": account, "key": self.key.public}
            return Asked(nodes[account], kind, wire.request({**common, **values}, model))

        def verdict(node: int, reply: Message) -> T | Refused:
            account = accounts[node]
            try:
                if reply.metadata.src_node_id != node:
                    raise Refused("a reply of somebody else")
                record = wire.ours(reply)
                if wire.value(record, "campaign", str) != self.name:
                    raise Refused("a reply that belongs to another run")
                if wire.value(record, "order", str) != orders[account]:
                    raise Refused("a reply to another message")
                return read(record, reply)
            except Refused as error:
                return error
            except Exception as error:  # noqa: BLE001  (whatever a reply can do ends here)
                return Refused(f"it cannot be read ({type(error).__name__}: {error})")

        said: dict[str, T] = {}
        for node, found in self.collector.ask([message(account) for account in nodes], deadline, verdict).items():
            account = accounts[node]
            if isinstance(found, Silence):
                _log.warning("%s: %s: %s", kind, self._label(account), found.why)
            elif isinstance(found, Refused):
                _log.warning("%s: %s: refused: %s", kind, self._label(account), found)
                self.refusals.append((account, str(found)))
                if refused is not None:
                    refused.add(account)
            else:
                said[account] = found
        return said
