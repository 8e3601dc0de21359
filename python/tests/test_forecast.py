"""Forecasts: read, fitted, asked, and what a market under one pays, to the last digit of the command line."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import imfl
from conftest import ROOT, SMALL, Images

LAWS = ROOT / "assets" / "mechanism" / "forecast.toml"
CLIENTS = ROOT / "assets" / "mechanism" / "clients.csv"


def told(command: str, *arguments: str) -> dict[str, Any]:
    """What the command line says."""
    done = subprocess.run([command, "mechanism", *arguments, "--format", "json"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def pilots() -> list[dict[str, Any]]:
    """Trainings whose error follows a law: generated samples count half."""
    rows = []
    for at in range(24):
        a, b, g = 20 + 37 * at % 211, 5 + 53 * at % 173, 11 * at % 90
        error = 0.02 + 0.05 * (((a + 4) / 100) ** -0.7 + ((b + 0.5 * g + 4) / 100) ** -0.7)
        rows.append({"group": at % 6, "loss": 3 * error, "error": error, "a0": a, "a1": b, "g0": 0, "g1": g})
    return rows


def test_a_forecast_is_read_asked_and_written(tmp_path: Path) -> None:
    forecast = imfl.Forecast.load(LAWS)
    found = forecast.predict([600] * 10)
    law = 0.02 + 0.11 * ((600 + 3) / 100) ** -0.6
    assert found.accuracy == pytest.approx(1 - law, abs=1e-12)
    mixed = forecast.predict([300] * 10, [300] * 10)
    assert mixed.accuracy < found.accuracy and mixed.loss > found.loss
    forecast.save(tmp_path / "forecast.toml")
    assert imfl.Forecast.load(tmp_path / "forecast.toml").content == forecast.content
    assert imfl.Forecast.parse(LAWS.read_text()).content["classes"] == 10 and "10 classes" in repr(forecast)


def test_a_forecast_that_is_fitted_is_the_commands(command: str, tmp_path: Path) -> None:
    file = tmp_path / "pilots.csv"
    rows = pilots()
    text = [",".join(rows[0]), *(",".join(repr(value) for value in row.values()) for row in rows)]
    file.write_text("\n".join(text) + "\n")
    arguments = ["forecast", "fit", "--pilots", str(file), "--about", "two classes", "--out", str(tmp_path / "laws.toml")]
    theirs = told(command, *arguments)
    for given in (rows, pd.DataFrame(rows), file):
        ours = imfl.Forecast.fit(given, about="two classes")
        assert ours.content == theirs["forecast"] and list(ours.candidates) == theirs["candidates"]
    assert ours.content["error"]["generated"] == pytest.approx(0.5, abs=0.05)
    ours.save(tmp_path / "ours.toml")
    assert (tmp_path / "ours.toml").read_bytes() == (tmp_path / "laws.toml").read_bytes()


def test_a_market_under_a_forecast_is_the_commands(command: str) -> None:
    market = imfl.Market(CLIENTS, forecast=LAWS, worth=0.5)
    said = ["--objective", "forecast", "--forecast", str(LAWS), "--worth", "0.5"]
    for outcome, theirs in [
        (market.price(), told(command, "price", "--clients", str(CLIENTS), *said)),
        (market.offers(), told(command, "price", "--clients", str(CLIENTS), "--offers", "personal", *said)),
        (market.auction("vcg"), told(command, "auction", "--rule", "vcg", "--bids", str(CLIENTS), *said)),
    ]:
        assert outcome.predicted is not None and not outcome.terms and outcome.theorem_holds is None
        assert outcome.predicted.accuracy == theirs["predicted"]["accuracy"]
        assert outcome.predicted.loss == theirs["predicted"]["loss"]
        assert outcome.accuracy_loss == theirs["accuracy_loss"]
        assert float(outcome.payments) == theirs["payments"] and float(outcome.server_cost) == theirs["server_cost"]
        assert outcome.server_cost == outcome.weighted_accuracy_loss + outcome.payments
        for award, client in zip(outcome.awards, theirs["clients"], strict=True):
            assert (award.mode, float(award.payment)) == (client["mode"], client["payment"])
    found = imfl.verify(instances=3, clients=3, forecast=True).findings
    assert not any(one.violations for one in found if not one.control)


def test_what_is_wrong_with_a_forecast_is_named(tmp_path: Path) -> None:
    text = LAWS.read_text()
    with pytest.raises(imfl.ConfigError, match="cannot read"):
        imfl.Forecast.load(tmp_path / "none.toml")
    (tmp_path / "wrong.toml").write_text(text.replace("exponent = 0.6\n", "exponent = -1.0\n"))
    with pytest.raises(imfl.ImflError, match=r"wrong\.toml.*exponent"):
        imfl.Forecast.load(tmp_path / "wrong.toml")
    with pytest.raises(imfl.ImflError, match="classes"):
        imfl.Forecast.parse(text.replace("classes = 10\n", ""))
    forecast = imfl.Forecast.load(LAWS)
    with pytest.raises(imfl.ImflError, match="10"):
        forecast.predict([1, 2, 3])
    for counts in ([-1] * 10, [2**70] * 10, ["many"] * 10, [0.5] * 10, None):
        with pytest.raises(imfl.ImflError):
            forecast.predict(counts)  # type: ignore[arg-type]
    with pytest.raises(imfl.ImflError, match="samples"):
        forecast.predict([2**62] * 10)
    with pytest.raises(imfl.ImflError, match="mix"):
        forecast.predict([1] * 10, mix=float("nan"))
    with pytest.raises(imfl.DataError, match="line 2"):
        imfl.Forecast.fit([{**pilots()[0], "loss": "low"}])
    with pytest.raises(imfl.ImflError, match="pilots"):
        imfl.Forecast.fit(pilots()[:3])
    for given in ({"worth": None}, {"worth": 1.0, "weight": 1.0}, {"worth": 1.0, "per": "mile"}):
        with pytest.raises(imfl.UsageError):
            imfl.Market(CLIENTS, forecast=LAWS, **given)  # type: ignore[arg-type]
    for worth in (-1.0, float("nan"), float("inf")):
        with pytest.raises(imfl.ImflError, match="worth"):
            imfl.Market(CLIENTS, forecast=LAWS, worth=worth)
    row = {"client": "a", "samples": 5, "skew": 0.5, "compute_cost": 0, "synthesis_cost": 0, "setup_cost": 0, "batch": 1}
    with pytest.raises(imfl.ImflError, match="share"):
        imfl.Market([row], forecast=LAWS, worth=1.0)
    assert imfl.Market(CLIENTS, forecast=LAWS, worth=0.0).price().payments == Decimal(0)


def test_pilots_of_a_run_are_trained_and_its_run_prices_by_them(data: Images, tmp_path: Path) -> None:
    given: dict[str, Any] = {**SMALL, "dataset": str(data.folder), "objective": "forecast", "pilots": 1}
    forecast = imfl.Forecast.calibrate(**given)
    assert forecast.pilots is not None and forecast.candidates
    (tmp_path / "pilots.csv").write_text(forecast.pilots)
    again = imfl.Forecast.fit(tmp_path / "pilots.csv")
    assert again.predict([100] * 10) == forecast.predict([100] * 10)
    forecast.save(tmp_path / "laws.toml")
    run = imfl.run(**given, forecast=str(tmp_path / "laws.toml"), runs=str(tmp_path / "runs"))
    assert run.summary["objective"] == "forecast" and run.summary["predicted"]["accuracy"] > 0
    with pytest.raises(imfl.ConfigError, match="must be at least 1"):
        imfl.Forecast.calibrate(rounds=0)
