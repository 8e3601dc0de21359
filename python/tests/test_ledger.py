"""Ledgers: what was acknowledged stays, and what is wrong is refused whole."""

import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest

import imfl
from imfl import Ledger, Posting, Transaction, replay


def pay(id: str, amount: Decimal | int | str) -> Transaction:
    return Transaction.transfer(id, "round 1", "server", "client:a", amount)


def test_posting_replaying_and_posting_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        assert ledger.post(pay("1", "0.5"), pay("2", 7)) == 2
        assert ledger.post(pay("1", "0.5")) == 0
        assert ledger.balance("client:a") == Decimal("7.5") and ledger.balance("nobody") == 0
        assert ledger.transaction("2") == pay("2", 7) and ledger.transaction("3") is None
        assert len(ledger) == 2 and sum(ledger.balances.values()) == 0
        assert ledger.to_frame().shape == (2, 2)
    books = replay(path)
    assert books.transactions == 2 and books.balances == {"client:a": Decimal("7.5"), "server": Decimal("-7.5")}
    assert json.loads(path.read_text().splitlines()[0])["postings"][1] == {"account": "client:a", "amount": 500_000}


def test_what_is_wrong_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.post(pay("1", 5))
    with pytest.raises(imfl.DataError, match="already posted with other content"):
        ledger.post(pay("2", 1), pay("1", 6))
    with pytest.raises(imfl.DataError, match="does not balance"):
        ledger.post(Transaction("3", "", (Posting("a", 1), Posting("b", -2))))
    with pytest.raises(imfl.UsageError, match="exact"):
        pay("4", 0.5)  # type: ignore[arg-type]
    with pytest.raises(imfl.DataError, match="finer than a micro-credit"):
        pay("4", "0.0000001")
    with pytest.raises(imfl.DataError, match="`-5` is negative"):
        pay("4", -5)
    with pytest.raises(imfl.DataError, match="not an amount"):
        pay("4", "nan")
    with pytest.raises(imfl.UsageError, match="64-bit"):
        ledger.post(Transaction("5", "", (Posting("a", 2**63), Posting("b", -(2**63)))))
    with pytest.raises(imfl.UsageError, match=r"expected an imfl\.Transaction"):
        ledger.post("pay")  # type: ignore[arg-type]
    assert replay(path).transactions == 1 == len(ledger)
    ledger.close()
    ledger.close()
    with pytest.raises(imfl.UsageError, match="is closed"):
        ledger.post(pay("2", 1))
    path.write_text("{}\n")
    with pytest.raises(imfl.DataError, match="line 1"):
        Ledger(path)
    with pytest.raises(imfl.DataError, match="cannot read"):
        replay(tmp_path / "none")


def test_threads_share_a_ledger_and_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)

    def work(thread: int) -> None:
        for number in range(20):
            ledger.post(pay(f"{thread}:{number}", 1))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.balance("client:a") == 80 and replay(path).transactions == 80
