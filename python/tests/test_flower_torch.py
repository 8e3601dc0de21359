"""Nodes that train with PyTorch beside nodes of the engine, without a network; skipped where there is no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flwr")
pytest.importorskip("torch")

from flower_grid import Node, engine_nodes, own_images  # noqa: E402
from test_flower_run import CLIENTS, SETTINGS, cheap, receipts_agree, start, whole  # noqa: E402

from imfl.flower import TorchClient, client_app  # noqa: E402


def test_nodes_of_pytorch_are_believed_hired_and_paid(tmp_path: Path) -> None:
    held = own_images(SETTINGS, CLIENTS)
    nodes = engine_nodes(held, tmp_path, cheap())
    for client in (0, 1):
        images, labels = held[client]

        def make(terms: Mapping[str, Any], settings: Mapping[str, Any], own: Path, images: Any = images, labels: Any = labels) -> TorchClient:
            return TorchClient(terms, settings, own, images, labels)

        nodes[client] = Node(client, client_app(make), nodes[client].settings)
    run = start(nodes, tmp_path / "server")
    assert run.summary["flagged"] == [], "the gradient of PyTorch is the engine's"
    assert len(whole(run.folder)) == 3 * CLIENTS
    receipts_agree(run.folder, tmp_path)
    engines = start(engine_nodes(held, tmp_path / "engines", cheap()), tmp_path / "engines" / "server")
    assert run.summary["payments"] == engines.summary["payments"]
    assert abs(run.accuracy - engines.accuracy) < 0.05
