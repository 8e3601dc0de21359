"""The work of `cargo bench` in PyTorch and pfl-research: one figure as JSON on standard output.

`peers.py model NAME THREADS`: the model of that name in a bare training loop, batches of 10 of 3x32x32.
`peers.py denoiser THREADS`: the generator's network, in training (batches of 64 of 1x28x28) and in evaluations.
`peers.py pfl NAME THREADS`: whole federated rounds of pfl-research's CIFAR-10 benchmark, where pfl is installed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
BATCH = 10
SECONDS = 5.0


def rate(step: Callable[[], None], samples: int) -> float:
    """Samples a second of a step, over some seconds behind a few steps that are not counted."""
    for _ in range(5):
        step()
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        step()
        steps += 1
    return samples * steps / (time.perf_counter() - started)


def norm(channels: int) -> nn.Module:
    return nn.GroupNorm(channels // 8, channels)


class Residual(nn.Module):
    """Two convolutions with group normalisation beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), norm(outputs), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1), norm(outputs))
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


def model(name: str) -> nn.Module:
    """A classifier of images of 3x32x32 under its name in imfl."""
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, CLASSES))
    if name == "simple-cnn":
        images = [nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)]
        return nn.Sequential(*images, nn.Flatten(), nn.Linear(64 * 14 * 14, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, CLASSES))
    if name == "fedavg-cnn":
        images = [nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*images, nn.Flatten(), nn.Linear(4096, 512), nn.ReLU(), nn.Linear(512, CLASSES))
    if name == "resnet8-gn":
        blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
        stem = [nn.Conv2d(3, 16, 3, 1, 1), norm(16), nn.ReLU()]
        return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))
    raise SystemExit(f"no model is called {name}; there are: mlp, simple-cnn, fedavg-cnn, resnet8-gn")


def bare(name: str) -> dict[str, float]:
    """A training loop with nothing around it; the better of both layouts of images in memory."""
    rates = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = model(name).to(memory_format=layout)
        x, y = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout), torch.randint(0, CLASSES, (BATCH,))
        optimizer = torch.optim.SGD(network.parameters(), 0.1)

        def step() -> None:
            optimizer.zero_grad()
            functional.cross_entropy(network(x), y).backward()
            optimizer.step()

        rates.append(rate(step, BATCH))
    return {"samples_per_second": max(rates)}


class Modulated(nn.Module):
    """A residual block of the denoiser, whose second normalisation is scaled and shifted by the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)])
        self.convolutions = nn.ModuleList([nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)])
        self.modulation = nn.Linear(condition, 2 * channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        inner = self.convolutions[0](functional.silu(self.norms[0](x)))
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        return x + self.convolutions[1](functional.silu(self.norms[1](inner) * (1 + scale) + shift))


class Attention(nn.Module):
    """Self-attention over all pixels, with one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.project, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, -1)
        found = self.out(functional.scaled_dot_product_attention(query, key, value))
        return x + found.transpose(1, 2).reshape(x.shape)


class Denoiser(nn.Module):
    """The small U-net of imfl's generator: width 32 at half resolution, 64 at a quarter."""

    def __init__(self, width: int = 32, condition: int = 128) -> None:
        super().__init__()
        self.into = nn.Conv2d(4, width, 3, padding=1)
        self.above = nn.ModuleList([Modulated(width, condition) for _ in range(2)])
        self.below = nn.ModuleList([Modulated(2 * width, condition) for _ in range(3)])
        self.down, self.up = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)
        self.attention, self.out = Attention(2 * width), nn.Conv2d(width, 4, 3, padding=1)
        self.noise = nn.Sequential(nn.Linear(64, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.label, self.frequencies = nn.Embedding(CLASSES + 1, condition), nn.Parameter(torch.randn(32))

    def forward(self, x: Tensor, level: Tensor, label: Tensor) -> Tensor:
        angles = level[:, None] * self.frequencies * 2 * torch.pi
        condition = functional.silu(self.noise(torch.cat([angles.cos(), angles.sin()], 1)) + self.label(label))
        wide = self.above[0](self.into(functional.pixel_unshuffle(x, 2)), condition)
        deep = self.below[0](self.down(functional.avg_pool2d(wide, 2)), condition)
        deep = self.below[2](self.attention(self.below[1](deep, condition)), condition)
        wide = self.above[1](functional.interpolate(self.up(deep), scale_factor=2) + wide, condition)
        return functional.pixel_shuffle(self.out(wide), 2)


def denoiser() -> dict[str, float]:
    """Training steps of the denoiser as imfl takes them, and evaluations."""
    network, batch = Denoiser(), 64
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    clean, label = torch.randn(batch, 1, 28, 28), torch.randint(0, CLASSES, (batch,))

    def step() -> None:
        sigma = (torch.randn(batch) * 1.2 - 1.2).exp()
        noisy = clean + torch.randn_like(clean) * sigma[:, None, None, None]
        error = (network(noisy, sigma.log() / 4, label) - clean).square().mean()
        optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    trained = rate(step, batch)
    with torch.no_grad():
        evaluated = rate(lambda: network(clean, torch.zeros(batch), label), batch)
    return {"samples_per_second": trained, "evaluations_per_second": evaluated}


def pfl(name: str) -> dict[str, float]:
    """Whole rounds of pfl-research: 1,000 users of 50 samples, cohorts of 50, one local epoch, batches of 10."""
    from pfl.aggregate.simulate import SimulatedBackend
    from pfl.aggregate.weighting import WeightByUser
    from pfl.algorithm import FederatedAveraging, NNAlgorithmParams
    from pfl.callback.base import TrainingProcessCallback
    from pfl.data.federated_dataset import FederatedDataset
    from pfl.data.sampling import get_user_sampler
    from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
    from pfl.metrics import Metrics
    from pfl.model.pytorch import PyTorchModel

    class Federated(nn.Module):
        """A model with its loss and its metrics, as pfl asks for them."""

        def __init__(self) -> None:
            super().__init__()
            self.network = model(name)

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

        def loss(self, x: Tensor, y: Tensor, is_eval: bool = False) -> Tensor:
            self.train(not is_eval)
            return functional.cross_entropy(self(x), y)

        def metrics(self, x: Tensor, y: Tensor) -> dict[str, Any]:
            return {}

    class Clock(TrainingProcessCallback):
        """When each round ended."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def after_central_iteration(self, aggregate_metrics: Any, model: Any, *, central_iteration: int) -> tuple[bool, Any]:
            self.ends.append(time.perf_counter())
            return False, Metrics()

    users, held, cohort, rounds = 1000, 50, 50, 7
    torch.manual_seed(0)
    data = {user: (torch.randn(held, 3, 32, 32), torch.randint(0, CLASSES, (held,))) for user in range(users)}
    federated = FederatedDataset.from_slices(data, get_user_sampler("random", range(users)))
    network, clock = Federated(), Clock()
    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(
            central_num_iterations=rounds, evaluation_frequency=rounds + 1, train_cohort_size=cohort, val_cohort_size=0
        ),
        backend=SimulatedBackend(federated, federated, [WeightByUser()]),
        model=PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), 1.0)),
        model_train_params=NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.1, local_batch_size=BATCH),
        model_eval_params=NNEvalHyperParams(local_batch_size=10_000),
        callbacks=[clock],
    )
    seconds = sorted(after - before for before, after in zip(clock.ends, clock.ends[1:]))
    return {"samples_per_second": cohort * held / seconds[len(seconds) // 2]}


def main(arguments: list[str]) -> None:
    match arguments:
        case ["model", name, threads]:
            torch.set_num_threads(int(threads))
            found = bare(name)
        case ["denoiser", threads]:
            torch.set_num_threads(int(threads))
            found = denoiser()
        case ["pfl", name, threads]:
            torch.set_num_threads(int(threads))
            found = pfl(name)
        case _:
            raise SystemExit(__doc__)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
