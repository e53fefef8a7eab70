"""What a publication reads, and what stops it before anything is written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.groups import group_ids
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.check.records import ERROR
from neuroonco.check.rules import CheckRules
from neuroonco.errors import InputError
from neuroonco.rules import load_rules
from neuroonco.store import Loaded
from neuroonco.walk.folders import BENCHMARK, BUILD, REVIEW


def benchmark_of_run(run: Path) -> tuple[list[ClosedItem], list[OpenItem]]:
    """The questions of a run's benchmark after review."""
    return whole(read_closed(run / REVIEW / "records.parquet")), whole(
        read_open(run / BUILD / BENCHMARK / "open.parquet")
    )


def whole(loaded: Loaded[Any]) -> list[Any]:
    """All questions of a file of ours; one that cannot be read is an error, since the rest is not what was built."""
    for row in loaded.unreadable:
        raise InputError(row.code, row.message, where=row.slice_id, fix="build the benchmark again")
    return loaded.records


def labels_of(path: Path, closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> list[AuditedLabel]:
    """Labels of the slices that questions are about; a slice with two labels is none that can be trusted."""
    wanted = {item.slice_id for item in closed} | {item.slice_id for item in opened}
    found = [one for one in store.load(path, AuditedLabel, AUDITED_CODEC).records if one.slice_id in wanted]
    seen: set[str] = set()
    for one in found:
        if one.slice_id in seen:
            raise InputError("SLICE_TWICE", "a slice has two labels", where=one.slice_id, fix="keep one label a slice")
        seen.add(one.slice_id)
    return found


def held_for_benchmark(run: Path, labels: Sequence[AuditedLabel]) -> set[str]:
    """Slices that a run's benchmark asks about, before and after review, and all of their groups.

    Raises:
        InputError: the run has no benchmark yet, so that nothing says which slices it will ask about.
    """
    if not (run / REVIEW / "records.parquet").exists() or not (run / BUILD / BENCHMARK / "open.parquet").exists():
        what = "the run has no benchmark yet, so that its slices cannot be left out"
        raise InputError("RUN_UNFINISHED", what, where=str(run), fix="finish the run, or pass --with-benchmark")
    closed, opened = benchmark_of_run(run)
    closed += whole(read_closed(run / BUILD / BENCHMARK / "closed.parquet"))
    asked = {item.slice_id for item in closed} | {item.slice_id for item in opened}
    groups = group_ids(labels)
    held = {groups[slice_id] for slice_id in asked if slice_id in groups}
    held |= {item.group_id for item in closed if item.group_id} | {item.group_id for item in opened if item.group_id}
    return asked | {slice_id for slice_id, group in groups.items() if group in held}


def require_faultless(closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> None:
    """Refuse a benchmark in which `check benchmark` finds an error of wording.

    Raises:
        InputError: it does.
    """
    from neuroonco.check.closed_lint import lint_closed
    from neuroonco.check.open_lint import lint_open

    rules = load_rules("default").section("check", CheckRules)
    found = [finding for finding in (*lint_closed(closed, rules), *lint_open(opened)) if finding.level == ERROR]
    if found:
        what = "; ".join(f"{one.code} in {one.n}, first {one.examples[0][:120]}" for one in found[:3])
        fix = "`neuroonco check benchmark` lists them; `--repair`, or build the benchmark again"
        raise InputError("BENCHMARK_FAULTY", what, fix=fix)
