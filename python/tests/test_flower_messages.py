"""What is refused of a reply, and what a participant refuses of a server; messages are objects, there is no network."""

from __future__ import annotations

import logging
import random
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")

from flower_grid import Node, Still, Threads  # noqa: E402
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict  # noqa: E402

from imfl.errors import ImflError  # noqa: E402
from imfl.flower import Book, BookError, Campaign, Limits, Refused, ServerKey, client_app, wire  # noqa: E402

SHAPES = {"a": (3, 4), "b": (4,)}
MODEL = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
HANDED: Any = [(name, list(shape), bytearray(4 * int(np.prod(shape)))) for name, shape in SHAPES.items()]


def terms(folder: Path) -> dict[str, Any]:
    """What a run says of itself."""
    return {
        "seed": 1, "rounds": 2, "every_round": True, "folder": str(folder), "config": "", "shape": [1, 2, 2],
        "classes": ["x", "y"], "mean": [0.5], "deviation": [0.5], "generator": None, "generator_path": None,
    }  # fmt: skip


def offer(pay: int = 1000) -> dict[str, Any]:
    return {
        "price": 50_000_000, "samples": 20, "skew": 0, "effective": {"local": 20_000_000, "augmented": 0},
        "pay": {"local": pay, "augmented": 0},
    }  # fmt: skip


def order(client: int, award: int = 1000) -> dict[str, Any]:
    return {
        "client": client, "mode": "local", "award": award, "samples": 20, "batch": 5, "target": [0.5, 0.5],
        "first_images": [0, 0],
    }  # fmt: skip


def still(folder: Path, number: int = 0, **settings: Any) -> Node:
    """A node that trains nothing, and is content with little."""
    own = {"state": str(folder / f"state{number}"), "compute-cost": "0.00001", **settings}
    return Node(number, client_app(Still), own)


def hired(grid: Threads, folder: Path, *, award: int = 1000, **limits: float) -> Campaign:
    """A campaign in which everybody is hired."""
    short: dict[str, Any] = {"round": 5.0, "answer": 5.0, "profile": 5.0, "settle": 5.0}
    chosen = Limits(nodes=len(grid.nodes), **(short | limits))
    campaign = Campaign(grid, ServerKey.load(folder / "key.pem"), limits=chosen, poll=0.005)
    met = campaign.meet(terms(folder), HANDED)
    assert len(met) == len(grid.nodes)
    campaign.offer([offer(award)] * len(met))
    campaign.hire([order(client, award) for client in range(len(met))])
    return campaign


def test_a_round_of_messages(tmp_path: Path) -> None:
    grid = Threads([still(tmp_path, number) for number in range(3)])
    campaign = hired(grid, tmp_path)
    replies = campaign.train(1, HANDED, [0, 2])
    assert {client: reply[0] for client, reply in replies.items()} == {0: "model", 2: "model"}
    named = replies[0][1]
    assert named is not None and all((values == np.float32(0.001)).all() for _, _, values in named)
    account = campaign.clients[0][0]
    for _ in range(2):  # told twice, signed once
        campaign.paid([(f"pay:1:{account}", "local mode", [("server", -500), (f"client:{account}", 500)])])
    campaign.train(2, HANDED, [0])
    assert campaign.evaluate(HANDED) == {0: (1.0, 5, 10), 1: (1.0, 5, 10), 2: (1.0, 5, 10)}
    assert campaign.held_micros[account] == campaign.paid_micros[account] == 500
    book = Book(tmp_path / "state0" / account / "book.jsonl")
    assert book.paid(campaign.name) == 500 and len(book.receipts(campaign.name)) == 1
    assert not campaign.refusals
    grid.close()


def forged(kind: int, draw: random.Random, message: Message, honest: Message, before: list[Message]) -> Message | None:
    """One way to reply that is not as it should be."""
    ours = dict(honest.content[wire.OURS])
    arrays = dict(honest.content[wire.ARRAYS])

    def content(values: dict[str, Any] | None = None, **more: Any) -> Message:
        made = RecordDict({wire.OURS: ConfigRecord(ours | (values or {})), wire.ARRAYS: ArrayRecord(arrays)})
        for name, record in more.items():
            made[name] = record
        return Message(made, reply_to=message)

    def array(dtype: str = "float32", shape: tuple[int, ...] = (4,), stype: str = "numpy.ndarray", data: bytes = b"") -> Message:
        arrays["b"] = Array(dtype=dtype, shape=shape, stype=stype, data=data)
        return content()

    encoded = arrays["b"].data
    if kind == 0:  # a field is missing
        ours.pop(draw.choice(["campaign", "order", "round", "loss", "receipts", "protocol"]))
        return content()
    if kind == 1:  # types are swapped
        key = draw.choice(["campaign", "order", "round", "loss", "receipts", "protocol"])
        return content({key: draw.choice([True, b"x", "text", [1, 2], ["a"], 2**63])})
    if kind == 2:  # a gigabyte is claimed, in the message or in the array's own header
        if draw.random() < 0.5:
            return array(shape=(2**28,), data=encoded)
        return array(data=encoded.replace(b"(4,)", b"(2**28,)").replace(b"2**28", b"268435456"))
    if kind == 3:  # replayed: the reply to an earlier message
        return Message(before[0].content, reply_to=message) if before else content({"order": "0" * 32})
    if kind == 4:  # from another round, or another run
        return content(draw.choice([{"round": draw.randrange(3, 99)}, {"campaign": "f" * 32}, {"order": "e" * 32}]))
    if kind == 5:  # other parameters
        arrays.pop(draw.choice(["a", "b"]))
        if draw.random() < 0.5:
            arrays["c"] = Array(np.zeros(3, np.float32))
        return content()
    if kind == 6:  # another type or shape
        return array(*draw.choice([("float64", (4,)), ("float32", (2, 2)), ("int8", (4,))]), data=encoded)  # type: ignore[misc]
    if kind == 7:  # bytes that are no array
        return array(data=draw.choice([b"", encoded[:-1], encoded + b"\0", draw.randbytes(len(encoded)), b"\x93NUMPY\x01\0\xff\xff"]))
    if kind == 8:  # pickled objects
        return array(stype="pickle", data=b"cos\nsystem\n(S'true'\ntR.")
    if kind == 9:  # nothing, or something else
        empty = draw.choice([RecordDict(), RecordDict({"x": MetricRecord({"a": 1.0})}), RecordDict({wire.OURS: MetricRecord({"a": 1})})])
        return Message(empty, reply_to=message)
    # An update that somebody else was asked for.
    found = content()
    found.metadata.__dict__["_src_node_id"] = 7777
    return found


def test_a_thousand_forged_replies_are_named_and_none_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, draw, before, kinds = client_app(Still), random.Random(1), [], [0]

    def hostile(message: Message, context: Context) -> Message | None:
        honest = app(message, context)
        if message.metadata.message_type != "train":
            return honest
        if not before:
            before.append(honest)
            return honest
        return forged(kinds[0] % 11, draw, message, honest, before)

    settings = {"state": str(tmp_path / "state0"), "compute-cost": "0.00001"}
    grid = Threads([Node(0, hostile, settings), still(tmp_path, 1)])
    campaign = hired(grid, tmp_path)
    assert campaign.train(1, HANDED, [0, 1])[0][0] == "model", "the first is honest"
    names = {account: label for account, label in campaign.clients}
    logged: list[str] = []
    log = logging.getLogger("flwr.imfl")
    monkeypatch.setattr(log, "warning", lambda text, *values: logged.append(text % values))
    tracemalloc.start()
    for kinds[0] in range(1000):
        replies = campaign.train(2, HANDED, [0])
        assert replies[0][0] in ("refused", "silent"), (kinds[0] % 11, replies)
        assert replies[0][1] is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6, f"{peak / 1e6:.0f} MB"
    assert len(campaign.refusals) == 1000 and {names[account] for account, _ in campaign.refusals} == {"node000"}
    assert all(reason for _, reason in campaign.refusals)
    assert len(logged) == 1000 and all("node000" in line and "refused: " in line for line in logged)
    assert campaign.train(2, HANDED, [1])[1][0] == "model", "others go on"
    assert not campaign.paid_micros
    grid.close()


def test_values_that_are_no_numbers_reach_the_engine_which_refuses_them() -> None:
    values = {name: np.full(shape, np.nan, np.float32) for name, shape in SHAPES.items()}
    found = wire.model(wire.request({}, values), SHAPES)
    assert all(np.isnan(value).all() for value in found.values())


def test_counts_that_are_none() -> None:
    for counts in ([1], [1, -1], [0, 0], [1, True], [1, 2**60], "ab", None):
        with pytest.raises(Refused):
            wire.counts({"counts": counts}, "counts", 2, 1000)
    assert wire.counts({"counts": [3, 0]}, "counts", 2, 1000) == [3, 0]


def test_silence_is_named_and_ends_at_the_deadline(tmp_path: Path) -> None:
    nodes = [still(tmp_path, 0), still(tmp_path, 1)]
    grid = Threads(nodes)
    campaign = hired(grid, tmp_path, round=0.2)
    nodes[1].app = lambda message, context: None
    assert {client: reply[0] for client, reply in campaign.train(1, HANDED, [0, 1]).items()} == {0: "model", 1: "silent"}
    nodes[1].online = False
    assert campaign.train(2, HANDED, [0, 1])[1][0] == "silent"
    grid.close()


def test_a_message_that_nobody_asked_for_changes_nothing(tmp_path: Path) -> None:
    node = still(tmp_path)
    grid = Threads([node])
    campaign = hired(grid, tmp_path)
    pull, extra = grid.pull_messages, []

    def twice(names: Any) -> list[Message]:
        found = pull(names)
        extra.extend(found)
        return found + found

    grid.pull_messages = twice  # type: ignore[method-assign]
    assert campaign.train(1, HANDED, [0])[0][0] == "model"
    assert extra and campaign.collector.unasked == len(extra)
    grid.close()


def test_a_participant_works_for_what_it_agreed_to_and_nothing_else(tmp_path: Path) -> None:
    grid = Threads([still(tmp_path)])
    campaign = hired(grid, tmp_path)
    for worse in (order(0, 999), {**order(0), "mode": "augmented"}):
        campaign.hire([worse])
        assert campaign.train(1, HANDED, [0])[0][0] == "silent"
    campaign.hire([order(0, 1001)])
    assert campaign.train(1, HANDED, [0])[0][0] == "model"
    grid.close()


def test_who_is_too_dear_declines_and_costs_stay_at_home(tmp_path: Path) -> None:
    sent: list[bytes] = []
    app = client_app(Still)

    def overheard(message: Message, context: Context) -> Message:
        reply = app(message, context)
        sent.append(repr(reply.content).encode())
        return reply

    dear = {"state": str(tmp_path / "state0"), "compute-cost": "0.0000777"}
    grid = Threads([Node(0, overheard, dear), still(tmp_path, 1)])
    campaign = Campaign(grid, ServerKey.load(tmp_path / "key.pem"), limits=Limits(nodes=2), poll=0.005)
    campaign.meet(terms(tmp_path), HANDED)
    # 20 samples at 77.7 micro-credits are 1554, and 1000 are paid; the other asks for 200.
    assert campaign.offer([offer(), offer()]) == ["out", "local"]
    assert campaign.bids([offer(), offer()]) == [(1554, 1554), (200, 200)]
    # As it was written, as Python writes it, in pico-credits: shorter words would stand in keys and gradients by chance.
    assert sent and not any(cost in reply for reply in sent for cost in (b"0.0000777", b"7.77e-05", b"77700000"))
    grid.close()


def test_a_participant_refuses_another_server(tmp_path: Path) -> None:
    grid = Threads([still(tmp_path)])
    campaign = hired(grid, tmp_path)
    campaign.key = ServerKey.load(tmp_path / "other.pem")
    campaign.hire([order(0)])
    assert campaign.train(1, HANDED, [0])[0][0] == "silent"
    pinned = still(tmp_path, 1, **{"server-key": "00" * 32})
    lonely = Threads([pinned])
    assert not Campaign(lonely, campaign.key, limits=Limits(online=1), poll=0.005).meet(terms(tmp_path), HANDED)
    grid.close()
    lonely.close()


def test_receipts_are_the_servers_and_for_oneself(tmp_path: Path) -> None:
    grid = Threads([still(tmp_path, 0), still(tmp_path, 1)])
    campaign = hired(grid, tmp_path)
    (mine, _), (other, _) = campaign.clients
    stranger = ServerKey.load(tmp_path / "other.pem")
    receipt = {"campaign": campaign.name, "id": "pay:1:x", "memo": "", "account": mine, "micros": 5}
    for wrong in (stranger.sign(receipt), campaign.key.sign({**receipt, "account": other})):
        campaign._receipts[mine] = [wrong]
        assert campaign.train(1, HANDED, [0])[0][0] == "silent"
    campaign._receipts[mine] = [campaign.key.sign(receipt)]
    assert campaign.train(1, HANDED, [0])[0][0] == "model"
    grid.close()


def test_a_book_is_whole_or_says_where_it_is_not(tmp_path: Path) -> None:
    key, path = ServerKey.load(tmp_path / "key.pem"), tmp_path / "book.jsonl"
    assert ServerKey.load(tmp_path / "key.pem").public == key.public
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    book = Book(path)
    receipt = {"campaign": "c", "id": "pay:1:a", "account": "a", "memo": "", "micros": 7}
    assert book.add("receipt", key.sign(receipt), key.public) and not book.add("receipt", key.sign(receipt), key.public)
    with pytest.raises(BookError, match="two different"):
        book.add("receipt", key.sign({**receipt, "micros": 8}), key.public)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])  # torn in the middle of a line
    assert Book(path).paid("c") == 7 and path.read_bytes() == whole
    path.write_bytes(whole.replace(b'\\"micros\\":7', b'\\"micros\\":9'))
    with pytest.raises(BookError, match="line 1"):
        Book(path)
    path.write_text("no entry\n")
    with pytest.raises(BookError, match="line 1"):
        Book(path)


def test_importing_imfl_imports_no_flower() -> None:
    import subprocess
    import sys

    code = "import sys, imfl; sys.exit(any(name.split('.')[0] in ('flwr', 'torch') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_strategy_says_what_it_does_not_take(tmp_path: Path) -> None:
    from imfl.flower import IncentiveStrategy

    with pytest.raises(ImflError, match="absolute"):
        IncentiveStrategy("here")
    strategy = IncentiveStrategy(tmp_path)
    with pytest.raises(ImflError, match="initial_arrays"):
        strategy.start(Threads([]), ArrayRecord())
    with pytest.raises(ImflError, match="start"):
        strategy.configure_train(1, ArrayRecord(), ConfigRecord(), Threads([]))


def test_a_run_goes_on_without_who_is_gone(tmp_path: Path) -> None:
    nodes = [still(tmp_path, 0), still(tmp_path, 1)]
    grid = Threads(nodes)
    campaign = hired(grid, tmp_path)
    nodes[1].online = False
    again = Campaign(grid, campaign.key, limits=Limits(nodes=2, online=0.05, round=5), poll=0.005)
    again.recall(terms(tmp_path), campaign.clients)
    again.hire([order(0), order(1)])
    assert {client: reply[0] for client, reply in again.train(1, HANDED, [0, 1]).items()} == {0: "model", 1: "silent"}
    nodes[0].online = False
    with pytest.raises(ImflError, match="0 of 2"):
        again.recall(terms(tmp_path), campaign.clients)
    grid.close()


def test_a_profile_says_how_fast_and_is_bounded_by_what_was_seen(tmp_path: Path) -> None:
    """A client that claims hours is believed no more than the server has waited, and a round never waits longer than its limit."""
    app = client_app(Still)

    def slow(message: Message, context: Context) -> Message:
        reply: Message = app(message, context)
        if message.metadata.message_type == "query.profile":
            assert reply.content[wire.OURS]["seconds"] >= 0
            reply.content[wire.OURS]["seconds"] = 1e9
        return reply

    boaster = still(tmp_path)
    boaster.app = slow
    grid = Threads([boaster, still(tmp_path, 1)])
    campaign = hired(grid, tmp_path, patience=2.0, round=20.0)
    assert all(speed.seconds_per_sample * 20 < 60 and speed.bits_per_second > 0 for speed in campaign.measured.values())
    asked = {account: client for client, (account, _) in enumerate(campaign.clients)}
    campaign.terms["config"] = "[training]\nlocal_epochs = 1"
    assert campaign._deadline(asked) == 15.0, "both are fast"
    campaign.terms["config"] = "[training]\nlocal_epochs = 1000000000"
    assert campaign._deadline(asked) == 20.0, "the limit"
    again = Campaign(grid, campaign.key, limits=campaign.limits)
    again.recall(terms(tmp_path), campaign.clients)
    assert again.measured == campaign.measured
    (tmp_path / "measured.json").write_text("[1]")
    again.recall(terms(tmp_path), campaign.clients)
    assert again.measured == {}
    assert again._deadline(asked) == 20.0
    for claimed in (float("nan"), "1", True):
        broken = Threads([still(tmp_path, 5)])
        honest = broken.nodes[105].app

        def nonsense(message: Message, context: Context, claimed: Any = claimed, honest: Any = honest) -> Message:
            reply: Message = honest(message, context)
            reply.content[wire.OURS]["seconds"] = claimed
            return reply

        broken.nodes[105].app = nonsense
        other = Campaign(broken, campaign.key, limits=Limits(nodes=1, online=5, profile=5))
        assert other.meet(terms(tmp_path), HANDED) == [] and "seconds" in other.refusals[0][1]
        broken.close()
    grid.close()
