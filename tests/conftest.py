"""Shared fixtures: the folder of real slices, where it is present."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from browser import allowed_complaints, chromium, open_context, page  # noqa: F401  fixtures for all tests

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


# How long an example takes says more about the machine than about the code.
settings.register_profile("untimed", deadline=None, max_examples=int(os.environ.get("NEUROONCO_TEST_EXAMPLES", "50")))
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
