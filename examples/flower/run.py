"""Six participants on this machine, one of which lies: starts everything, runs 8 rounds, shows who was paid, stops everything.

    python examples/flower/run.py [--folder FOLDER] [--rounds N] [--without-torch] [--simulation]

Needs ``pip install '.[flower]' torch``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from incentive.participants import SETTINGS, participants
from loopback import Loopback

import imfl
from imfl.flower import Book

HERE = Path(__file__).resolve().parent
CLIENTS = 6


def books(folder: Path, run: Path) -> bool:
    """Whether each participant's own book says what the server's says; prints both."""
    said = json.loads((run / "receipts.json").read_text(encoding="utf-8"))
    ledger = imfl.replay(run / "ledger.jsonl")
    print(f"ledger: {ledger.transactions} transactions, sum {sum(ledger.balances.values())}")
    agree = sum(ledger.balances.values()) == 0
    for number in range(CLIENTS):
        state = folder / f"participant{number}" / "state"
        for account in sorted(path.name for path in state.iterdir()):
            held = Book(state / account / "book.jsonl").paid(said["campaign"])
            paid = int(ledger.balances.get(f"client:{account}", 0) * 10**6)
            agree = agree and held == paid
            print(f"participant {number} ({account[:8]}): paid {paid / 1e6:.6f}, holds receipts for {held / 1e6:.6f}")
    return agree


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; 0 if everything is as it should be."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--folder", type=Path, help="where everything goes; a new temporary one if absent")
    reader.add_argument("--rounds", type=int, default=8)
    reader.add_argument("--without-torch", action="store_true", help="all six train with imfl's engine")
    reader.add_argument("--simulation", action="store_true", help="six nodes of Flower's simulation engine (flwr[simulation])")
    asked = reader.parse_args(arguments)
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="imfl-flower-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    print(f"everything goes to {folder}")
    files = participants(folder, CLIENTS, torch=False if asked.without_torch else None)
    server = folder / "server"
    config = {"folder": str(server), "simulated": str(folder), "imfl-rounds": asked.rounds}
    config |= {f"imfl-{key}": value for key, value in SETTINGS.items() if key != "partition"}
    how: dict[str, Any] = {"simulated": CLIENTS} if asked.simulation else {"participants": files}
    with Loopback(folder, HERE, **how) as federation:
        print(f"SuperLink and {CLIENTS} nodes started after {time.monotonic() - began:.0f} s")
        federation.begin(config)
        status = federation.wait(server / "runs")
        print(f"Flower says {status} after {time.monotonic() - began:.0f} s")
    runs = sorted((server / "runs").glob("*-flower")) if (server / "runs").is_dir() else []
    if not status.startswith("finished:completed") or not runs:
        print(f"the run failed; see {federation.logs}", file=sys.stderr)
        return 1
    run = imfl.Run(runs[-1])
    for flagged in run.summary["flagged"]:
        print(f"flagged: client {flagged['client']}, off by {flagged['distance']:.2f}, allowed {flagged['allowed']:.2f}")
    print(f"accuracy {run.accuracy:.4f}")
    agree = books(folder, run.folder)
    print(f"page: {run.folder / 'report.html'}")
    print(f"{time.monotonic() - began:.0f} s; ledger and books {'agree' if agree else 'DISAGREE'}")
    return 0 if agree else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
