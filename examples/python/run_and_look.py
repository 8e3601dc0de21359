"""A whole run, heard of while it goes on, and its folder afterwards. In a notebook, end a cell with `run.plots["accuracy"]`."""

import sys
import tempfile

import imfl
from imfl.events import Event, Round

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3


def on_event(event: Event) -> None:
    if isinstance(event, Round):
        print(f"round {event.metrics['round']} of {event.planned}: accuracy {event.metrics['accuracy']:.3f}")


with tempfile.TemporaryDirectory() as folder:
    run = imfl.run(model="mlp", rounds=rounds, clients=5, seed=1, runs=folder, on_event=on_event, progress=False)
    summary = run.summary
    print(f"accuracy {run.accuracy:.3f}, theta {summary['theta']:.3f}, price {summary['price']:.6f}")
    for account, balance in run.ledger.balances.items():
        print(f"  {account:<12}{balance:>12}")
    assert sum(run.ledger.balances.values()) == 0 and len(run.rounds) == rounds
    print("drawings:", ", ".join(run.plots))
