"""How the package behaves among others: imports, threads, forks, Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import imfl


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_is_fast_and_changes_nothing() -> None:
    code = """
import os, signal, sys, threading, numpy
before = dict(os.environ), signal.getsignal(signal.SIGINT), threading.active_count(), sorted(os.listdir("."))
import time; began = time.perf_counter(); import imfl; seconds = time.perf_counter() - began
assert before == (dict(os.environ), signal.getsignal(signal.SIGINT), threading.active_count(), sorted(os.listdir(".")))
assert not {"pandas", "matplotlib", "torch"} & set(sys.modules)
print(seconds)
"""
    runs = [python(code) for _ in range(3)]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    assert min(float(run.stdout) for run in runs) < 0.3


def test_every_error_is_one_of_a_family_with_an_exit_code() -> None:
    kinds = [kind for kind in imfl.ImflError.__subclasses__() if kind.__module__ == imfl.ImflError.__module__]
    assert sorted(kind.exit_code for kind in kinds) == [1, 2, 3, 4, 5, 6, 7, 8, 130]


def test_a_fork_is_refused_and_a_child_that_imports_is_not() -> None:
    code = """
import os, imfl
child = os.fork()
if child == 0:
    try:
        imfl.devices()
    except imfl.UsageError as error:
        os._exit(7 if "forked" in str(error) else 8)
    os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), imfl.devices()[-1])
"""
    done = python(code)
    assert done.stdout.split() == ["7", "cpu"], done.stderr


def test_the_interpreter_goes_on_while_rust_works() -> None:
    ticks = 0
    ended = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not ended.is_set():
            ticks += 1
            time.sleep(0.005)

    ticker = threading.Thread(target=tick)
    ticker.start()
    began = time.perf_counter()
    imfl.verify(instances=10, clients=4)
    seconds = time.perf_counter() - began
    ended.set()
    ticker.join()
    assert ticks > min(seconds / 0.005 / 10, 20), f"{ticks} ticks in {seconds} s"


def test_ctrl_c_stops_within_a_second() -> None:
    def interrupt() -> None:
        time.sleep(0.4)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt) as error:
        imfl.verify(instances=1_000, clients=6)
    assert time.perf_counter() - began < 0.4 + 1.0 + 0.3
    assert "ends by itself" in "".join(error.value.__notes__)
    killer.join()


def test_leaving_python_while_a_callable_draws_is_no_abort() -> None:
    code = """
import os, signal, threading, time, numpy as np, imfl
def draw(label, count, seed):
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        sum(range(50))
    return np.zeros((count, 1, 8, 8), np.uint8)
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    imfl.OwnGenerator(draw, shape=(1, 8, 8), classes=10).sample(20)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = python(code)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_a_callback_that_raises_stops_the_work_and_comes_through() -> None:
    def on_event(event: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        imfl.verify(instances=50, clients=4, on_event=on_event)
    assert imfl.verify(instances=1, clients=2).findings


def test_threads_train_side_by_side(tmp_path: Path) -> None:
    images = np.zeros((40, 1, 8, 8), np.uint8)
    images[::2] = 200
    labels = np.arange(40) % 2
    found: list[float] = []

    def train() -> None:
        federation = imfl.Federation("mlp", (images, labels), clients=2, workers=1, seed=3)
        federation.run(2)
        found.append(float(federation.weights["head.weight"].sum()))

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1
