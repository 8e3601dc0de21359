"""Whole runs over messages: parity with ``imfl run``, a liar, a hostile node, a server that is cut off, without a network."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")

from conftest import Images  # noqa: E402
from flower_grid import Node, Threads, engine_nodes, own_images  # noqa: E402
from flwr.app import Array, ArrayRecord, Context, Message  # noqa: E402
from test_flower_messages import forged  # noqa: E402

import imfl  # noqa: E402
from imfl import _imfl  # noqa: E402
from imfl.flower import Book, IncentiveStrategy, Limits, wire  # noqa: E402

CLIENTS = 4
#: Credits for a second, as settings have it.
PRICE = 0.01
#: Clients that differ, on the shipped images.
SETTINGS: dict[str, Any] = {
    "dataset": "mnist", "seed": 3, "model": "mlp", "generator": "none", "objective": "bound", "weight": 3.0,
    "partition": "dirichlet:0.7", "rounds": 3, "batch": 20, "workers": 1,
    "probe": {"points": 2, "images_per_class": 10},
    "costs": {"seconds_per_sample": 1e-4, "seconds_per_image": 1e-3, "seconds_for_setup": 0.1},
}  # fmt: skip
LIMITS = Limits(nodes=CLIENTS, online=5, profile=60, answer=30, round=60, settle=30)


def simulated_costs(settings: dict[str, Any]) -> list[dict[str, str]]:
    """The unit costs of the clients that ``imfl.run`` simulates, in credits to a pico-credit, as the market quantises them."""
    seconds = settings["costs"]
    names = {"compute-cost": "seconds_per_sample", "synthesis-cost": "seconds_per_image", "setup-cost": "seconds_for_setup"}
    passes = {"compute-cost": settings["rounds"], "synthesis-cost": 1, "setup-cost": 1}

    def unit(key: str, factor: float) -> str:
        return str(Decimal(round(seconds[names[key]] * passes[key] * PRICE * factor * 1e12)).scaleb(-12))

    factors = _imfl.device_factors(settings | {"clients": CLIENTS})
    assert len(set(factors)) == CLIENTS, "clients that cost the same show little"
    return [{key: unit(key, factor) for key in names} for factor in factors]


def ledger(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def whole(folder: Path) -> Counter[str]:
    """Ids of the ledger: none twice, everything sums to zero, and only who counted in a round was paid for it."""
    contract = json.loads((folder / "contract.json").read_text())
    accounts = [account for account, _ in contract["clients"]]
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    counted = {
        (line["round"], accounts[client])
        for line in metrics
        for client in line["cohort"]
        if not line["skipped"] and client not in {entry["client"] for entry in line["dropped"] + line["rejected"]}
    }
    ids: Counter[str] = Counter()
    for line in ledger(folder):
        ids[line["id"]] += 1
        _, number, account = line["id"].split(":")
        assert (int(number), account) in counted, f"{line['id']} was paid and did not count"
        assert sum(posting["amount"] for posting in line["postings"]) == 0
    assert all(count == 1 for count in ids.values()), ids
    assert sum(imfl.replay(folder / "ledger.jsonl").balances.values()) == 0
    return ids


def receipts_agree(folder: Path, states: Path) -> None:
    said = json.loads((folder / "receipts.json").read_text())
    balances = imfl.replay(folder / "ledger.jsonl").balances
    for account, entry in said["accounts"].items():
        paid = int(balances.get(f"client:{account}", 0) * 10**6)
        assert entry["paid_micros"] == paid
        books = list(states.glob(f"state*/{account}/book.jsonl"))
        assert len(books) == 1
        held = Book(books[0]).paid(said["campaign"])
        assert entry["held_micros"] in (held, None) and held <= paid
        if entry["held_micros"] is not None:
            assert held == paid


def start(nodes: list[Node], folder: Path, seen: Callable[[Message], object] | None = None, **more: Any) -> imfl.Run:
    grid = Threads(nodes, seen=seen)
    try:
        strategy = IncentiveStrategy(folder, limits=more.pop("limits", LIMITS), poll=0.01, **{**SETTINGS, **more})
        strategy.start(grid)
    finally:
        grid.close()
    assert strategy.run is not None
    return strategy.run


@pytest.fixture(scope="module")
def held() -> list[Any]:
    return own_images(SETTINGS, CLIENTS)


def cheap(count: int = CLIENTS) -> list[dict[str, str]]:
    return [{"compute-cost": f"0.00000{1 + client}"} for client in range(count)]


def same(folder: Path, settings: dict[str, Any], held: list[Any]) -> imfl.Run:
    """Runs the same clients simulated and over messages, and compares everything that was decided, paid and learnt."""
    simulated = imfl.run(clients=CLIENTS, runs=str(folder / "runs"), progress=False, **settings)
    real = start(engine_nodes(held, folder, simulated_costs(settings)), folder / "server", **settings)
    ours, theirs = real.summary, simulated.summary
    for key in ("price", "modes", "payments", "paid", "server_cost", "accuracy", "loss", "accuracy_loss", "client_accuracy"):
        assert ours[key] == theirs[key], key
    assert ours["paid"] > 0
    pay = [[posting["amount"] for posting in line["postings"]] for line in ledger(real.folder)]
    assert pay == [[posting["amount"] for posting in line["postings"]] for line in ledger(simulated.folder)]
    assert (real.folder / "model.safetensors").read_bytes() == (simulated.folder / "model.safetensors").read_bytes()
    assert (real.folder / "report.html").is_file()
    whole(real.folder)
    receipts_agree(real.folder, folder)
    return real


def test_the_same_clients_come_to_the_same_over_flower(tmp_path: Path, held: list[Any]) -> None:
    same(tmp_path, SETTINGS, held)


def test_augmented_clients_draw_the_same_images_over_flower(tmp_path: Path, data: Images) -> None:
    costs = {"seconds_per_sample": 1e-4, "seconds_per_image": 1e-5, "seconds_for_setup": 1e-3}
    small = {"dataset": str(data.folder), "generator": "mnist", "partition": "shards:2", "costs": costs, "rounds": 2}
    settings = SETTINGS | small
    real = same(tmp_path, settings, own_images(settings, CLIENTS))
    assert real.summary["modes"]["augmented"] > 0, "nothing was generated"
    generators = list(tmp_path.glob("state*/*/generators/*.safetensors"))
    assert len(generators) == real.summary["modes"]["augmented"], "each that generates holds the generator, once"


def test_a_liar_is_flagged_and_earns_nothing(tmp_path: Path, held: list[Any]) -> None:
    def claimed(client: int, counts: list[int]) -> list[int]:
        return [sum(counts) // 10 + (label < sum(counts) % 10) for label in range(10)] if client == 2 else counts

    run = start(engine_nodes(held, tmp_path, cheap(), claimed), tmp_path / "server")
    assert [flagged["client"] for flagged in run.summary["flagged"]] == [2]
    assert len(whole(run.folder)) == 9, "three clients in three rounds"
    liar = json.loads((run.folder / "contract.json").read_text())["clients"][2][0]
    assert not any(liar in line["id"] for line in ledger(run.folder))
    receipts_agree(run.folder, tmp_path)


def test_who_claims_more_samples_than_its_gradient_has_noise_for_is_flagged(tmp_path: Path, held: list[Any]) -> None:
    def claimed(client: int, counts: list[int]) -> list[int]:
        return [8 * count for count in counts] if client == 1 else counts

    few = [(images[:200], labels[:200]) for images, labels in held]
    run = start(engine_nodes(few, tmp_path, cheap(), claimed), tmp_path / "server", rounds=1)
    assert [(flagged["client"], flagged["found"]) for flagged in run.summary["flagged"]] == [(1, "samples")]
    assert len(whole(run.folder)) == 3


def test_nan_and_silence_are_unpaid_and_the_rest_is_the_exact_mean(tmp_path: Path, held: list[Any]) -> None:
    nodes = engine_nodes(held, tmp_path, cheap())
    honest = nodes[1].app

    def broken(message: Message, context: Context) -> Message | None:
        reply: Message = honest(message, context)
        if message.metadata.message_type == "train" and message.content[wire.OURS]["round"] == 2:
            arrays = {name: Array(np.full(array.shape, np.nan, np.float32)) for name, array in reply.content[wire.ARRAYS].items()}
            reply.content[wire.ARRAYS] = ArrayRecord(arrays)
        return reply

    nodes[1].app = broken
    quiet = nodes[3].app
    nodes[3].app = lambda message, context: (
        None if message.metadata.message_type == "train" and message.content[wire.OURS]["round"] == 3 else quiet(message, context)
    )
    limits = Limits(nodes=CLIENTS, online=5, profile=60, answer=30, round=6, settle=30)
    run = start(nodes, tmp_path / "server", limits=limits)
    metrics = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert metrics[1]["rejected"] == [{"client": 1, "reason": "not-finite"}] and not metrics[2]["rejected"]
    assert [entry["client"] for entry in metrics[2]["dropped"]] == [3]
    ids = whole(run.folder)
    assert len(ids) == 10
    withheld = json.loads((run.folder / "receipts.json").read_text())["withheld"]
    page = (run.folder / "report.html").read_text()
    assert "Pay was withheld for 2 updates" in page and "its update was refused: values that are not finite" in page
    assert [(entry["round"], entry["reason"]) for entry in withheld] == [
        (2, "its update was refused: not-finite"), (3, "no update came (during)")
    ]  # fmt: skip
    paid = {line["id"]: line["postings"][1]["amount"] for line in ledger(run.folder)}
    for entry in withheld:
        whole_award = sum(micros for id, micros in paid.items() if id.endswith(entry["account"])) + entry["micros"]
        assert abs(whole_award - 3 * entry["micros"]) <= 2, "instalments differ by one at most"
    receipts_agree(run.folder, tmp_path)


def test_a_node_whose_every_update_is_forged_is_never_paid(tmp_path: Path, held: list[Any]) -> None:
    """All that `test_flower_messages` forges, and values that are no numbers, over a whole run: the others are paid as if it were silent."""
    nodes, draw, before = engine_nodes(held, tmp_path, cheap()), random.Random(2), []
    honest = nodes[1].app
    wrong = [np.nan, np.inf, -np.inf]

    def hostile(message: Message, context: Context) -> Message | None:
        reply: Message = honest(message, context)
        if message.metadata.message_type != "train":
            before[:] = before or [reply]
            return reply
        number = message.content[wire.OURS]["round"]
        if number <= 11:
            return forged(number - 1, draw, message, reply, before)
        arrays = {name: Array(np.full(array.shape, wrong[number - 12], np.float32)) for name, array in reply.content[wire.ARRAYS].items()}
        reply.content[wire.ARRAYS] = ArrayRecord(arrays)
        return reply

    nodes[1].app = hostile
    run = start(nodes, tmp_path / "server", rounds=14)
    assert len(whole(run.folder)) == 3 * 14
    said = json.loads((run.folder / "receipts.json").read_text())
    account = json.loads((run.folder / "contract.json").read_text())["clients"][1][0]
    assert said["accounts"][account]["paid_micros"] == 0
    assert [(entry["round"], entry["account"]) for entry in said["withheld"]] == [(number, account) for number in range(1, 15)]
    receipts_agree(run.folder, tmp_path)
    without = engine_nodes(held, tmp_path / "silent", cheap())
    quiet = without[1].app
    without[1].app = lambda message, context: quiet(message, context) if message.metadata.message_type != "train" else forged(
        9, draw, message, quiet(message, context), before
    )  # fmt: skip
    other = start(without, tmp_path / "silent" / "server", rounds=14)
    assert (other.folder / "model.safetensors").read_bytes() == (run.folder / "model.safetensors").read_bytes()


class Cut(Exception):
    """The server is gone."""


@pytest.mark.parametrize("messages", [2, 6, 9, 13, 17, 19])
def test_a_server_that_is_cut_off_goes_on_and_pays_nobody_twice(tmp_path: Path, held: list[Any], messages: int) -> None:
    """Cut off at the n-th message: 4 profiles, 4 offers, 3 rounds of 4, 4 evaluations."""
    nodes = engine_nodes(held, tmp_path, cheap())
    count = [0]

    def cut(_: Message) -> None:
        count[0] += 1
        if count[0] == messages:
            raise Cut

    with pytest.raises(imfl.ImflError, match="Cut"):
        start(nodes, tmp_path / "server", seen=cut)
    run = start(nodes, tmp_path / "server")
    assert len(whole(run.folder)) == 12
    receipts_agree(run.folder, tmp_path)
    again = start(engine_nodes(held, tmp_path / "again", cheap()), tmp_path / "other")
    assert (run.folder / "model.safetensors").read_bytes() == (again.folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("rule", ["vcg", "budget-feasible:1"])
def test_sealed_bids(tmp_path: Path, held: list[Any], rule: str) -> None:
    run = start(engine_nodes(held, tmp_path, cheap()), tmp_path / "server", rule=rule)
    assert run.summary["modes"]["local"] > 0
    whole(run.folder)
    receipts_agree(run.folder, tmp_path)


def test_costs_that_must_be_known_are_refused(tmp_path: Path, held: list[Any]) -> None:
    with pytest.raises(imfl.ImflError, match="personal-offers"):
        start(engine_nodes(held, tmp_path, cheap()), tmp_path / "server", rule="personal-offers")
    with pytest.raises(imfl.ImflError, match="algorithm"):
        start(engine_nodes(held, tmp_path, cheap()), tmp_path / "other", algorithm="scaffold")
