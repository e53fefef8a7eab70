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


def existing_benchmark(folder: Path) -> None:
    """Refuse a path at which there is no folder.

    Raises:
        InputError: there is nothing, or a file.
    """
    try:
        there, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:
        raise InputError("FOLDER_UNREADABLE", error.strerror or "unreadable", where=str(folder)) from None
    if not there:
        fix = "pass the folder that `build benchmark --out` made, or that of a run"
        raise InputError("FOLDER_MISSING", "no such folder", where=str(folder), fix=fix)
    if not is_folder:
        fix = f"pass the folder that it lies in: {folder.parent}"
        raise InputError("NOT_A_FOLDER", "a file, and a benchmark is a folder", where=str(folder), fix=fix)


def benchmark_of_folder(folder: Path) -> tuple[list[ClosedItem], list[OpenItem], list[ClosedItem]]:
    """Closed and open questions of a folder of `build benchmark`, and its pairs, of which there may be none.

    Raises:
        InputError: the build was cut off, or a file is not the one that it wrote.
    """
    _require_as_built(folder)
    pairs = folder / "closed_twins.parquet"
    closed, opened = whole(read_closed(folder / "closed.parquet")), whole(read_open(folder / "open.parquet"))
    return closed, opened, whole(read_closed(pairs)) if pairs.exists() else []


def _require_as_built(folder: Path) -> None:
    """The summary is written last, with the hash of every file: what it does not vouch for is not a whole benchmark."""
    from neuroonco.build.benchmark.build import FILES, SUMMARY

    again = "build it again"
    if not (folder / SUMMARY).exists():
        what = f"no {SUMMARY}, which is written last: not a benchmark's folder, or the build was cut off"
        raise InputError("BENCHMARK_UNFINISHED", what, where=str(folder), fix=again)
    document = store.read_json(folder / SUMMARY)
    stated = document.get("files") if isinstance(document, dict) else None
    if not isinstance(stated, dict):
        raise InputError("BENCHMARK_UNFINISHED", f"{SUMMARY} lists no files", where=str(folder), fix=again)
    for name in FILES:
        path = folder / name
        try:
            found = store.sha256_file(path) if path.exists() else None
        except OSError as error:
            raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
        if found != stated.get(name):
            what = f"{name} is not the file that was built: {SUMMARY} states another hash"
            raise InputError("BENCHMARK_CHANGED", what, where=str(folder), fix=again)


def whole(loaded: Loaded[Any]) -> list[Any]:
    """All questions of a file of ours; one that cannot be read is an error, since the rest is not what was built."""
    for row in loaded.unreadable:
        raise InputError(row.code, row.message, where=row.slice_id, fix="build the benchmark again")
    return loaded.records


def labels_of(path: Path, closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> list[AuditedLabel]:
    """Labels of the slices that questions are about; a slice with two labels is none that can be trusted.

    Raises:
        InputError: a slice has two, or none of the slices has one.
    """
    wanted = {item.slice_id for item in closed} | {item.slice_id for item in opened}
    found = [one for one in store.load(path, AuditedLabel, AUDITED_CODEC).records if one.slice_id in wanted]
    if wanted and not found:
        what = f"none of the benchmark's {len(wanted)} slices is in the labels, so that nothing could leave"
        raise InputError("LABELS_UNRELATED", what, where=str(path), fix="pass the labels that it was built from")
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
