from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, final

__all__ = [
    "Dataset",
    "Federation",
    "Forecast",
    "Generator",
    "Ledger",
    "Market",
    "Own",
    "Trainer",
    "__version__",
    "answer",
    "bench",
    "bring_assets",
    "combine",
    "device_factors",
    "devices",
    "experiment",
    "experiments",
    "finish",
    "instalment",
    "leave",
    "replay",
    "report",
    "run",
    "run_remote",
    "settings",
    "shares",
    "sweep",
    "template",
    "train_generator",
    "verify",
]
__version__: str

_Path = str | PathLike[str]
_OnEvent = Callable[[str, dict[str, Any]], None] | None
_Given = tuple[str, str, list[tuple[str, int]]]

def bring_assets(folder: Path) -> None: ...
def devices() -> list[str]: ...
def settings() -> list[tuple[str, str]]: ...
def template(config: Any, given: dict[str, Any]) -> str: ...
def finish() -> None: ...
def leave() -> None: ...
def run(
    config: Any,
    given: dict[str, Any],
    resume: str | None,
    resume_changed: bool,
    recorded: _Path | None,
    source: Own | None,
    on_event: _OnEvent,
) -> tuple[Path, dict[str, Any]]: ...
def run_remote(
    given: dict[str, Any], resume: str | None, participants: Any, on_event: _OnEvent
) -> tuple[Path, dict[str, Any]]: ...
def device_factors(given: dict[str, Any]) -> list[float]: ...
def shares(given: dict[str, Any]) -> tuple[Dataset, list[list[int]]]: ...
def answer(offer: dict[str, Any], compute: str, synthesis: str, setup: str) -> tuple[str, int, int]: ...
def instalment(award: int, rounds: int, nth: int) -> int: ...
def experiments() -> list[tuple[str, str]]: ...
def experiment(
    name: str,
    quick: bool,
    settings: str | None,
    folder: str,
    folder_name: str | None,
    fresh: bool,
    dataset: str | None,
    generator: str | None,
    device: str | None,
    workers: int | None,
    on_event: _OnEvent,
) -> tuple[dict[str, Any], Path]: ...
def sweep(
    grid: dict[str, list[Any]],
    seeds: str,
    config: Any,
    given: dict[str, Any],
    recorded: _Path | None,
    folder: str,
    name: str,
    fresh: bool,
    on_event: _OnEvent,
) -> tuple[dict[str, Any], Path]: ...
def report(folders: list[str], out: str) -> list[dict[str, Any]]: ...
def bench(
    model: str,
    shape: tuple[int, int, int],
    clients: int,
    cohort: int,
    samples: int,
    batch: int,
    local_epochs: int,
    rate: float,
    momentum: float,
    algorithm: str,
    rounds: int,
    chunk: int | None,
    workers: int | None,
    device: str,
    seed: int,
) -> dict[str, Any]: ...
def verify(instances: int, clients: int, seed: int, forecast: bool, on_event: _OnEvent) -> dict[str, Any]: ...
def replay(path: str) -> tuple[dict[str, int], int, int]: ...
def combine(
    base: Any, models: list[tuple[int, float, Any]], aggregation: str, workers: int | None
) -> tuple[bytearray, list[tuple[int, str]]]: ...
def train_generator(
    dataset: str,
    out: str,
    images: str | None,
    resume: bool,
    restart: bool,
    start: str | None,
    width: int | None,
    every: int,
    given: dict[str, Any],
    device: str,
    workers: int | None,
    on_event: _OnEvent,
) -> None: ...

@final
class Market:
    def __new__(
        cls,
        clients: Any,
        constants: Any,
        theta: float,
        weight: float,
        bias: str,
        weights: str,
        target: Any,
    ) -> Market: ...
    @staticmethod
    def forecasting(
        clients: Any,
        forecast: Forecast,
        worth: float,
        per_nat: bool,
        theta: float | None,
        weights: str,
        target: Any,
    ) -> Market: ...
    def __len__(self) -> int: ...
    def clients(self) -> dict[str, Any]: ...
    def theorem(self) -> tuple[bool, float, float] | None: ...
    def price(self, complete: bool, prior: Any, scenarios: int, seed: int) -> dict[str, Any]: ...
    def offers(self, gap: float, effort: int | None) -> dict[str, Any]: ...
    def auction(self, rule: str, prior: Any, budget: str | None, effort: int | None) -> dict[str, Any]: ...
    def benchmarks(self, seed: int) -> list[tuple[str, int, float, int, int]]: ...

@final
class Ledger:
    def __new__(cls, path: str) -> Ledger: ...
    def post(self, transactions: list[_Given]) -> int: ...
    def balance(self, account: str) -> int: ...
    def balances(self) -> dict[str, int]: ...
    def transaction(self, id: str) -> _Given | None: ...
    def count(self) -> int: ...
    def close(self) -> None: ...

@final
class Dataset:
    def __new__(
        cls, images: Any, are_numbers: bool, shape: tuple[int, ...], labels: Any, class_names: list[str]
    ) -> Dataset: ...
    @staticmethod
    def open(path: str, seed: int) -> tuple[Dataset, Dataset]: ...
    def __len__(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def class_names(self) -> list[str]: ...
    def labels(self) -> bytes: ...
    def images(self) -> bytes: ...
    def normalisation(self) -> tuple[list[float], list[float]]: ...

@final
class Federation:
    def __new__(
        cls,
        train: Dataset,
        test: Dataset | None,
        partition: Sequence[Sequence[int]] | None,
        weights: Sequence[float] | None,
        given: Mapping[str, Any],
    ) -> Federation: ...
    def round(self) -> dict[str, Any]: ...
    @property
    def rounds(self) -> int: ...
    def evaluate(self, dataset: Dataset | None) -> tuple[float, int, int]: ...
    def logits(self, dataset: Dataset | None) -> bytearray: ...
    def weights(self, torch: bool) -> list[tuple[str, list[int], bytearray]]: ...
    def set_weights(self, given: Any, torch: bool) -> None: ...
    def safetensors(self, torch: bool) -> bytes: ...
    def shares(self) -> list[bytes]: ...

@final
class Trainer:
    def __new__(
        cls,
        config: str,
        seed: int,
        shape: Sequence[int],
        classes: int,
        mean: Sequence[float],
        deviation: Sequence[float],
        dataset: Dataset,
        indices: Sequence[int] | None,
        device: str,
        workers: int | None,
    ) -> Trainer: ...
    def histogram(self) -> list[int]: ...
    def gradient(self, given: Any) -> list[tuple[str, list[int], bytearray]]: ...
    def assign(
        self, client: int, batch: int, target: Sequence[float] | None, first_images: Sequence[int], generator: Path | None
    ) -> None: ...
    def train(
        self, round: int, given: Any
    ) -> tuple[list[tuple[str, list[int], bytearray]], float, int]: ...
    def evaluate(self, given: Any) -> tuple[float, int, int]: ...

@final
class Forecast:
    @staticmethod
    def load(path: str) -> Forecast: ...
    @staticmethod
    def parse(text: str) -> Forecast: ...
    @staticmethod
    def fit(
        pilots: Any, initial_loss: float | None, initial_error: float | None, about: str
    ) -> tuple[Forecast, list[dict[str, Any]]]: ...
    @staticmethod
    def calibrate(
        config: Any, given: dict[str, Any], recorded: _Path | None, on_event: _OnEvent
    ) -> tuple[Forecast, list[dict[str, Any]], str]: ...
    def predict(
        self,
        authentic: list[int],
        generated: list[int],
        mix: float | None = None,
        skew: float | None = None,
        steps: float | None = None,
    ) -> tuple[float, float]: ...
    def text(self) -> str: ...
    def content(self) -> dict[str, Any]: ...

@final
class Own:
    def __new__(
        cls,
        draw: Callable[[int, int, int], Any],
        shape: tuple[int, int, int],
        class_names: list[str],
        block: int,
        name: str,
        learnt_from: str,
    ) -> Own: ...
    def sample(self, counts: list[int], first: int, seed: int, on_event: _OnEvent) -> tuple[bytearray, bytes]: ...

@final
class Generator:
    @staticmethod
    def load(name: str) -> Generator: ...
    @property
    def path(self) -> Path: ...
    def description(self) -> dict[str, Any]: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    def sample(
        self,
        counts: list[int],
        first: int,
        seed: int,
        sampler: dict[str, Any],
        device: str,
        workers: int | None,
        on_event: _OnEvent,
    ) -> tuple[bytearray, bytes]: ...
    def assess(self, given: dict[str, Any], sampler: dict[str, Any], on_event: _OnEvent) -> dict[str, Any]: ...
