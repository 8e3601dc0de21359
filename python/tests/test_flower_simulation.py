"""The example's app on Flower's simulation engine: what is decided, paid and learnt over the network. ``pytest -m network`` where
``flwr[simulation]`` is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr")
pytest.importorskip("ray")

from conftest import ROOT  # noqa: E402

import imfl  # noqa: E402


@pytest.mark.network
@pytest.mark.timeout(900)
def test_simulated_nodes_come_to_what_nodes_come_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "flower"))
    for name in ("run", "loopback"):
        sys.modules.pop(name, None)
    import run

    def pay(folder: Path) -> list[list[int]]:
        lines = (folder / "ledger.jsonl").read_text().splitlines()
        return [[posting["amount"] for posting in json.loads(line)["postings"]] for line in lines]

    runs = {}
    for name, more in {"network": [], "simulated": ["--simulation"]}.items():
        assert run.main(["--folder", str(tmp_path / name), "--rounds", "2", "--without-torch", *more]) == 0
        (folder,) = (tmp_path / name / "server" / "runs").glob("*-flower")
        runs[name] = imfl.Run(folder)
    network, simulated = runs["network"], runs["simulated"]
    for key in ("price", "modes", "payments", "paid", "accuracy", "flagged"):
        assert simulated.summary[key] == network.summary[key], key
    assert network.summary["paid"] > 0 and [entry["client"] for entry in network.summary["flagged"]] == [5]
    assert pay(simulated.folder) == pay(network.folder)
    assert (simulated.folder / "model.safetensors").read_bytes() == (network.folder / "model.safetensors").read_bytes()
