"""Shared fixtures: the folder of real slices, where it is present."""

import gc
import os
from pathlib import Path

# Tests and what they start share the cores already: threads of numpy beside them only wait for each other. It has to be
# said before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from browser import allowed_complaints, chromium, open_context, page  # noqa: F401  fixtures for all tests

# What a worker imports and collects stays to the end: no garbage is looked for in it until pytest_collection_finish.
if "PYTEST_XDIST_WORKER" in os.environ:
    gc.disable()

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


# How long an example takes says more about the machine than about the code. The same checkout gives the same verdict
# twice; NEUROONCO_TEST_EXAMPLES looks for new examples, as many as it says.
_EXAMPLES = os.environ.get("NEUROONCO_TEST_EXAMPLES")
settings.register_profile(
    "untimed", deadline=None, max_examples=int(_EXAMPLES or "50"), derandomize=_EXAMPLES is None, database=None
)
settings.load_profile("untimed")


# Modules that take longest, in this order: begun late, one of them would keep a single worker busy at the end.
SLOW_MODULES = (
    *("test_walk", "test_cli", "test_train_fit", "test_walk_sources", "test_check_guessers", "test_instruct_write"),
    *("test_train_samples", "test_train_merge", "test_train_study", "test_cli_train", "test_train_plan"),
    *("test_browser_review", "test_export_inspect", "test_browser_viewer", "test_curate_catalog"),
    *("test_browser_review_trouble", "test_validate", "test_walk_models", "test_check_gate"),
    *("test_models_transformers", "test_phantoms_truth", "test_readings_phantoms", "test_readings_detection"),
    *("test_walk_predicting", "test_cli_check", "test_build_leaks", "test_browse_browser", "test_publish_seed"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow modules come first; within a module, and among the others, the order stays."""
    place = {name: number for number, name in enumerate(SLOW_MODULES)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish() -> None:
    """Collections of garbage during the tests pass over what stays, which is most of what there is."""
    gc.collect()
    gc.freeze()
    gc.enable()


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
