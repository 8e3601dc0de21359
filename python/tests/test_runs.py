"""Whole runs and generators: the command line's results, interruption and going on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imfl
from conftest import SMALL, Images
from imfl.events import Event, Round, RoundsBegan, StageBegan

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
