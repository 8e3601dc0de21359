"""Whatever is thrown at the boundary, nothing comes back but a result or an exception of imfl's family."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import imfl
from imfl.ledger import Posting, Transaction

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CONSTANTS = imfl.Constants(1.75, 2.0, 4.0, 0.01, 5)

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3) | st.tuples(inner),
    max_leaves=6,
)
numbers = st.integers(-5, 2**64) | st.floats() | st.decimals() | st.text(max_size=6) | st.none()
names = st.sampled_from(["rounds", "training", "training.rate", "rate", "clients", "seed", "device", "name", "x"])


def tried(work: Any) -> Any:
    """A result, or an exception of the family: a panic would be none, or an UnexpectedError."""
    try:
        return work()
    except imfl.UnexpectedError as error:
        raise AssertionError(f"a mistake of imfl's own: {error}") from error
    except imfl.ImflError as error:
        assert str(error)
        return None


@QUICK
@given(rows=st.lists(st.fixed_dictionaries({
    "client": st.text(max_size=4), "samples": numbers, "skew": numbers, "compute_cost": numbers, "synthesis_cost": numbers,
    "setup_cost": numbers, "batch": numbers}), max_size=4), theta=st.floats(), weight=st.floats())  # fmt: skip
def test_markets(rows: list[dict[str, Any]], theta: float, weight: float) -> None:
    tried(lambda: imfl.Market(rows, constants=CONSTANTS, theta=theta, weight=weight).price())


@QUICK
@given(
    costs=st.lists(st.decimals(0, 10**6, places=12), min_size=1, max_size=5), weight=st.floats(0, 1e9), theta=st.floats(0, 2)
)
def test_markets_of_any_costs_conserve_money(costs: list[Decimal], weight: float, theta: float) -> None:
    rows = [{"client": i, "samples": 10 + i, "skew": 1, "compute_cost": cost, "synthesis_cost": cost / 2, "setup_cost": 1,
             "batch": 1} for i, cost in enumerate(costs)]  # fmt: skip
    market = tried(lambda: imfl.Market(rows, constants=CONSTANTS, theta=theta, weight=weight))
    if market is not None:
        for outcome in (market.price(), market.offers(effort=10_000)):
            assert outcome.payments == sum((award.payment for award in outcome.awards), Decimal(0))
            assert outcome.server_cost == outcome.weighted_accuracy_loss + outcome.payments
            assert all(award.utility >= 0 for award in outcome.awards)


@QUICK
@given(clients=anything, constants=anything, target=anything, bias=anything)
def test_markets_of_anything(clients: Any, constants: Any, target: Any, bias: Any) -> None:
    for work in (
        lambda: imfl.Market(clients, constants=CONSTANTS, theta=0.1, weight=1.0),
        lambda: imfl.Market([], constants=constants, theta=0.1, weight=1.0),
        lambda: imfl.Market([], constants=CONSTANTS, theta=0.1, weight=1.0, target=target),
        lambda: imfl.Market([], constants=CONSTANTS, theta=0.1, weight=1.0, bias=str(bias)),
    ):
        tried(work)


@QUICK
@given(
    images=arrays.arrays(
        st.sampled_from([np.uint8, np.float32, np.float64, np.int8, np.bool_, np.complex64]),
        arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    ),
    labels=arrays.arrays(st.sampled_from([np.int64, np.uint8, np.uint64, np.float32]), st.integers(0, 5)),
    classes=st.none() | st.integers(-2, 4) | st.lists(st.text(max_size=3), max_size=4),
)
def test_datasets(images: Any, labels: Any, classes: Any) -> None:
    data = tried(lambda: imfl.Dataset(images, labels, classes=classes))
    if data is not None:
        tried(lambda: imfl.Federation("mlp", data, clients=1, workers=1).round())


@QUICK
@given(given_=st.dictionaries(names | st.text(max_size=6), anything, max_size=4))
def test_settings(given_: dict[str, Any]) -> None:
    data = imfl.Dataset(np.zeros((4, 1, 2, 2), np.uint8), [0, 1, 0, 1])
    unwanted = {"model", "dataset", "test", "partition", "weights", "self", "clients", "seed", "workers"}
    kept = {key: value for key, value in given_.items() if key not in unwanted}
    tried(lambda: imfl.Federation("mlp", data, clients=2, workers=1, **kept))


@QUICK
@given(postings=st.lists(st.tuples(st.text(max_size=3), st.integers(-(2**65), 2**65)), max_size=4), id=st.text(max_size=3))
def test_ledgers(postings: list[tuple[str, int]], id: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        ledger = imfl.Ledger(path)
        ledger.post(Transaction.transfer("first", "", "a", "b", 5))
        posted = tried(lambda: ledger.post(Transaction(id, "", tuple(Posting(*posting) for posting in postings))))
        assert imfl.replay(path).transactions == len(ledger) == 1 + (posted or 0)
        assert sum(ledger.balances.values()) == 0


@QUICK
@given(base=st.dictionaries(st.text(max_size=2), arrays.arrays(np.float32, arrays.array_shapes(max_dims=2, max_side=3)), max_size=3),
       weights=st.lists(st.floats(), max_size=3), rule=st.sampled_from(["mean", "median", "krum:1", "clip:1", "x", ""]))  # fmt: skip
def test_combining(base: Any, weights: list[float], rule: str) -> None:
    tried(lambda: imfl.combine(base, [base] * len(weights), weights=weights, aggregation=rule))
