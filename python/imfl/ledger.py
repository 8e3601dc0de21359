"""Double-entry books in a file of JSON lines: every transaction moves money between accounts and sums to zero."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING

from . import _imfl
from ._values import Path, credits, frame, micros
from .errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Books", "Ledger", "Posting", "Transaction", "replay"]

#: Credits as Decimal, int or text; a float is refused.
Amount = Decimal | int | str


@dataclass(frozen=True, slots=True)
class Posting:
    """``micros`` micro-credits are added to ``account``; negative takes away."""

    account: str
    micros: int

    @property
    def amount(self) -> Decimal:
        """In credits."""
        return credits(self.micros)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings that belong together and sum to zero; the same ``id`` twice means the same transaction."""

    id: str
    memo: str
    postings: tuple[Posting, ...]

    @staticmethod
    def transfer(id: str, memo: str, source: str, target: str, amount: Amount) -> Transaction:
        """Moves ``amount`` credits from one account to another.

        Raises:
            UsageError: a float. DataError: no amount, a negative one, or one that is finer than a micro-credit.
        """
        moved = micros(amount, "amount")
        if moved < 0:
            raise DataError(f"amount: `{amount}` is negative; to take money back, swap `source` and `target`")
        return Transaction(id, memo, (Posting(source, -moved), Posting(target, moved)))


def _given(transaction: Transaction) -> tuple[str, str, list[tuple[str, int]]]:
    if not isinstance(transaction, Transaction):
        raise UsageError(f"a {type(transaction).__name__} was posted; expected an imfl.Transaction")
    for posting in transaction.postings:
        if isinstance(posting.micros, bool) or not isinstance(posting.micros, int):
            raise UsageError(f"transaction `{transaction.id}`: micro-credits are integers, not {posting.micros!r}")
        if not -(2**63) <= posting.micros < 2**63:
            raise UsageError(f"transaction `{transaction.id}`: {posting.micros} is beyond a 64-bit count of micro-credits")
    return transaction.id, transaction.memo, [(posting.account, posting.micros) for posting in transaction.postings]


def _frame(balances: Mapping[str, Decimal]) -> pd.DataFrame:
    return frame({"account": list(balances), "balance": list(balances.values())})


class Ledger:
    """A ledger file that is open for posting; made if it is not there.

    What :meth:`post` has acknowledged is in the file, synced. One program writes to a file at a time; threads of it may share
    a ledger.

    Raises:
        DataError: a line of the file is no transaction, by its number.
    """

    def __init__(self, path: Path) -> None:
        self.path = os.fspath(path)
        self._ledger = _imfl.Ledger(self.path)

    def post(self, *transactions: Transaction) -> int:
        """Books transactions in order, all or none; says how many are new. Posting one again does nothing.

        Raises:
            DataError: one does not balance, or its id is taken by another. UsageError: the ledger is closed.
        """
        return self._ledger.post([_given(transaction) for transaction in transactions])

    def extend(self, transactions: Iterable[Transaction]) -> int:
        """:meth:`post` of many."""
        return self.post(*transactions)

    def balance(self, account: str) -> Decimal:
        """Of an account in credits; 0 if it was never used."""
        return credits(self._ledger.balance(account))

    @property
    def balances(self) -> dict[str, Decimal]:
        """Of all accounts in credits. They sum to zero."""
        return {account: credits(amount) for account, amount in self._ledger.balances().items()}

    def transaction(self, id: str) -> Transaction | None:
        """By its id."""
        found = self._ledger.transaction(id)
        if found is None:
            return None
        return Transaction(found[0], found[1], tuple(Posting(account, amount) for account, amount in found[2]))

    def __len__(self) -> int:
        return self._ledger.count()

    def to_frame(self) -> pd.DataFrame:
        """One row an account. Needs pandas."""
        return _frame(self.balances)

    def close(self) -> None:
        """Closes the file; closing again does nothing."""
        self._ledger.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self.path!r})"


@dataclass(frozen=True, slots=True)
class Books:
    """What a ledger file leads to."""

    balances: Mapping[str, Decimal]
    transactions: int

    def to_frame(self) -> pd.DataFrame:
        """One row an account. Needs pandas."""
        return _frame(self.balances)


def replay(path: Path) -> Books:
    """The balances that a ledger file leads to. The file is only read.

    Raises:
        DataError: the file cannot be read, or a line of it is no transaction, by its number.
    """
    balances, transactions, _ = _imfl.replay(os.fspath(path))
    return Books({account: credits(amount) for account, amount in balances.items()}, transactions)
