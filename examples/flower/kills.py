"""Kills nodes, ServerApp and SuperLink of a federation on this machine at random moments, and looks at what is left.

    python examples/flower/kills.py --kills 100 [--seed S] [--folder FOLDER]

Every federation has to come to its end; after each: no id twice in the ledger, sum zero, nobody paid for an update that did not count, no
receipt without a line of the ledger.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from loopback import Loopback
from run import CLIENTS, HERE, SETTINGS, books, participants

import imfl
from imfl.flower import Book

#: Flower's limits have to leave room for a node that is kept out for a minute.
LIMITS = {"limit-round": 20.0, "limit-answer": 60.0, "limit-profile": 60.0, "limit-settle": 20.0, "limit-online": 120.0}


def below(root: int) -> list[tuple[int, str]]:
    """Processes that come from `root`, with their command lines."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                after = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(after[1]), []).append(int(entry.name))
        except OSError:
            continue
    found, waiting = [], [root]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            waiting.append(child)
            try:
                found.append((child, (Path("/proc") / str(child) / "cmdline").read_text().replace("\0", " ")))
            except OSError:
                continue
    return found


def strike(federation: Loopback, victim: str) -> str:
    """Kills one; the SuperLink is started again on its database."""
    if victim == "serverapp":
        apps = [pid for pid, line in below(federation.processes["superlink"].pid) if "flwr-serverapp" in line]
        for pid in apps:
            os.kill(pid, signal.SIGKILL)
        return f"serverapp {apps}" if apps else ""
    federation.kill(victim)
    if victim == "superlink":
        federation.start_link()
    return victim


def whole(own: Path, run: Path) -> None:
    """Raises if the books are not what they should be."""
    accounts = [account for account, _ in json.loads((run / "contract.json").read_text())["clients"]]
    counted = set()
    for line in (run / "metrics.jsonl").read_text().splitlines():
        metrics = json.loads(line)
        missing = {entry["client"] for entry in metrics["dropped"] + metrics["rejected"]}
        counted |= {f"pay:{metrics['round']}:{accounts[client]}" for client in metrics["cohort"] if client not in missing}
    ids = [json.loads(line)["id"] for line in (run / "ledger.jsonl").read_text().splitlines()]
    if len(ids) != len(set(ids)):
        raise RuntimeError(f"{run}: an id is twice in the ledger")
    if not set(ids) <= counted:
        raise RuntimeError(f"{run}: paid without having counted: {sorted(set(ids) - counted)}")
    if sum(imfl.replay(run / "ledger.jsonl").balances.values()) != 0:
        raise RuntimeError(f"{run}: the ledger does not sum to zero")
    campaign = (run / "campaign").read_text().strip()
    for path in own.glob("participant*/state/*/book.jsonl"):
        receipts = {receipt["id"] for receipt in Book(path).receipts(campaign)}
        if not receipts <= set(ids):
            raise RuntimeError(f"{path}: receipts without a line of the ledger: {sorted(receipts - set(ids))}")


def main() -> int:
    """Kills and counts."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--kills", type=int, default=5)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--folder", type=Path)
    asked = reader.parse_args()
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="imfl-kills-"))).resolve()
    draw, killed, number = random.Random(asked.seed), 0, 0
    counts: dict[str, int] = {}
    while killed < asked.kills:
        own, number = folder / f"federation{number}", number + 1
        own.mkdir(parents=True)
        files = participants(own, torch=False, cost="0.00000001")
        config = {"folder": str(own / "server"), "imfl-rounds": 4, "imfl-model": "mlp", "limit-nodes": CLIENTS, **LIMITS}
        config |= {f"imfl-{key}": value for key, value in SETTINGS.items() if key != "partition"}
        with Loopback(own, HERE, files) as federation:
            for _ in range(12):
                federation.begin(config)
                victims = [f"node{k}" for k in range(CLIENTS)] + ["serverapp"] * 4 + ["superlink"] * 2
                strikes = sorted(draw.uniform(3, 45) for _ in range(draw.randrange(1, 4)))

                def maybe(seconds: float, strikes: list[float] = strikes) -> None:
                    nonlocal killed
                    if strikes and killed < asked.kills and seconds > strikes[0]:
                        strikes.pop(0)
                        victim = strike(federation, draw.choice(victims))
                        if victim:
                            killed += 1
                            kind = "node" if victim.startswith("node") else victim.split()[0]
                            counts[kind] = counts.get(kind, 0) + 1
                            print(f"kill {killed}: {victim} after {seconds:.0f} s", flush=True)

                status = federation.wait(own / "server" / "runs", maybe)
                print(f"federation {number}: {status}", flush=True)
                if status.startswith("finished:completed"):
                    break
            else:
                raise RuntimeError(f"{own}: it did not come to its end in twelve goes")
        run = sorted((own / "server" / "runs").glob("*-flower"))[-1]
        whole(own, run)
        books(own, run)
    print(f"{killed} kills ({counts}) in {number} federations: every one came to its end with whole books")
    return 0


if __name__ == "__main__":
    sys.exit(main())
