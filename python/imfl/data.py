"""Labelled images: numpy arrays, shipped datasets, paths."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _imfl
from ._values import Path, column, contiguous
from .errors import DataError

__all__ = ["Dataset", "open_dataset"]


class Dataset:
    """Images ``[samples, channels, height, width]`` with a label in ``0..classes`` for each.

    Args:
        images: uint8 (0 to 255) or float32 (any scale; finite). An array is copied once, since Python may write to it while Rust
            reads. The memory of an array that looks at a whole ``bytes`` object, as ``np.frombuffer(data, np.uint8)`` makes it,
            is shared and not copied (:attr:`shared`): nobody can write to it.
        labels: integers ``[samples]``.
        classes: names of the classes, or how many; one more than the largest label if absent.

    Raises:
        DataError: another type or shape, a value that is not finite, a label that names no class; the message says which.
    """

    _dataset: _imfl.Dataset

    def __init__(self, images: npt.ArrayLike, labels: npt.ArrayLike, *, classes: int | Sequence[str] | None = None) -> None:
        array = np.asarray(images)
        if array.ndim != 4:
            raise DataError(f"images: shape {array.shape}, expected [samples, channels, height, width]")
        if array.dtype not in (np.uint8, np.float32):
            raise DataError(f"images: values of type {array.dtype}, expected uint8 or float32")
        names = contiguous(labels, np.int64, "labels")
        if names.ndim != 1:
            raise DataError(f"labels: shape {names.shape}, expected [samples]")
        if classes is None:
            classes = max(int(names.max()) + 1, 1) if names.size else 1
        if isinstance(classes, int):
            if not 1 <= classes <= 65536:
                raise DataError(f"classes: {classes}, expected 1 to 65536")
            classes = [str(label) for label in range(classes)]
        owner = _owner(array)
        held: object = np.ascontiguousarray(array).reshape(-1).view(np.uint8) if owner is None else owner
        #: Whether the engine reads the array's own memory.
        self.shared = owner is not None
        numbers = array.dtype == np.float32
        self._dataset = _imfl.Dataset(held, numbers, array.shape, names, [str(name) for name in classes])
        self._images: npt.NDArray[np.generic] | None = array

    @classmethod
    def _of(cls, dataset: _imfl.Dataset) -> Dataset:
        made = cls.__new__(cls)
        made._dataset, made._images, made.shared = dataset, None, False
        return made

    def __len__(self) -> int:
        return len(self._dataset)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)``."""
        return self._dataset.shape

    @property
    def classes(self) -> tuple[str, ...]:
        """What each class is called."""
        return tuple(self._dataset.class_names)

    @property
    def images(self) -> npt.NDArray[np.generic]:
        """``[samples, channels, height, width]``."""
        if self._images is None:
            self._images = column(self._dataset.images(), np.uint8).reshape(len(self), *self.shape)
        return self._images

    @property
    def labels(self) -> npt.NDArray[np.uint16]:
        """``[samples]``, uint16."""
        return column(self._dataset.labels(), np.uint16)

    @property
    def normalisation(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mean and deviation of each channel; of bytes on the scale on which 255 is 1. A model gets (value - mean) / deviation."""
        mean, deviation = self._dataset.normalisation()
        return np.asarray(mean, np.float32), np.asarray(deviation, np.float32)

    def __repr__(self) -> str:
        channels, height, width = self.shape
        return f"Dataset({len(self)} images of {channels}x{height}x{width}, {len(self.classes)} classes)"


def _owner(array: npt.NDArray[np.generic]) -> bytes | None:
    """The ``bytes`` object whose whole memory a contiguous array looks at."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, bytes) or not array.flags.c_contiguous or len(base) != array.nbytes:
        return None
    start = np.frombuffer(base, np.uint8).ctypes.data
    return base if array.ctypes.data == start else None


def open_dataset(path: Path = "mnist", *, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Training and test images of a shipped dataset (``mnist``), an IDX folder, CIFAR-10 binaries or an image folder.

    Args:
        path: a name or a path.
        seed: where a dataset has no test images, which of its images become them.
    """
    train, test = _imfl.Dataset.open(os.fspath(path), seed)
    return Dataset._of(train), Dataset._of(test)
