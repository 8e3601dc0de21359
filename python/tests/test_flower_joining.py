"""Strategies of Flower's as the rule by which updates become one, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flwr")

from flower_grid import engine_nodes, own_images  # noqa: E402
from flwr.serverapp.strategy import FedAdam, FedAvg  # noqa: E402
from test_flower_run import CLIENTS, SETTINGS, cheap, ledger, receipts_agree, start, whole  # noqa: E402

import imfl  # noqa: E402


@pytest.fixture(scope="module")
def held() -> list[Any]:
    return own_images(SETTINGS, CLIENTS)


def test_strategies_of_flower_join_updates(tmp_path: Path, held: list[Any]) -> None:
    """FedAvg comes to the engine's mean within rounding, FedAdam to another model; both pay the same."""
    runs = {}
    for name, wraps in {"engine": None, "fedavg": FedAvg(), "fedadam": FedAdam(eta=0.01)}.items():
        runs[name] = start(engine_nodes(held, tmp_path / name, cheap()), tmp_path / name / "server", wraps=wraps)
        assert len(whole(runs[name].folder)) == 12
        receipts_agree(runs[name].folder, tmp_path / name)
    accuracy = {name: run.accuracy for name, run in runs.items()}
    assert abs(accuracy["fedavg"] - accuracy["engine"]) < 0.01
    assert accuracy["fedadam"] > 0.3 and accuracy["fedadam"] != accuracy["engine"]
    paid = {name: [line["postings"] for line in ledger(run.folder)] for name, run in runs.items()}
    assert paid["fedavg"] == paid["engine"] == paid["fedadam"]
    with pytest.raises(imfl.ConfigError, match="aggregation"):
        start(engine_nodes(held, tmp_path / "both", cheap()), tmp_path / "both", wraps=FedAvg(), aggregation="median")


def test_a_strategy_that_fails_ends_the_run_after_the_round_was_paid(tmp_path: Path, held: list[Any]) -> None:
    class Broken(FedAvg):
        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            return (None, None) if server_round == 2 else super().aggregate_train(server_round, replies)

    nodes = engine_nodes(held, tmp_path, cheap())
    with pytest.raises(imfl.ImflError, match="Broken made no model of 4 updates"):
        start(nodes, tmp_path / "server", wraps=Broken())
    run = start(nodes, tmp_path / "server", wraps=FedAvg())
    assert len(whole(run.folder)) == 12
    receipts_agree(run.folder, tmp_path)
    page = (run.folder / "report.html").read_text()
    assert "Pay was withheld" not in page
