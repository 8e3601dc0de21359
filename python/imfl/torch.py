"""The shipped models as PyTorch modules, whose state is what :meth:`imfl.Federation.state_dict` gives. Needs torch."""

# pyright: reportAttributeAccessIssue=false
# (pyright takes `torch` for this file where PyTorch is not installed)
from __future__ import annotations

from typing import Any

from .errors import ConfigError, ImflError

__all__ = ["module"]


def module(model: str, shape: tuple[int, int, int], classes: int) -> Any:
    """An untrained ``torch.nn.Module`` of the same architecture, with the same names: images ``[batch, channels, height,
    width]`` (normalised) to logits ``[batch, classes]``.

    Args:
        model: ``mlp``, ``simple-cnn``, ``fedavg-cnn`` or ``resnet8-gn``.
        shape: ``(channels, height, width)``.
        classes: number of classes.
    """
    try:
        import torch
        from torch import nn
    except ImportError as error:
        raise ImflError("this needs PyTorch: pip install torch") from error
    relu = torch.nn.functional.relu
    channels, height, width = shape

    class Mlp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense1, self.dense2 = nn.Linear(channels * height * width, 200), nn.Linear(200, 200)
            self.head = nn.Linear(200, classes)

        def forward(self, x: Any) -> Any:
            return self.head(relu(self.dense2(relu(self.dense1(x.flatten(1))))))

    class SimpleCnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(channels, 32, 3), nn.Conv2d(32, 64, 3)
            self.dense = nn.Linear(64 * ((height - 4) // 2) * ((width - 4) // 2), 128)
            self.head = nn.Linear(128, classes)
            self.dropout_images, self.dropout_features = nn.Dropout(0.25), nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.max_pool2d(relu(self.conv2(relu(self.conv1(x)))), 2)
            x = relu(self.dense(self.dropout_images(x).flatten(1)))
            return self.head(self.dropout_features(x))

    class FedAvgCnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(channels, 32, 5, padding=2), nn.Conv2d(32, 64, 5, padding=2)
            self.dense, self.head = nn.Linear(64 * (height // 4) * (width // 4), 512), nn.Linear(512, classes)

        def forward(self, x: Any) -> Any:
            pool = torch.nn.functional.max_pool2d
            x = pool(relu(self.conv2(pool(relu(self.conv1(x)), 2))), 2)
            return self.head(relu(self.dense(x.flatten(1))))

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
            self.norm1 = nn.GroupNorm(outputs // 8, outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
            self.norm2 = nn.GroupNorm(outputs // 8, outputs)
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if inputs != outputs else None

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
            return relu(y + (x if self.shortcut is None else self.shortcut(x)))

    class ResNet8Gn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.norm = nn.Conv2d(channels, 16, 3, padding=1), nn.GroupNorm(2, 16)
            self.block1, self.block2, self.block3 = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
            self.head = nn.Linear(64, classes)

        def forward(self, x: Any) -> Any:
            x = self.block3(self.block2(self.block1(relu(self.norm(self.stem(x))))))
            return self.head(x.mean((2, 3)))

    known: dict[str, type[nn.Module]] = {
        "mlp": Mlp,
        "simple-cnn": SimpleCnn,
        "fedavg-cnn": FedAvgCnn,
        "resnet8-gn": ResNet8Gn,
    }
    if model not in known:
        raise ConfigError(f"no model is called `{model}`; there are: {', '.join(known)}")
    return known[model]()
