"""Kills over the real network stack: SuperLink, SuperNodes and apps are processes, with TLS and node keys. ``pytest -m network``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from conftest import ROOT  # noqa: E402


@pytest.mark.network
@pytest.mark.timeout(600)
def test_kills_over_the_network_leave_whole_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six of the hundred kills of docs/flower.md; it raises if books are not whole or a run does not come to its end."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "flower"))
    for name in ("kills", "run", "loopback"):
        sys.modules.pop(name, None)
    import kills

    assert kills.main(["--kills", "6", "--seed", "65", "--folder", str(tmp_path)]) == 0
