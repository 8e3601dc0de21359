"""What several tests share."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import imfl

ROOT = Path(__file__).resolve().parents[2]

#: As little as makes a run; recorded costs, so that it comes out the same every time; no pilots, which take longer.
SMALL: dict[str, Any] = {
    "rounds": 2,
    "clients": 3,
    "model": "mlp",
    "objective": "bound",
    "generator": "none",
    "seed": 1,
    "probe": {"points": 2, "images_per_class": 5},
    "costs": {"seconds_per_sample": 1e-4, "seconds_per_image": 1e-3, "seconds_for_setup": 0.1},
}


class Images(NamedTuple):
    """A folder of IDX files, and images that are not in it."""

    folder: Path
    spare: imfl.Dataset


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """A tenth of the shipped images, as IDX files."""
    folder = tmp_path_factory.mktemp("data")
    train, test = imfl.open_dataset("mnist")
    for name, part in (("train", train), ("t10k", test)):
        images, labels = part.images[:800, 0], part.labels[:800].astype(np.uint8)
        header = [2051, *images.shape]
        pixels = np.array(header, ">u4").tobytes() + images.tobytes()
        (folder / f"{name}-images-idx3-ubyte").write_bytes(pixels)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(np.array([2049, len(labels)], ">u4").tobytes() + labels.tobytes())
    return Images(folder, imfl.Dataset(train.images[800:2000], train.labels[800:2000], classes=10))


@pytest.fixture(scope="session")
def command() -> str:
    """The command line to compare with: $IMFL_COMMAND, or the workspace's own build."""
    found = os.environ.get("IMFL_COMMAND") or shutil.which(str(ROOT / "target" / "release" / "imfl"))
    if found is None:
        pytest.skip("no command line to compare with: cargo build --release, or set IMFL_COMMAND")
    return found
