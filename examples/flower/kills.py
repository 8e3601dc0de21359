"""Kills nodes, ServerApp and SuperLink of a federation on this machine at random moments, and looks at what is left.

    python examples/flower/kills.py --kills 100 [--seed S] [--folder FOLDER]

Two SuperNodes with TLS and keys train a small model on a few images, run after run. After every kill and every run: no id twice in the
ledger, sum zero, nobody paid for an update that did not count or for a round that it did not train in, no receipt without its line of the
ledger. Every run has to come to its end, by what docs/flower.md says: the app is submitted again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from incentive.participants import SETTINGS, participants
from loopback import Loopback
from run import HERE

import imfl
from imfl.flower import Book

CLIENTS, ROUNDS, IMAGES = 2, 3, 120
#: Short, since a node that was killed is kept out by Flower for a minute, and everybody else waits for it; as long as a machine that does
#: other things as well may take to start the processes of a message.
LIMITS = {
    "limit-nodes": 1, "limit-round": 20.0, "limit-answer": 30.0, "limit-profile": 40.0, "limit-settle": 15.0, "limit-online": 90.0,
}  # fmt: skip
#: Who is struck: the whole session of a SuperNode or it alone, so that what it started is left behind; a node's app in the middle of its
#: work; the ServerApp; the SuperLink with all that it started, or alone.
VICTIMS = ("node", "node alone", "clientapp", "serverapp", "serverapp", "superlink", "superlink alone")
#: Submissions of one run until it has to be at its end.
GOES = 20


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


def apps(federation: Loopback, of: str, kind: str) -> list[int]:
    """Processes of an app of Flower's that a process of the federation has started."""
    return [pid for pid, line in below(federation.processes[of].pid) if kind in line and "superexec" not in line]


def strike(federation: Loopback, victim: str, node: str) -> bool:
    """Kills; a SuperLink is started again on its database, a SuperNode by whoever watches the nodes. Says whether there was anything to kill."""
    if victim in ("serverapp", "clientapp"):
        found = apps(federation, "superlink" if victim == "serverapp" else node, f"flwr-{victim}")
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                found = [other for other in found if other != pid]
        return bool(found)
    name = "superlink" if victim.startswith("superlink") else node
    if federation.processes[name].poll() is not None:
        return False
    if victim.endswith("alone"):
        federation.processes[name].kill()
        federation.processes[name].wait()
    else:
        federation.kill(name)
    if name == "superlink":
        federation.start_link()
    return True


def receipts(own: Path, campaign: str) -> dict[str, int]:
    """Micro-credits by the ids of what participants hold receipts for; their books are only looked at."""
    found: dict[str, int] = {}
    for path in own.glob("participant*/state/*/book.jsonl"):
        copy = own / "looked-at" / "book.jsonl"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
        held = Book(copy).receipts(campaign)
        if len({receipt["id"] for receipt in held}) != len(held):
            raise RuntimeError(f"{path}: a receipt is there twice")
        found |= {receipt["id"]: receipt["micros"] for receipt in held}
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a file that somebody may be writing to."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def whole(own: Path, run: Path, seed: int) -> int:
    """Raises if the books are not what they should be; payments so far.

    What is written down first is read last, so that it may be called while everybody works.
    """
    if not (run / "contract.json").exists():
        return 0
    held = receipts(own, (run / "campaign").read_text().strip())
    ledger = lines(run / "ledger.jsonl")
    amounts = {line["id"]: {posting["account"]: posting["amount"] for posting in line["postings"]} for line in ledger}
    if len(amounts) != len(ledger):
        raise RuntimeError(f"{run}: an id is twice in the ledger")
    for id, postings in amounts.items():
        if sum(postings.values()) != 0:
            raise RuntimeError(f"{run}: {id} does not sum to zero")
    for id, micros in held.items():
        account = "client:" + id.split(":")[2]
        if id not in amounts:
            raise RuntimeError(f"{run}: a receipt without a line of the ledger: {id}")
        if amounts[id].get(account) != micros:
            raise RuntimeError(f"{run}: a receipt for {micros} micro-credits, the ledger says {amounts[id]}: {id}")
    accounts = [account for account, _ in json.loads((run / "contract.json").read_text())["clients"]]
    counted = set()
    for metrics in lines(run / "metrics.jsonl"):
        missing = {entry["client"] for entry in metrics["dropped"] + metrics["rejected"]}
        took = [] if metrics["skipped"] else [client for client in metrics["cohort"] if client not in missing]
        counted |= {f"pay:{metrics['round']}:{accounts[client]}" for client in took}
    if not amounts.keys() <= counted:
        raise RuntimeError(f"{run}: paid without having counted: {sorted(amounts.keys() - counted)}")
    trained = set()
    for path in own.glob("participant*/diary.txt"):
        account = next((path.parent / "state").iterdir()).name
        rounds = (line.split() for line in path.read_text().splitlines())
        trained |= {f"pay:{number}:{account}" for which, number in rounds if int(which) == seed}
    if not amounts.keys() <= trained:
        raise RuntimeError(f"{run}: paid without having trained: {sorted(amounts.keys() - trained)}")
    return len(amounts)


def ended(own: Path, run: Path) -> int:
    """As `whole` where a run is over: every update that counted is paid, and who settled holds all its receipts. Receipts that are held."""
    ledger = imfl.replay(run / "ledger.jsonl")
    if sum(ledger.balances.values()) != 0:
        raise RuntimeError(f"{run}: the ledger does not sum to zero")
    metrics = lines(run / "metrics.jsonl")
    said = json.loads((run / "contract.json").read_text())["answers"]["modes"]
    # Where everybody was silent when work was offered, nobody is hired and there is nothing to train.
    rounds = ROUNDS if any(mode != "out" for mode in said) else 0
    if [line["round"] for line in metrics] != list(range(1, rounds + 1)):
        raise RuntimeError(f"{run}: rounds {[line['round'] for line in metrics]}")
    counted = sum(
        0 if line["skipped"] else len(line["cohort"]) - len(line["dropped"]) - len(line["rejected"]) for line in metrics
    )
    if ledger.transactions != counted:
        raise RuntimeError(f"{run}: {counted} updates counted, {ledger.transactions} were paid")
    for account, settled in json.loads((run / "receipts.json").read_text())["accounts"].items():
        if settled["held_micros"] is not None and settled["held_micros"] != settled["paid_micros"]:
            raise RuntimeError(f"{run}: {account} settled with {settled}")
    return len(receipts(own, (run / "campaign").read_text().strip()))


def finish(
    federation: Loopback, own: Path, number: int, draw: random.Random, kills: int, counts: Counter[str], told: float
) -> tuple[int, int, int]:
    """Takes one run to its end with so many kills on its way; submissions, payments and receipts held."""
    server = own / f"server{number}"
    config = {"folder": str(server), "imfl-rounds": ROUNDS, "imfl-model": "mlp", **LIMITS}
    config |= {f"imfl-{key}": value for key, value in SETTINGS.items() if key != "partition"} | {"imfl-seed": number}

    def newest() -> Path | None:
        found = sorted((server / "runs").glob("*-flower")) if server.is_dir() else []
        return found[-1] if found else None

    strikes = [draw.uniform(0.5, 8.0) for _ in range(kills)]
    for go in range(1, GOES + 1):
        federation.begin(config)
        began = time.monotonic()
        seen = False
        while True:
            run, now = newest(), time.monotonic()
            if strikes and now - began > strikes[0]:
                victim, node = draw.choice(VICTIMS), f"node{draw.randrange(CLIENTS)}"
                if strike(federation, victim, node):
                    began = now
                    strikes.pop(0)
                    counts[victim] += 1
                    print(f"{time.monotonic() - told:5.0f} s: kill {sum(counts.values())}: {victim}, run {number}", flush=True)
                    if run is not None:
                        whole(own, run, number)
            there = bool(apps(federation, "superlink", "flwr-serverapp"))
            seen = seen or there
            if not there and (seen or time.monotonic() - began > 20):
                break
            if time.monotonic() - began > 240:
                raise RuntimeError(f"{server}: it neither ended nor went on; see {federation.logs}")
            time.sleep(0.2)
        if (run := newest()) is not None:
            paid = whole(own, run, number)
            if (run / "receipts.json").exists():
                return go, paid, ended(own, run)
    raise RuntimeError(f"{server}: it did not come to its end in {GOES} goes; see {federation.logs}")


def main(arguments: list[str] | None = None) -> int:
    """Kills and counts."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--kills", type=int, default=8)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--folder", type=Path)
    asked = reader.parse_args(arguments)
    own = (asked.folder or Path(tempfile.mkdtemp(prefix="imfl-kills-"))).resolve()
    own.mkdir(parents=True, exist_ok=True)
    print(f"everything goes to {own}")
    draw, counts, number, goes, paid, held = random.Random(asked.seed), Counter[str](), 0, 0, 0, 0
    files = participants(own, CLIENTS, torch=False, cost="0.00000001", images=IMAGES, diary=True)
    began = time.monotonic()
    with Loopback(own, HERE, files) as federation:
        while sum(counts.values()) < asked.kills:
            number += 1
            kills = min(draw.randrange(3, 9), asked.kills - sum(counts.values()))
            found = finish(federation, own, number, draw, kills, counts, began)
            goes, paid, held = goes + found[0], paid + found[1], held + found[2]
            print(f"{time.monotonic() - began:5.0f} s: run {number} ended: submitted {found[0]} times, {found[1]} payments, "
                  f"{found[2]} receipts held", flush=True)  # fmt: skip
    if paid == 0 or held == 0:
        raise RuntimeError("nothing was paid: nothing was tried")
    print(f"{sum(counts.values())} kills ({dict(counts)}) in {number} runs, submitted {goes} times: every one came to its end; "
          f"{paid} payments, {held} receipts, whole books; {time.monotonic() - began:.0f} s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
