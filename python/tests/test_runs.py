"""Whole runs and generators: the command line's results, interruption and going on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import imfl
from conftest import ROOT, SMALL, Images
from imfl import run
from imfl.events import Event, Round, StageBegan


def test_a_run_tells_leaves_a_folder_and_is_the_commands(data: Images, tmp_path: Path, command: str) -> None:
    events: list[Event] = []
    run = imfl.run({"runs": str(tmp_path / "runs")}, dataset=str(data.folder), on_event=events.append, **SMALL)
    rounds = [event for event in events if isinstance(event, Round)]
    assert [event.metrics["round"] for event in rounds] == [1, 2] and any(isinstance(e, StageBegan) for e in events)
    assert run.accuracy == rounds[-1].metrics["accuracy"] and list(run.metrics["round"]) == [1, 2]
    assert run.config["training"]["rounds"] == 2 and run.report().is_file()
    assert "accuracy" in run.plots and run.plots["accuracy"]._repr_svg_().startswith("<svg")
    assert sum(run.ledger.balances.values()) == 0 and run.ledger.transactions > 0
    # The run's own configuration, on the command line: the same model and books, byte for byte.
    config = str(run.folder / "config.toml")
    told = subprocess.run([command, "run", "--config", config, "--format", "json"], capture_output=True, cwd=tmp_path)
    assert told.returncode == 0, told.stderr.decode()
    again = imfl.Run(json.loads(told.stdout)["run_dir"])
    for name in ("model.safetensors", "ledger.jsonl"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()
    found = imfl.report(run, again, out=tmp_path / "page.html")
    assert len(found) == 2 and found[0]["accuracy"] == found[1]["accuracy"] and (tmp_path / "page.html").is_file()
    # Text and files say the same.
    text = imfl.run((run.folder / "config.toml").read_text())
    assert (text.folder / "ledger.jsonl").read_bytes() == (run.folder / "ledger.jsonl").read_bytes()


def test_an_exception_in_a_callback_stops_after_the_round_and_resuming_ends_alike(data: Images, tmp_path: Path) -> None:
    given = {"dataset": str(data.folder), "runs": str(tmp_path / "runs"), **SMALL, "rounds": 4}
    whole = imfl.run(**given)

    def on_event(event: Event) -> None:
        if isinstance(event, Round) and event.metrics["round"] == 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        imfl.run(on_event=on_event, **given)
    imfl.finish()
    resumed = imfl.run(resume="latest", runs=str(tmp_path / "runs"))
    for name in ("model.safetensors", "ledger.jsonl"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    with pytest.raises(imfl.ConfigError, match=r"training\.rate"):
        imfl.run(resume=resumed.folder, runs=str(tmp_path / "runs"), rate=0.05)


def test_ctrl_c_stops_a_run_within_a_second_and_it_saves_itself(data: Images, tmp_path: Path) -> None:
    given = {"dataset": str(data.folder), "runs": str(tmp_path / "runs"), **SMALL, "rounds": 100_000}
    asked: list[float] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Round) and event.metrics["round"] == 3:
            threading.Thread(target=lambda: (asked.append(time.perf_counter()), os.kill(os.getpid(), signal.SIGINT))).start()

    with pytest.raises(KeyboardInterrupt) as error:
        imfl.run(on_event=on_event, **given)
    assert time.perf_counter() - asked[0] < 1.3
    imfl.finish()
    folder = next((tmp_path / "runs").iterdir())
    saved = sorted((folder / "checkpoints").iterdir())
    assert saved, error.value.__notes__
    lines = len((folder / "metrics.jsonl").read_text().splitlines())
    resumed = imfl.run(resume=folder, runs=str(tmp_path / "runs"), rounds=lines + 1, resume_changed=True)
    assert len(resumed.rounds) == lines + 1


def test_a_run_goes_on_for_longer_and_a_network_is_a_setting(data: Images, tmp_path: Path) -> None:
    given = {"dataset": str(data.folder), "runs": str(tmp_path / "runs"), **SMALL}
    given |= {"network": "mobile", "policy": "deadline:30", "compression": "q8"}
    run = imfl.run(**given)
    assert run.config["network"]["policy"] == "deadline:30" and run.summary["network"] is not None
    longer = imfl.run(resume=run.folder, rounds=4, runs=str(tmp_path / "runs"))
    assert longer.folder == run.folder and len(longer.rounds) == 4


def test_a_sweep_runs_what_is_missing(data: Images, tmp_path: Path) -> None:
    given: dict[str, Any] = {**SMALL, "dataset": str(data.folder), "folder": tmp_path, "name": "rates"}
    given.pop("seed")
    found = imfl.experiments.sweep({"rate": [0.05, 0.1]}, seeds=[1, 2], **given)
    assert Path(found["page"]).is_file() and len(list((tmp_path / "rates" / "runs").iterdir())) == 4
    before = sorted((tmp_path / "rates" / "runs").iterdir())
    imfl.experiments.sweep({"rate": [0.05, 0.1, 0.2]}, seeds=[1, 2], **given)
    after = sorted((tmp_path / "rates" / "runs").iterdir())
    assert set(before) < set(after) and len(after) == 6
    for grid, seeds, said in [
        ({"rats": [1]}, [1], "unknown key `rats`"),
        ({"rate": []}, [1], "values"),
        ({"rate": 0.1}, [1], "not iterable"),
        ({"workers": [1, 2]}, [1], "does not change what a run comes to"),
        ({"rate": [0.1]}, [1, 1], "each once"),
    ]:
        with pytest.raises((imfl.ImflError, TypeError)) as error:
            imfl.experiments.sweep(grid, seeds=seeds, **given)  # type: ignore[arg-type]
        assert said in str(error.value), error.value
    with pytest.raises(imfl.UsageError, match="by `seeds`"):
        imfl.experiments.sweep({"rate": [0.1]}, seed=1)


def test_a_template_has_every_setting_and_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(imfl.template(rounds=7))
    text = imfl.template(tmp_path / "run.toml", rate=0.25)
    assert "rounds = 7" in text and "rate = 0.25" in text
    assert all(key.rsplit(".")[-1] in text for key in imfl.settings().values())
    with pytest.raises(imfl.ConfigError, match="must be at least 1"):
        imfl.template(rounds=0)


def test_the_example_of_a_tracker_tells_it_every_round(data: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    example = page.split("```python\nimport wandb\n")[1].split("```")[0]
    began: list[dict[str, Any]] = []
    logged: list[tuple[int, dict[str, Any]]] = []

    class Tracker:
        summary: ClassVar[dict[str, Any]] = {}

        def __enter__(self) -> "Tracker":
            return self

        def __exit__(self, *_: object) -> None:
            began.append({})

        def log(self, values: dict[str, Any], step: int) -> None:
            logged.append((step, values))

    def init(**given: Any) -> Tracker:
        began.append(given)
        return Tracker()

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    monkeypatch.chdir(tmp_path)
    small = {**SMALL, "dataset": str(data.folder)}
    monkeypatch.setattr(imfl, "run", lambda **given: run(**given | small))
    exec("import wandb\n" + example, {"imfl": imfl})
    assert began[0]["project"] and began[1] == {}
    assert [step for step, _ in logged] == list(range(1, len(logged) + 1)) and len(logged) >= 2
    assert {"accuracy", "loss"} <= set(logged[0][1]) and {"accuracy", "payments"} <= set(Tracker.summary)


def test_wrong_runs_are_refused_with_the_commands_words(tmp_path: Path) -> None:
    for given, kind, said in [
        ({"config": {"training": {"roundss": 3}}}, imfl.ConfigError, "did you mean `rounds`?"),
        ({"config": "rounds = "}, imfl.ConfigError, "config:1:"),
        ({"config": tmp_path / "none.toml"}, imfl.ConfigError, "cannot read"),
        ({"config": 3}, imfl.UsageError, "expected a mapping"),
        ({"config": {1: 2}}, imfl.UsageError, "no text"),
        ({"rounds": 0}, imfl.ConfigError, "`training.rounds` must be at least 1"),
        ({"rounds": float("nan")}, imfl.UsageError, "not finite"),
        ({"rounds": 2**70}, imfl.UsageError, "beyond 64 bits"),
        ({"dataset": "/none"}, imfl.DataError, "/none"),
        ({"device": "abacus"}, imfl.DeviceError, "`abacus` is no device"),
        ({"resume": tmp_path}, imfl.CheckpointError, str(tmp_path)),
        ({"on_event": 3}, imfl.UsageError, "expected something to call"),
    ]:
        with pytest.raises(kind) as error:
            imfl.run(**{"runs": str(tmp_path / "runs")} | given)
        assert said in str(error.value), error.value
    with pytest.raises(imfl.DataError, match="no config.toml"):
        imfl.Run(tmp_path)


def test_short_names_are_settings() -> None:
    found = imfl.settings()
    assert found["rounds"] == "training.rounds" and found["clients"] == "partition.clients"


def test_a_generator_draws_and_is_refused_what_makes_no_sense(tmp_path: Path) -> None:
    generator = imfl.Generator.load("mnist")
    images, labels = generator.sample(2, steps=2, seed=3)
    assert images.shape == (20, 1, 28, 28) and labels.tolist() == sorted([*range(10)] * 2)
    seven, _ = generator.sample({"7": 1}, first=14, steps=2, seed=3)
    assert np.array_equal(seven[0], images[14]), "an image is the same whatever else is drawn"
    images[:] = 0
    for given, said in [
        ({"count": {"cat": 1}}, "no class `cat`"),
        ({"count": -1}, "at least 0"),
        ({"count": [1]}, "1 for 10 classes"),
        ({"count": 1, "stepps": 3}, "a sampler has no `stepps`"),
        ({"count": 1, "steps": 0}, "steps"),
        ({"count": 1, "steps": "many"}, "many"),
    ]:
        with pytest.raises(imfl.UsageError) as error:
            generator.sample(**given)
        assert said in str(error.value), error.value
    with pytest.raises(imfl.ImflError, match="zero images"):
        generator.sample(0)
    with pytest.raises(imfl.CheckpointError, match="none"):
        imfl.Generator.load(tmp_path / "none.safetensors")


def test_a_generator_is_trained_and_assessed(data: Images, tmp_path: Path) -> None:
    out = tmp_path / "generator.safetensors"
    trained = imfl.Generator.train(data.folder, out=out, steps=2, batch=4, width=8, seed=5)
    assert trained.description["steps"] == 2 and trained.sample(1, steps=2)[0].shape == (10, 1, 28, 28)
    with pytest.raises(imfl.UsageError, match="no `stepps`"):
        imfl.Generator.train(data.folder, out=out, stepps=2)
    found = imfl.Generator.load("mnist").assess(
        sampler={"steps": 2}, dataset="mnist", images=100, epochs=1, model="mlp", points=2, images_per_class=5
    )
    assert found["schema"] == "imfl.assess/1" and found["theta"] > 0
    with pytest.raises(imfl.UsageError, match="has no `epoch`"):
        trained.assess(epoch=1)


def test_experiments_are_named() -> None:
    assert "cost" in imfl.experiments.names()
    with pytest.raises(imfl.UsageError, match="no experiment is called"):
        imfl.experiments.run("costs")
