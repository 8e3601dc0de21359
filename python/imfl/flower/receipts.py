"""Receipts: the server signs what it promises and pays (Ed25519), and a participant keeps its own book of it.

A book is a file of lines that only grows. It is the participant's: the server can neither read nor change it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import ImflError
from .wire import Refused, canonical, parse

try:
    import fcntl
except ImportError:  # Windows has none; a participant there has to see to it that one process writes its book.
    fcntl = None  # type: ignore[assignment,unused-ignore]

__all__ = ["Book", "BookError", "ServerKey", "Signed"]


#: What a participant writes down by itself.
_UNSIGNED = ("answer", "server")


class BookError(ImflError):
    """A participant's book that is not what it was."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Bytes, and the server's signature under them."""

    body: bytes
    signature: bytes

    def opened(self, key: bytes) -> dict[str, Any]:
        """The values, if the signature is that of ``key``.

        Raises:
            Refused: a signature of somebody else, or bytes that are no values.
        """
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.body)
        except (InvalidSignature, ValueError) as error:
            raise Refused("a signature that is not the server's") from error
        return parse(self.body, "what the server signed")


class ServerKey:
    """The key that a server signs by; made when it is needed first, and readable for its owner alone."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        #: The public key, 32 bytes: what participants know the server by.
        self.public: bytes = key.public_key().public_bytes_raw()

    @staticmethod
    def load(path: Path) -> ServerKey:
        """Reads a key in PEM, or makes one there.

        Raises:
            BookError: a file that is no such key.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return ServerKey._make(path)
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError) as error:
            raise BookError(f"{path} is no private key in PEM ({error})") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise BookError(f"{path} is no Ed25519 key; remove it, and one is made")
        return ServerKey(key)

    @staticmethod
    def _make(path: Path) -> ServerKey:
        key = Ed25519PrivateKey.generate()
        data = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return ServerKey(key)

    def sign(self, values: Mapping[str, Any]) -> Signed:
        """Signs values. The same values have the same signature."""
        body = canonical(values)
        return Signed(body, self._key.sign(body))


class Book:
    """What a participant was promised and paid, as the server signed it.

    Args:
        path: a file, made if it is not there.

    Raises:
        BookError: a line that is broken, by its number. A last line without an end was never acknowledged and is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Kind, values and signature of every line.
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self._seen: set[str] = set()
        self._read = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self._catch_up()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps others out: Flower leaves a participant's process behind when its SuperNode is killed, and starts the next one."""
        with self.path.with_name(f".{self.path.name}.lock").open("ab") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _catch_up(self) -> None:
        """Reads what was appended since it was read last. Under the lock nobody is writing, so that a line without an end is torn."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), len(self.lines) + 1):
            try:
                entry = json.loads(line)
                kind, body = entry["kind"], json.loads(entry["body"])
                signature = base64.b64decode(entry["signature"])
                key = base64.b64decode(entry["key"])
            except (ValueError, KeyError, TypeError) as error:
                raise BookError(f"{self.path}, line {number}: no entry of a book ({error})") from error
            if kind not in _UNSIGNED:
                try:
                    Signed(entry["body"].encode(), signature).opened(key)
                except Refused as error:
                    raise BookError(f"{self.path}, line {number}: {error}") from error
            self._remember(kind, body)
        self._read += whole
        if whole < len(data):
            with self.path.open("r+b") as file:
                file.truncate(self._read)

    def _remember(self, kind: str, body: dict[str, Any]) -> None:
        self.lines.append((kind, body))
        self._seen.add(self._name(kind, body))

    @staticmethod
    def _name(kind: str, body: Mapping[str, Any]) -> str:
        return f"{kind}\0{body.get('campaign')}\0{body.get('id')}"

    def add(self, kind: str, signed: Signed, key: bytes) -> bool:
        """Writes down what the server signed, synced; says whether it is new.

        Raises:
            BookError: another receipt of the same id is there.
        """
        body = parse(signed.body, "an entry of a book")
        with self._locked():
            self._catch_up()
            if self._name(kind, body) in self._seen:
                for other, known in self.lines:
                    if other == kind and self._name(kind, known) == self._name(kind, body) and known != body:
                        raise BookError(f"the server signed two different entries called {body.get('id')}")
                return False
            self._append(kind, signed.body, signed.signature, key)
            self._catch_up()
        return True

    def note(self, kind: Literal["answer", "server"], values: Mapping[str, Any]) -> None:
        """Writes down what this participant answered, or whom it met as the server."""
        with self._locked():
            self._catch_up()
            self._append(kind, canonical(values), b"", b"")
            self._catch_up()

    def _append(self, kind: str, body: bytes, signature: bytes, key: bytes) -> None:
        line = json.dumps(
            {
                "kind": kind,
                "body": body.decode(),
                "signature": base64.b64encode(signature).decode(),
                "key": base64.b64encode(key).decode(),
            }
        )
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _of(self, kind: str, campaign: str) -> Iterator[dict[str, Any]]:
        return (body for entry, body in self.lines if entry == kind and body.get("campaign") == campaign)

    def receipts(self, campaign: str) -> list[dict[str, Any]]:
        """Receipts of a campaign, in the order in which they came."""
        return list(self._of("receipt", campaign))

    def paid(self, campaign: str) -> int:
        """Micro-credits that the server has signed for."""
        return sum(int(receipt["micros"]) for receipt in self.receipts(campaign))

    def contract(self, campaign: str) -> dict[str, Any] | None:
        """The newest contract of a campaign."""
        found = list(self._of("contract", campaign))
        return found[-1] if found else None

    def answer(self, campaign: str, offer: str) -> dict[str, Any] | None:
        """What was answered to an offer."""
        return next((body for body in self._of("answer", campaign) if body.get("offer") == offer), None)

    def server(self, campaign: str) -> str | None:
        """The server's key of a campaign, in hex, as it was met first."""
        found = list(self._of("server", campaign))
        return str(found[0]["key"]) if found else None
