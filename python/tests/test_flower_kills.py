"""Servers that are killed at random moments, and many nodes. ``pytest -m kills`` for 100 kills; a few of them by default."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")

from flower_grid import Node, Still, Threads, own_images  # noqa: E402
from flower_server import SETTINGS  # noqa: E402
from test_flower_run import receipts_agree, whole  # noqa: E402

from imfl.flower import IncentiveStrategy, Limits, client_app  # noqa: E402

CLIENTS = 3


def served(folder: Path, seconds: float | None) -> int:
    arguments = [sys.executable, str(Path(__file__).with_name("flower_server.py")), str(folder)]
    arguments += [] if seconds is None else [f"{seconds:.3f}"]
    return subprocess.run(arguments, capture_output=True, check=False, cwd=Path(__file__).parent, timeout=300).returncode


def kill_server(folder: Path, kills: int, seed: int) -> int:
    """Kills a server so often, at moments all over its run, starting anew when one is done; how many runs came to their end."""
    held = own_images(SETTINGS, CLIENTS)
    draw, done, killed, ended = random.Random(seed), 0, 0, 0.0
    while killed < kills:
        own = folder / f"federation{done}"
        own.mkdir(parents=True)
        np.savez(own / "data.npz", **{f"images{k}": images for k, (images, _) in enumerate(held)},
                 **{f"labels{k}": labels for k, (_, labels) in enumerate(held)})  # fmt: skip
        if not ended:
            began = time.monotonic()
            assert served(own, None) == 0
            ended = time.monotonic() - began
        else:
            for _ in range(4):
                if killed < kills and served(own, draw.uniform(0.2, 1.0) * ended) != 0:
                    killed += 1
            assert served(own, None) == 0
        newest = sorted((own / "server" / "runs").glob("*-flower"))[-1]
        assert len(whole(newest)) == CLIENTS * SETTINGS["rounds"]
        receipts_agree(newest, own)
        done += 1
    return done


def test_a_server_that_is_killed_a_few_times_is_whole(tmp_path: Path) -> None:
    kill_server(tmp_path, 4, 1)


@pytest.mark.kills
def test_a_server_that_is_killed_a_hundred_times_is_whole(tmp_path: Path) -> None:
    print(kill_server(tmp_path, 100, 2), "runs came to their end")


@pytest.mark.kills
def test_two_hundred_nodes(tmp_path: Path, capsys: Any) -> None:
    """Threads that speak the messages and train nothing: what a round costs the server for each node."""
    import resource

    costs = {"compute-cost": "0.0000001"}
    nodes = [Node(k, client_app(Still), {"state": str(tmp_path / "states"), "position": k, **costs}) for k in range(200)]
    seen: list[float] = []
    grid = Threads(nodes, workers=2, seen=lambda message: seen.append(time.process_time()))
    settings = {**SETTINGS, "rounds": 20, "check_labels": "none", "weight": 1e4}
    strategy = IncentiveStrategy(tmp_path / "server", limits=Limits(nodes=200), poll=0.005, **settings)
    began = time.monotonic()
    strategy.start(grid)
    seconds = time.monotonic() - began
    grid.close()
    assert strategy.run is not None
    rounds = [line["seconds"] for line in strategy.run.metrics.to_dict("records")]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with capsys.disabled():
        print(f"\n200 nodes, 20 rounds: {seconds:.1f} s in all, {sum(rounds) / 20 / 200 * 1e3:.2f} ms a node and round (nodes included), "
              f"peak {peak:.0f} MiB")  # fmt: skip
    assert len(whole(strategy.run.folder)) == 200 * 20
