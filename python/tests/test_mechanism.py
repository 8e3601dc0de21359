"""Markets: the numbers of the command line, to the last digit, and what is refused."""

import json
import random
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import imfl

MARKETS = 200
CONSTANTS = imfl.Constants(g_data=1.75, sigma=2.0, smoothness=4.0, rate=0.01, local_steps=5)


def clients(seed: int) -> list[dict[str, Any]]:
    """A random market; costs of all sizes, as floats or Decimals, with label shares or without."""
    draw = random.Random(seed)
    classes = draw.choice([0, 0, 3])
    rows = []
    for index in range(draw.randint(1, 12)):
        cost = draw.choice([lambda x: x, lambda x: Decimal(str(x)), lambda x: repr(x)])
        row = {
            "client": f"client {index}",
            "samples": draw.randint(1, 2000),
            "skew": draw.uniform(0, 2),
            "compute_cost": cost(draw.uniform(0, 0.01) ** 2),
            "synthesis_cost": cost(draw.uniform(0, 0.001)),
            "setup_cost": cost(round(draw.uniform(0, 0.2), 6)),
            "batch": draw.randint(1, 64),
        }
        if classes:
            shares = np.round(np.array([draw.random() for _ in range(classes)]), 6)
            shares = np.round(shares / shares.sum(), 6)
            shares[-1] = round(1 - shares[:-1].sum(), 6)
            row["skew"] = float(np.abs(shares - round(1 / classes, 9)).sum())
            row |= {f"p{label}": float(share) for label, share in enumerate(shares)}
        rows.append(row)
    return rows


def write(rows: list[dict[str, Any]], path: Path) -> Path:
    lines = [",".join(rows[0])]
    lines += [",".join(repr(v) if isinstance(v, float) else str(v) for v in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def same(outcome: imfl.Outcome, told: dict[str, Any]) -> None:
    """Every number of the command's JSON is the package's, bit for bit."""
    assert (None if outcome.price is None else float(outcome.price)) == told["price"]
    assert outcome.accuracy_loss == told["accuracy_loss"] and dict(outcome.terms) == told["terms"]
    assert float(outcome.weighted_accuracy_loss) == told["weighted_accuracy_loss"]
    assert float(outcome.payments) == told["payments"] and float(outcome.server_cost) == told["server_cost"]
    assert float(outcome.lower_bound) == told["lower_bound"] and outcome.gap == told["gap"]
    assert outcome.exact == told["exact"] and outcome.theorem_holds == told["theorem_holds"]
    assert len(outcome.awards) == len(told["clients"])
    for award, theirs in zip(outcome.awards, told["clients"], strict=True):
        assert (award.client, award.mode) == (theirs["client"], theirs["mode"])
        assert (float(award.payment), float(award.cost)) == (theirs["payment"], theirs["cost"])
        assert float(award.utility) == theirs["utility"]
        assert (award.effective_samples, award.weight) == (theirs["effective_samples"], theirs["weight"])


def test_random_markets_agree_with_the_command_line(command: str, tmp_path: Path) -> None:
    constants = tmp_path / "constants.toml"
    constants.write_text("g_data = 1.75\nsigma = 2.0\nsmoothness = 4.0\nrate = 0.01\nlocal_steps = 5\n")
    for seed in range(MARKETS):
        rows = clients(seed)
        file = write(rows, tmp_path / "clients.csv")
        theta, weight = random.Random(seed).choice([0.0, 0.154, 1.2]), random.Random(-seed - 1).choice([0.5, 3.0, 40.0])
        bias = "mixture" if "p0" in rows[0] else "aligned"
        given: Any = [rows, pd.DataFrame(rows), file, {key: [row[key] for row in rows] for key in rows[0]}][seed % 4]
        market = imfl.Market(given, constants=CONSTANTS, theta=theta, weight=weight, bias=bias)
        said = ["--theta", repr(theta), "--weight", repr(weight), "--constants", str(constants), "--bias", bias]

        def tell(*arguments: str) -> dict[str, Any]:
            done = subprocess.run([command, "mechanism", *arguments, *said, "--format", "json"], capture_output=True)
            assert done.returncode == 0, done.stderr.decode()
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        match seed % 4:
            case 0:
                same(market.price(), tell("price", "--clients", str(file)))
            case 1:
                arguments = ["--information", "incomplete", "--scenarios", "50", "--seed", str(seed), "--compare"]
                outcome = market.price(information="incomplete", scenarios=50, seed=seed, compare=True)
                told = tell("price", "--clients", str(file), *arguments)
                same(outcome, told)
                assert outcome.expected is not None
                for key in ("server_cost", "standard_error", "fresh_server_cost", "fresh_standard_error"):
                    assert getattr(outcome.expected, key) == told["expected"][key]
                for ours, theirs in zip(outcome.expected.sensitivity, told["expected"]["sensitivity"], strict=True):
                    assert float(ours.best_price) == theirs["best_price"] and ours.regret == theirs["regret"]
                for compared, theirs in zip(outcome.benchmarks, told["benchmarks"], strict=True):
                    assert compared.mechanism == theirs["mechanism"]
                    assert float(compared.server_cost) == theirs["server_cost"]
            case 2:
                same(market.offers(), tell("price", "--clients", str(file), "--offers", "personal"))
            case _:
                held = market.auction("budget", budget="1.5") if seed % 8 == 3 else market.auction("vcg")
                rule = ["budget", "--budget", "1.5"] if seed % 8 == 3 else ["vcg"]
                told = tell("auction", "--bids", str(file), "--rule", *rule)
                same(held, told)
                assert list(held.guarantees) == told["guarantees"]


@pytest.fixture(scope="module")
def market() -> imfl.Market:
    rows = [{"client": f"c{k}", "samples": 500, "skew": 0.4 * k, "compute_cost": "0.001", "synthesis_cost": 0.0005,
             "setup_cost": Decimal("0.05"), "batch": 10} for k in range(1, 5)]  # fmt: skip
    return imfl.Market(rows, constants=CONSTANTS, theta=0.154, weight=0.5)


def test_outcomes_are_frozen_and_exact(market: imfl.Market) -> None:
    outcome = market.price()
    assert outcome.payments == sum((award.payment for award in outcome.awards), Decimal(0))
    assert outcome.server_cost == outcome.weighted_accuracy_loss + outcome.payments
    assert outcome.to_frame().payment.sum() == outcome.payments
    with pytest.raises(ValueError):
        outcome.payments_micros[0] = 1
    with pytest.raises(AttributeError):
        outcome.price = Decimal(0)  # type: ignore[misc]
    assert list(market.to_frame().setup_cost) == [Decimal("0.05")] * 4
    assert "4 clients" in repr(market)


def test_an_optimal_auction_without_prior_warns_and_promises_less(market: imfl.Market) -> None:
    with pytest.warns(UserWarning, match="truthfulness is not"):
        held = market.auction("optimal")
    assert held.guarantees == ("individual rationality",)
    known = market.auction("optimal", prior={"compute_cost": {"distribution": "uniform", "low": 0.0, "high": 0.01}})
    assert "truthfulness" in known.guarantees


def test_a_rate_beyond_the_theorem_warns() -> None:
    constants = {"g_data": 1.0, "sigma": 1.0, "smoothness": 4.0, "rate": 1.0, "local_steps": 5}
    row = {"client": "a", "samples": 1, "skew": 0, "compute_cost": 0, "synthesis_cost": 0, "setup_cost": 0, "batch": 1}
    with pytest.warns(UserWarning, match="the theorem bounds nothing"):
        imfl.Market([row], constants=constants, theta=0.1, weight=1.0)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("compute_cost", -1, "line 2, column `compute_cost`: `-1` is negative"),
        ("compute_cost", float("nan"), "`nan` is not a finite number"),
        ("skew", 2.5, "2.5 is outside [0, 2]"),
        ("samples", 0, "column `samples`: is 0"),
        ("samples", 1.5, "`1.5` is not a whole number"),
        ("client", "", "every client needs an id"),
        ("batch", None, "column `batch`"),
    ],
)
def test_a_wrong_cell_is_named(column: str, value: object, said: str) -> None:
    row = {"client": "a", "samples": 5, "skew": 0.5, "compute_cost": 0, "synthesis_cost": 0, "setup_cost": 0, "batch": 1}
    with pytest.raises(imfl.DataError) as error:
        imfl.Market([row | {column: value}], constants=CONSTANTS, theta=0.1, weight=1.0)
    assert said in str(error.value)


def test_what_makes_no_market_is_refused(market: imfl.Market, tmp_path: Path) -> None:
    def refused(kind: type[Exception], said: str, **changed: Any) -> None:
        row = {"client": "a", "samples": 5, "skew": 0.5, "compute_cost": 0, "synthesis_cost": 0, "setup_cost": 0, "batch": 1}
        given = {"clients": [row], "constants": CONSTANTS, "theta": 0.1, "weight": 1.0} | changed
        with pytest.raises(kind) as error:
            imfl.Market(given.pop("clients"), **given)
        assert said in str(error.value)

    refused(imfl.DataError, "is empty", clients=[])
    refused(imfl.DataError, "row 0 is a int", clients=[1])
    refused(imfl.UsageError, "expected a path", clients=3)
    refused(imfl.DataError, "cannot read", clients=tmp_path / "none.csv")
    refused(imfl.ConfigError, "theta", theta=-1.0)
    refused(imfl.ConfigError, "bias", bias="straight")
    refused(imfl.ConfigError, "unknown field `g`", constants={"g": 1.0})
    refused(imfl.ConfigError, "cannot read", constants=tmp_path / "none.toml")
    refused(imfl.DataError, "label shares", bias="mixture")
    with pytest.raises(imfl.UsageError, match="float"):
        market.auction("budget", budget=1.5)  # type: ignore[arg-type]
    with pytest.raises(imfl.UsageError, match="negative"):
        market.auction("budget", budget=-1)
    with pytest.raises(imfl.UsageError, match="needs `budget`"):
        market.auction("budget")
    with pytest.raises(imfl.UsageError, match="none of vcg"):
        market.auction("english")  # type: ignore[arg-type]
    with pytest.raises(imfl.UsageError, match="outside"):
        market.offers(gap=float("nan"))
    with pytest.raises(imfl.UsageError, match="scenarios"):
        market.price(information="incomplete", scenarios=0)


def test_verification_stands_and_controls_fall() -> None:
    events: list[object] = []
    found = imfl.verify(instances=5, clients=3, seed=1, on_event=events.append)
    assert found.passed and any(one.control and one.violations for one in found.findings)
    assert events and len(found.to_frame()) == sum(len(one.checks) for one in found.findings)
