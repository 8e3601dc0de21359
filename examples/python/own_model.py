"""One's own model as clients, with imfl's aggregation and pay.

Clients train whatever they like: here a softmax regression in numpy, in the place of a torch model (whose parameters come and go by
`{k: v.numpy() for k, v in model.state_dict().items()}`). imfl screens and combines their weights, prices what each is worth and
keeps the books.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import imfl

Weights = dict[str, npt.NDArray[np.float32]]
train, test = imfl.open_dataset("mnist")


def features(data: imfl.Dataset) -> npt.NDArray[np.float32]:
    return np.asarray(data.images, np.float32).reshape(len(data), -1) / np.float32(255)


pixels, labels = features(train), train.labels.astype(np.int64)
draw = np.random.default_rng(1)
shares = np.array_split(draw.permutation(len(train))[:3000], 5)


def probabilities(weights: Weights, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    logits = x @ weights["weight"] + weights["bias"]
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    found: npt.NDArray[np.float32] = exponents / exponents.sum(1, keepdims=True)
    return found


def local_training(weights: Weights, share: npt.NDArray[Any]) -> Weights:
    """A pass of gradient descent over a client's samples."""
    own = {name: values.copy() for name, values in weights.items()}
    for batch in np.array_split(share, max(len(share) // 20, 1)):
        error = (probabilities(own, pixels[batch]) - np.eye(10, dtype=np.float32)[labels[batch]]) / np.float32(len(batch))
        own["weight"] -= np.float32(0.1) * (pixels[batch].T @ error)
        own["bias"] -= np.float32(0.1) * error.sum(0)
    return own


# What each client is worth and what it is paid: by its samples and its skew from even shares of the classes.
histograms = [np.bincount(labels[share], minlength=10) / len(share) for share in shares]
market = imfl.Market(
    [
        {"client": f"client {k}", "samples": len(share), "skew": float(np.abs(histogram - 0.1).sum()),
         "compute_cost": 0.001 * (k + 1), "synthesis_cost": 0.001, "setup_cost": 1, "batch": 20}
        for k, (share, histogram) in enumerate(zip(shares, histograms, strict=True))
    ],
    constants=imfl.Constants(g_data=1.75, sigma=2.0, smoothness=4.0, rate=0.001, local_steps=30),
    theta=0.5,
    weight=20.0,
)  # fmt: skip
outcome = market.price()
playing = [k for k, award in enumerate(outcome.awards) if award.mode != "out"]
assert playing, "at this weight somebody takes part"

model: Weights = {"weight": np.zeros((784, 10), np.float32), "bias": np.zeros(10, np.float32)}
for round_ in range(1, 4):
    models = [local_training(model, shares[k]) for k in playing]
    combined = imfl.combine(model, models, weights=[outcome.weights[k] for k in playing], ids=playing)
    model = combined.weights
    accuracy = float((probabilities(model, features(test)).argmax(1) == test.labels).mean())
    print(f"round {round_}: accuracy {accuracy:.3f}, left out {list(combined.rejected)}")
assert accuracy > 0.7

with tempfile.TemporaryDirectory() as folder, imfl.Ledger(Path(folder) / "ledger.jsonl") as ledger:
    for k in playing:
        award = outcome.awards[k]
        ledger.post(imfl.Transaction.transfer(f"pay:{award.client}", award.mode, "server", award.client, award.payment))
    print("paid", -ledger.balance("server"), "credits to", len(playing), "clients")
