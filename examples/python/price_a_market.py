"""Price a market of one's own: who takes part, in which mode, for how much, and what that rests on."""

import imfl

# Measured of each client: samples and label skew. Private: credits for training on a sample, for generating one, for a set-up.
clients = [
    {"client": "clinic", "samples": 800, "skew": 0.2, "compute_cost": "0.0012", "synthesis_cost": "0.0004",
     "setup_cost": "0.05", "batch": 20},
    {"client": "hospital", "samples": 2000, "skew": 0.9, "compute_cost": "0.0009", "synthesis_cost": "0.0003",
     "setup_cost": "0.08", "batch": 20},
    {"client": "practice", "samples": 150, "skew": 1.4, "compute_cost": "0.0031", "synthesis_cost": "0.0006",
     "setup_cost": "0.02", "batch": 10},
    {"client": "laboratory", "samples": 1200, "skew": 1.6, "compute_cost": "0.0015", "synthesis_cost": "0.0002",
     "setup_cost": "0.04", "batch": 20},
]  # fmt: skip
constants = imfl.Constants(g_data=1.75, sigma=2.0, smoothness=4.0, rate=0.01, local_steps=5)
market = imfl.Market(clients, constants=constants, theta=0.15, weight=0.5)

posted = market.price()
print(f"{posted.price} credits an effective sample, {posted.server_cost} in all")
for award in posted.awards:
    print(f"  {award.client:<12}{award.mode:<11}{award.payment:>12} paid, {award.cost:>10} cost")

# What a server expects that knows only how costs are distributed, and what it would lose if they were a quarter higher.
prior = {"compute_cost": {"distribution": "uniform", "low": 0.0005, "high": 0.004}}
unsure = market.price(information="incomplete", prior=prior, scenarios=500, seed=1)
assert unsure.expected is not None
print(f"expected {unsure.expected.server_cost:.4f} +- {unsure.expected.standard_error:.4f}")
print(f"regret at costs of 1.25 times: {unsure.expected.sensitivity[-1].regret:.4f}")

# Let them bid instead: everyone is paid its externality, so the truth is the best bid.
held = market.auction("vcg")
print(f"vcg pays {held.payments}; it promises {', '.join(held.guarantees)}")
assert market.offers().server_cost <= posted.server_cost, "offers to each cannot cost more than one price for all"

# Pay by the books: posting the same transaction again does nothing.
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

with tempfile.TemporaryDirectory() as folder, imfl.Ledger(Path(folder) / "ledger.jsonl") as ledger:
    pay = [
        imfl.Transaction.transfer(f"pay:{award.client}", "award", "server", award.client, award.payment)
        for award in posted.awards
        if award.payment
    ]
    ledger.post(*pay)
    assert ledger.post(*pay) == 0 and ledger.balance("server") == -posted.payments
