"""Generators of images: opened, trained, drawn from, assessed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _imfl
from ._values import Path, column
from .errors import DataError, ImflError, UsageError
from .events import relay
from .progress import chosen

if TYPE_CHECKING:
    from .events import OnEvent

__all__ = ["Generator", "OwnGenerator"]

#: ``(label, count, seed)`` to images ``[count, channels, height, width]``, uint8.
Draw = Callable[[int, int, int], npt.ArrayLike]


def _counts(count: object, names: tuple[str, ...]) -> list[int]:
    """Images of each class: one number, one for each class, or by the class."""
    counts: list[Any] = [0] * len(names)
    if isinstance(count, int):
        counts = [count] * len(names)
    elif isinstance(count, Mapping):
        for key, number in count.items():
            index = names.index(key) if key in names else key
            if not isinstance(index, int) or not 0 <= index < len(names):
                raise UsageError(f"the generator has no class `{key}`; it has: {', '.join(names)}")
            counts[index] = number
    elif isinstance(count, Sequence):
        counts = list(count)
    else:
        raise UsageError(f"`count` is a {type(count).__name__}; expected a number, one for each class, or a mapping")
    if any(isinstance(number, bool) or not isinstance(number, int) or number < 0 for number in counts):
        raise UsageError(f"`count` is {count!r}; counts are integers of at least 0")
    return counts


class OwnGenerator:
    """A generator of one's own: a callable, so that a pipeline of another library can serve.

    Args:
        draw: called as ``draw(label, count, seed)``, on a thread of imfl's; images ``[count, channels, height, width]``, uint8. The
            same arguments have to give the same images, or a run cannot be repeated.
        shape: ``(channels, height, width)``.
        classes: names of the classes, or how many.
        block: images in a call. Image ``i`` of a class comes from its block ``i // block``, whatever else is asked for, so that results
            do not depend on who asks together; a block of which little is needed is drawn whole.
        name, learnt_from: what messages call it, and what it learnt from.
    """

    def __init__(
        self,
        draw: Draw,
        *,
        shape: tuple[int, int, int],
        classes: int | Sequence[str],
        block: int = 16,
        name: str = "generator of one's own",
        learnt_from: str = "elsewhere",
    ) -> None:
        if not callable(draw):
            raise UsageError(f"`draw` is a {type(draw).__name__}; expected a callable (label, count, seed) -> images")
        if len(shape) != 3 or not all(isinstance(side, int) and side > 0 for side in shape):
            raise UsageError(f"`shape` is {shape!r}; expected (channels, height, width), each at least 1")
        if not isinstance(block, int) or not 1 <= block <= 65536:
            raise UsageError(f"`block` is {block!r}; expected 1 to 65536")
        if isinstance(classes, int):
            if not 1 <= classes <= 65536:
                raise UsageError(f"`classes` is {classes}; expected 1 to 65536")
            classes = [str(label) for label in range(classes)]
        self._draw, self._raised = draw, None
        self.shape = shape
        self.classes = tuple(classes)
        self._own = _imfl.Own(self._called, shape, list(classes), block, name, learnt_from)

    _raised: BaseException | None

    def _called(self, label: int, count: int, seed: int) -> npt.NDArray[np.uint8]:
        try:
            images = np.asarray(self._draw(label, count, seed))
            if images.dtype != np.uint8:
                raise DataError(f"values of type {images.dtype}, expected uint8")
            if images.shape != (count, *self.shape):
                raise DataError(f"shape {images.shape}, expected {(count, *self.shape)}")
        except BaseException as error:
            self._raised = error
            raise
        return np.ascontiguousarray(images).reshape(-1)

    def sample(
        self,
        count: int | Sequence[int] | Mapping[str | int, int] = 1,
        *,
        first: int = 0,
        seed: int = 0,
        on_event: OnEvent | None = None,
        progress: bool | None = None,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
        """As :meth:`Generator.sample`.

        Raises:
            CheckpointError: what the callable raised or drew wrongly, and at which class; its own exception is the cause.
        """
        self._raised = None
        try:
            images, labels = self._own.sample(_counts(count, self.classes), first, seed, relay(on_event, chosen(progress)))
        except ImflError as error:
            raise error from self._raised
        return column(images, np.uint8).reshape(-1, *self.shape), column(labels, np.uint16)

    def __repr__(self) -> str:
        return f"OwnGenerator({len(self.classes)} classes, {self.shape})"


class Generator:
    """A trained class-conditional diffusion model. Make one by :meth:`load` or :meth:`train`."""

    def __init__(self, generator: _imfl.Generator) -> None:
        self._generator = generator

    @classmethod
    def load(cls, name: Path = "mnist") -> Generator:
        """A shipped generator by its name, or a checkpoint.

        Raises:
            CheckpointError: the file, and what is wrong with it.
        """
        return cls(_imfl.Generator.load(os.fspath(name)))

    @classmethod
    def train(
        cls,
        dataset: Path = "mnist",
        *,
        out: Path,
        images: str | None = None,
        resume: bool = False,
        restart: bool = False,
        start: Path | None = None,
        width: int | None = None,
        every: int = 500,
        device: str = "auto",
        workers: int | None = None,
        on_event: OnEvent | None = None,
        progress: bool | None = None,
        **settings: Any,
    ) -> Generator:
        """Trains on a dataset's images and leaves the generator in ``out`` (``imfl aigc train``).

        Args:
            dataset: a shipped dataset's name or a path.
            out: the generator's file; its state while it learns stands beside it.
            images: ``corpus`` or ``train``; the corpus if there is one, else the training images.
            resume, restart: go on with, or forget, what an interrupted training left.
            start: a generator to start from, which learnt from the same images.
            width: channels of the network at half resolution (32), of a table units of a layer (96).
            every: steps from one save of the state to the next.
            settings: ``steps``, ``batch``, ``learning_rate``, ``average``, ``label_dropout``, ``noise_mean``,
                ``noise_deviation``, ``mirror``, ``seed``...
        """
        begin = None if start is None else os.fspath(start)
        _imfl.train_generator(
            os.fspath(dataset), os.fspath(out), images, resume, restart, begin, width, every, settings, device, workers,
            relay(on_event, chosen(progress)),
        )  # fmt: skip
        return cls.load(out)

    @property
    def path(self) -> str:
        """Its file."""
        return str(self._generator.path)

    @property
    def description(self) -> dict[str, Any]:
        """What it was trained on and how."""
        return self._generator.description()

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)`` of its images."""
        return self._generator.shape

    @property
    def classes(self) -> tuple[str, ...]:
        """What it can be asked for."""
        return tuple(self.description["class_names"])

    def sample(
        self,
        count: int | Sequence[int] | Mapping[str | int, int] = 1,
        *,
        first: int = 0,
        seed: int = 0,
        device: str = "auto",
        workers: int | None = None,
        on_event: OnEvent | None = None,
        progress: bool | None = None,
        **sampler: Any,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
        """Draws images ``[samples, channels, height, width]`` (uint8, the caller's own) and their labels ``[samples]``.

        The image of a class, seed and number is the same whatever else is drawn with it.

        Args:
            count: images of each class: one number, one for each class, or by the class.
            first: number of the first image. seed: of the initial noise.
            sampler: ``method``, ``steps``, ``guidance``, ``sigma_min``... in the place of the generator's own.
        """
        images, labels = self._generator.sample(
            _counts(count, self.classes), first, seed, sampler, device, workers, relay(on_event, chosen(progress))
        )
        return column(images, np.uint8).reshape(-1, *self.shape), column(labels, np.uint16)

    def assess(
        self,
        *,
        sampler: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
        progress: bool | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        """What its images are worth, by every measure (``imfl aigc assess --format json``).

        Args:
            sampler: as for :meth:`sample`.
            settings: ``dataset``, ``learnt``, ``images``, ``on``, ``epochs``, ``model``, ``neighbours``, ``points``,
                ``images_per_class``, ``seed``, ``device``, ``workers``.
        """
        return self._generator.assess(settings, dict(sampler or {}), relay(on_event, chosen(progress)))

    def __repr__(self) -> str:
        return f"Generator({self.path!r})"
