"""Benchmarks say what they take instead of starting."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize(
    "name",
    [
        *("walk", "memory", "shapes", "ledger", "ledger_kills", "model_client", "model_walk", "instructions"),
        *("score", "evaluate", "review"),
    ],
)
def test_help_is_printed_and_nothing_starts(name: str) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name}.py")
