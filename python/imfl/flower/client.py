"""A participant: its costs and its rule of decision stay with it, and so does its own book of what it was promised and paid.

A participant's settings come from its node (``flower-supernode --node-config``) or from a file of its own that the key
``participant`` there names; nothing of them is in the app that the server hands out.
"""

from __future__ import annotations

import hashlib
import os
import time
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from .. import _imfl
from .._values import micros
from ..errors import ConfigError, DataError
from . import wire
from .receipts import Book, Signed
from .wire import Model, Refused

__all__ = ["Decision", "Order", "Participant", "PrivateCosts", "client_app", "settings_of"]


@dataclass(frozen=True, slots=True)
class PrivateCosts:
    """What work costs this participant, in credits; exact, and never sent.

    Attributes:
        compute: a sample, trained on in all rounds.
        synthesis: a generated sample.
        setup: generating at all.
        least_gain: it takes part only if that is left over its costs.
    """

    compute: Decimal
    synthesis: Decimal = Decimal(0)
    setup: Decimal = Decimal(0)
    least_gain: Decimal = Decimal(0)

    @staticmethod
    def of(settings: Mapping[str, Any]) -> PrivateCosts:
        """From ``compute-cost``, ``synthesis-cost``, ``setup-cost`` and ``least-gain``: text or integers, or decimals as they
        print.

        Raises:
            ConfigError: one that is missing or no amount.
        """
        if "compute-cost" not in settings:
            raise ConfigError("this participant has no `compute-cost`: say what training on a sample costs it, in credits")
        names = {"compute": "compute-cost", "synthesis": "synthesis-cost", "setup": "setup-cost", "least_gain": "least-gain"}
        found = {}
        for name, key in names.items():
            try:
                found[name] = Decimal(str(settings.get(key, 0)))
            except InvalidOperation as error:
                raise ConfigError(f"`{key}` is {settings[key]!r}; expected credits") from error
            if not found[name].is_finite() or found[name] < 0:
                raise ConfigError(f"`{key}` is {found[name]}; expected credits of at least 0")
        return PrivateCosts(**found)


@dataclass(frozen=True, slots=True)
class Decision:
    """The best answer to an offer by a participant's costs; money in micro-credits.

    Attributes:
        mode: ``out``, ``local`` or ``augmented``.
        costs: what each mode costs it.
        pay: what each mode pays.
    """

    mode: str
    costs: Mapping[str, int]
    pay: Mapping[str, int]

    @property
    def gain(self) -> int:
        """What is left over the costs of the mode."""
        return 0 if self.mode == "out" else self.pay[self.mode] - self.costs[self.mode]


@dataclass(frozen=True, slots=True)
class Order:
    """What a participant is asked to do in a round, as the server signed it."""

    round: int
    client: int
    mode: str
    award: int
    samples: int
    batch: int
    target: tuple[float, ...]
    first_images: tuple[int, ...]
    rounds: int
    generator: Path | None


class Participant(ABC):
    """What a participant can do; :func:`client_app` makes a Flower app of it.

    Made anew for every message: Flower starts a process for each, so that whatever has to last is in :attr:`folder`.

    Args:
        terms: what the server says of the run: ``config`` (TOML), ``seed``, ``shape``, ``classes``, ``mean``, ``deviation``.
        settings: the participant's own.
        folder: where it keeps what lasts.
    """

    def __init__(self, terms: Mapping[str, Any], settings: Mapping[str, Any], folder: Path) -> None:
        self.terms = terms
        self.settings = settings
        self.folder = folder

    @abstractmethod
    def counts(self) -> list[int]:
        """Samples of each class that it holds."""

    @abstractmethod
    def gradient(self, model: Model) -> Model:
        """The gradient of its mean loss at a model, by parameter, without dropout."""

    @abstractmethod
    def train(self, model: Model, order: Order) -> tuple[Model, float]:
        """Its model of a round, and its mean loss."""

    @abstractmethod
    def evaluate(self, model: Model) -> tuple[float, int, int]:
        """Mean loss, correct answers and number of its samples."""

    def position(self) -> int:
        """Where it likes to stand among the participants; its number keys random numbers and nothing else."""
        return int(self.settings.get("position", 0))

    def claimed(self) -> list[int]:
        """What it says that it holds."""
        return self.counts()

    def decide(self, decision: Decision) -> str:
        """The mode that it answers with: the best by its costs, if enough is left over them."""
        least = micros(PrivateCosts.of(self.settings).least_gain, "least-gain")
        return decision.mode if decision.gain >= least else "out"


def decision(offer: Mapping[str, Any], costs: PrivateCosts) -> Decision:
    """The best answer to an offer, by the rule of the mechanism."""
    mode, local, augmented = _imfl.answer(
        dict(offer), f"{costs.compute:f}", f"{costs.synthesis:f}", f"{costs.setup:f}"
    )
    return Decision(mode, {"local": local, "augmented": augmented}, dict(offer["pay"]))


#: Makes a participant of terms, its settings and its folder.
Maker = Callable[[Mapping[str, Any], Mapping[str, Any], Path], Participant]


def settings_of(context: Context) -> dict[str, Any]:
    """A participant's settings: those of its file, and those of its node over them.

    Raises:
        ConfigError: a file that cannot be read.
    """
    own = dict(context.node_config)
    path = own.pop("participant", None)
    if path is None:
        return own
    try:
        with open(str(path), "rb") as file:
            return {**tomllib.load(file), **own}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"participant {path}: {error}") from error


def client_app(make: Maker, settings: Callable[[Context], Mapping[str, Any]] = settings_of) -> ClientApp:
    """A Flower app of a participant.

    Args:
        make: makes the participant of the server's terms, its own settings and its folder.
        settings: where its settings come from.
    """
    app = ClientApp()

    def desk(message: Message, context: Context) -> _Desk:
        return _Desk(message, settings(context), make)

    @app.query("profile")
    def profile(message: Message, context: Context) -> Message:
        return desk(message, context).profile()

    @app.query("offer")
    def offer(message: Message, context: Context) -> Message:
        return desk(message, context).offer()

    @app.query("generator")
    def generator(message: Message, context: Context) -> Message:
        return desk(message, context).generator()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        return desk(message, context).train()

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        return desk(message, context).evaluate()

    return app


class _Desk:
    """One message to a participant, and its reply."""

    def __init__(self, message: Message, settings: Mapping[str, Any], make: Maker) -> None:
        self.message = message
        self.record = wire.ours(message)
        self.campaign: str = wire.value(self.record, "campaign", str, most=64)
        self.account: str = wire.value(self.record, "account", str, most=64)
        self.key: bytes = wire.value(self.record, "key", bytes, most=64)
        self.terms = wire.parse(wire.value(self.record, "terms", bytes), "the terms")
        self.settings = settings
        state = settings.get("state")
        if state is None:
            raise ConfigError("this participant has no `state`: name a folder of its own, where its book lasts")
        # Simulated nodes share their settings.
        self.folder: Path = Path(str(state)) / self.account
        self.book = Book(self.folder / "book.jsonl")
        self._know_server()
        self.make = make

    def _know_server(self) -> None:
        """Refuses a server that signs by another key than the one that is expected, or that was met first in this run."""
        said = self.key.hex()
        expected = self.settings.get("server-key") or self.book.server(self.campaign)
        if expected is not None and str(expected).lower() != said:
            raise DataError(f"the server signs by the key {said}, expected {expected}: nothing is done for it")
        if self.book.server(self.campaign) is None:
            self.book.note("server", {"campaign": self.campaign, "id": "server", "key": said})

    def participant(self) -> Participant:
        return self.make(self.terms, self.settings, self.folder)

    def reply(self, values: Mapping[str, Any], **models: Model) -> Message:
        common = {"campaign": self.campaign, "order": wire.value(self.record, "order", str, most=64)}
        content = wire.request({**common, **values})
        for name, model in models.items():
            content[name] = wire.request({}, model)[wire.ARRAYS]
        return Message(content, reply_to=self.message)

    def opened(self, name: str, check: Callable[[Mapping[str, Any]], None] | None = None) -> dict[str, Any]:
        """Something that the server signed for this account and run; if it passes, it is in the book before anything is done for it."""
        signed = Signed(wire.value(self.record, name, bytes), wire.value(self.record, f"{name}-signature", bytes))
        body = signed.opened(self.key)
        if body.get("campaign") != self.campaign or body.get("account") != self.account:
            raise Refused(f"the {name} is for somebody else, or of another run")
        if check is not None:
            check(body)
        self.book.add(name, signed, self.key)
        return body

    def model(self) -> Model:
        record = self.message.content.array_records[wire.ARRAYS]
        return wire.model(self.message.content, {name: tuple(array.shape) for name, array in record.items()})

    def profile(self) -> Message:
        participant = self.participant()
        model, began = self.model(), time.monotonic()
        gradient = participant.gradient(model)
        seconds = time.monotonic() - began
        values = {"counts": participant.claimed(), "position": participant.position(), "seconds": seconds}
        return self.reply(values, gradient=gradient)

    def offer(self) -> Message:
        offer = self.opened("offer")
        known = self.book.answer(self.campaign, offer["id"])
        if known is None:
            participant, costs = self.participant(), PrivateCosts.of(self.settings)
            best = decision(offer["offer"], costs)
            said: dict[str, Any] = {"mode": participant.decide(best)} if offer["kind"] == "price" else dict(best.costs)
            known = {"campaign": self.campaign, "id": offer["id"], "offer": offer["id"], "said": said}
            self.book.note("answer", known)
        return self.reply(known["said"])

    def generator(self) -> Message:
        digest: str = wire.value(self.record, "digest", str, most=64)
        file: bytes = wire.value(self.record, "file", bytes, most=1 << 30)
        path = self.generator_path(digest)
        if file and not path.exists():
            if hashlib.sha256(file).hexdigest() != digest:
                raise Refused("the generator is not the one that its digest names")
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(file)
            os.replace(temporary, path)
        return self.reply({"holds": path.exists()})

    def generator_path(self, digest: str) -> Path:
        """Where a generator is kept."""
        if len(digest) != 64 or not all(character in "0123456789abcdef" for character in digest):
            raise Refused(f"`digest` is {digest!r}, expected SHA-256 in hex")
        return self.folder / "generators" / f"{digest}.safetensors"

    def receive(self) -> None:
        """Takes receipts into the book: each is for this account, of this run, and for what the contract says a round earns."""
        bodies, signatures = self.record.get("receipts"), self.record.get("receipt-signatures")
        if not isinstance(bodies, list) or not isinstance(signatures, list) or len(bodies) != len(signatures):
            raise Refused("receipts without their signatures")
        for body, signature in zip(bodies, signatures, strict=True):
            if not isinstance(body, bytes) or not isinstance(signature, bytes):
                raise Refused("receipts that are no bytes")
            signed = Signed(body, signature)
            values = signed.opened(self.key)
            if values.get("campaign") != self.campaign or values.get("account") != self.account:
                raise Refused("a receipt for somebody else, or of another run")
            self._compare(values)
            self.book.add("receipt", signed, self.key)

    def _compare(self, receipt: Mapping[str, Any]) -> None:
        """Refuses less than was promised. Where not everybody is asked in every round, only the whole is known beforehand."""
        contract = self.book.contract(self.campaign)
        parts = str(receipt.get("id", "")).split(":")
        if contract is None or not self.terms.get("every_round") or len(parts) != 3 or not parts[1].isdigit():
            return
        promised = _imfl.instalment(contract["award"], contract["rounds"], int(parts[1]))
        if type(receipt.get("micros")) is not int or receipt["micros"] < promised:
            raise Refused(f"{receipt.get('micros')} micro-credits for round {parts[1]}, which earns {promised}")

    def order(self) -> Order:
        """The contract that it works by: one that keeps what it was promised."""
        contract = self.opened("contract", self._check)
        digest = contract.get("generator")
        augmented = contract["mode"] == "augmented"
        return Order(
            round=wire.value(self.record, "round", int),
            client=int(contract["client"]),
            mode=str(contract["mode"]),
            award=int(contract["award"]),
            samples=int(contract["samples"]),
            batch=int(contract["batch"]),
            target=tuple(float(share) for share in contract["target"]),
            first_images=tuple(int(first) for first in contract["first_images"]),
            rounds=int(contract["rounds"]),
            generator=self.generator_path(str(digest)) if augmented else None,
        )

    def _check(self, contract: Mapping[str, Any]) -> None:
        """Refuses work that it did not agree to, or for less than it agreed to."""
        offers = [body for kind, body in self.book.lines if kind == "offer" and body["campaign"] == self.campaign]
        answers = [(offer, self.book.answer(self.campaign, offer["id"])) for offer in offers]
        answered = [(offer, answer["said"]) for offer, answer in answers if answer is not None]
        if not answered:
            raise Refused("an order of a run in which it has answered no offer")
        mode, award, rounds = contract["mode"], contract["award"], contract["rounds"]
        for offer, said in answered:
            if offer["kind"] == "price":
                kept = said["mode"] == mode and award >= offer["offer"]["pay"][mode]
            else:
                kept = award >= said[mode]
            if kept and rounds == offer["rounds"]:
                return
        raise Refused(f"an order in {mode} mode for {award} micro-credits over {rounds} rounds, which it never agreed to")

    def train(self) -> Message:
        self.receive()
        order = self.order()
        model, loss = self.participant().train(self.model(), order)
        values = {
            "round": order.round,
            "loss": float(loss),
            "receipts": len(self.book.receipts(self.campaign)),
        }
        return self.reply(values, arrays=model)

    def evaluate(self) -> Message:
        self.receive()
        loss, correct, samples = self.participant().evaluate(self.model())
        values = {"loss": float(loss), "correct": correct, "samples": samples, "held": self.book.paid(self.campaign)}
        return self.reply(values)
