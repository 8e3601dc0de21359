"""What several tests share."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def command() -> str:
    """The command line to compare with: $IMFL_COMMAND, or the workspace's own build."""
    found = os.environ.get("IMFL_COMMAND") or shutil.which(str(ROOT / "target" / "release" / "imfl"))
    if found is None:
        pytest.skip("no command line to compare with: cargo build --release, or set IMFL_COMMAND")
    return found
