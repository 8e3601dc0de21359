"""A server that can be killed: ``python flower_server.py FOLDER [SECONDS]`` runs, or goes on with, a short federation on threads; it
kills itself after so many seconds, as a power cut would."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
from flower_grid import Threads, engine_nodes

from imfl.flower import IncentiveStrategy, Limits

#: Short, and with something to pay in every round.
SETTINGS = {
    "dataset": "mnist", "seed": 3, "model": "mlp", "generator": "none", "objective": "bound", "weight": 3.0,
    "partition": "dirichlet:0.7", "rounds": 4, "batch": 20, "workers": 1,
    "probe": {"points": 2, "images_per_class": 10},
    "costs": {"seconds_per_sample": 1e-4, "seconds_per_image": 1e-3, "seconds_for_setup": 0.1},
}  # fmt: skip


def main(folder: Path, seconds: float | None) -> None:
    """Runs until it is done, or until it is killed."""
    with np.load(folder / "data.npz") as data:
        held = [(data[f"images{client}"], data[f"labels{client}"]) for client in range(len(data.files) // 2)]
    if seconds is not None:
        killer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGKILL))
        killer.daemon = True
        killer.start()
    nodes = engine_nodes(held, folder, [{"compute-cost": f"0.00000{1 + client}"} for client in range(len(held))])
    limits = Limits(nodes=len(held), online=5, profile=60, answer=30, round=60, settle=30)
    IncentiveStrategy(folder / "server", limits=limits, poll=0.005, **SETTINGS).start(Threads(nodes))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)
