"""Shared fixtures: the folder of real slices, where it is present."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from browser import allowed_complaints, chromium, open_context, page  # noqa: F401  fixtures for all tests

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


# How long an example takes says more about the machine than about the code. The same checkout gives the same verdict
# twice; NEUROONCO_TEST_EXAMPLES looks for new examples, as many as it says.
_EXAMPLES = os.environ.get("NEUROONCO_TEST_EXAMPLES")
settings.register_profile(
    "untimed", deadline=None, max_examples=int(_EXAMPLES or "50"), derandomize=_EXAMPLES is None, database=None
)
settings.load_profile("untimed")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no ../shared/{name} beside the project: this test needs it")
    return folder


@pytest.fixture(scope="session")
def real_root() -> Path:
    """Real MRI slices in their download layouts; the test skips where they are absent."""
    return _shared("real")


@pytest.fixture(scope="session")
def upstream_root() -> Path:
    """Published annotations of the reference system; the test skips where they are absent."""
    return _shared("upstream")
