"""A run of model calls that is killed at random moments loses none, and asks none twice but those under way."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from ledger_kills import kill_and_resume


@pytest.mark.parametrize("seed", [3])
def test_killed_and_resumed_until_done(tmp_path: Path, seed: int) -> None:
    outcome = kill_and_resume(20, 3, faults=0.3, at_once=6, seed=seed, folder=tmp_path)
    assert outcome.statuses.total() == 60  # each call ends with a status: an answer, or a named failure
    assert outcome.missing == 0
    assert outcome.unexplained == 0
    assert outcome.repeated <= sum(map(len, outcome.under_way))
    assert 60 <= outcome.answered <= 60 + outcome.repeated
    assert outcome.requests > outcome.answered  # there were faults
