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


# Tests that say again, at greater size or for one more place, what others say; `make test-thorough` runs them too.
THOROUGH = (
    "test_walk.py::test_sigkill_and_run_again_gives_the_same_bytes[01-catalog-2]",
    "test_walk.py::test_sigkill_and_run_again_gives_the_same_bytes[07-audit-1]",
    "test_walk.py::test_sigkill_and_run_again_gives_the_same_bytes[10-predict-2]",
    "test_walk.py::test_real_slices_are_catalogued_curated_and_measured",
    "test_walk_sources.py::test_the_documented_example_from_an_unknown_folder_to_a_package",
    "test_walk_sources.py::test_priorities_decide_and_a_changed_description_is_noticed",
    "test_check_guessers.py::test_the_published_benchmark_is_solved_from_its_text",
    "test_cli.py::test_cases_of_brats_stay_on_one_side_in_both_formats",
    "test_phantoms_truth.py::test_a_slice_does_not_depend_on_those_drawn_before",
    "test_build_leaks.py::test_skewed_collections_of_a_thousand_slices_have_no_leak",
    "test_curate_catalog.py::test_the_same_bytes_whatever_the_order_and_the_processes",
    "test_publish_seed.py::test_with_the_default_seed_names_can_be_undone",
    "test_score_open.py::test_ours_does_not",
    "test_instruct_write.py::test_a_kill_leaves_each_file_whole_and_statistics_only_beside_files_of_their_own[moves",
    "test_readings_phantoms.py::test_without_mask_a_reported_lesion_is_mostly_there",
    "test_readings_detection.py::test_what_is_reported_is_there[skeptical]",
    "test_browser_review.py::test_pages_are_accessible_and_fit[viewport1]",
    "test_train_fit.py::test_two_processes_do_what_one_does",
    "test_score_open_wordings.py::test_hostile_texts_are_read_once",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow modules come first; within a module, and among the others, the order stays."""
    place = {name: number for number, name in enumerate(SLOW_MODULES)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
    named = [argument for argument in config.invocation_params.args if "::" in str(argument)]
    if os.environ.get("NEUROONCO_TEST_THOROUGH") or named:
        return
    left_out = [item for item in items if item.nodeid.removeprefix("tests/").startswith(THOROUGH)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


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
