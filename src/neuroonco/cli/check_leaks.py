"""The command that looks for what a benchmark and instruction data share: check leaks."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.check.leak_files import Side, benchmark_side, instruction_side, without_common_root
from neuroonco.check.leaks import MEANINGS, KnownSlice, Leak, leaks
from neuroonco.cli.options import AsJson
from neuroonco.cli.output import MAX_LINES, existing_root, progress_bars, result, result_json, say, table
from neuroonco.cli.runs import is_run, phantom_root, profile_of
from neuroonco.errors import InputError, UsageError
from neuroonco.walk.folders import BENCHMARK, BUILD, INSTRUCTIONS
from neuroonco.walk.leaks import PATHS, PATIENTS, More, by_id_and_path, known_to, leak_document


def check_leaks_command(
    benchmark: Annotated[
        Path, typer.Argument(help="Questions (.json, .jsonl, .parquet), a folder with some, or a run.")
    ],
    instructions: Annotated[
        Path | None, typer.Argument(help="Chat .jsonl, or a folder with some; not for a run.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="File made by `audit`, for patients, copies and masks; not for a run."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", help="Folder to which image paths are relative: compares bytes and pixels.")
    ] = None,
    benchmark_root: Annotated[
        Path | None, typer.Option("--benchmark-root", help="The same for the benchmark, if it is another folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for slices of a benchmark in instruction data, and for whatever the two share; exit 1 if there is anything.

    Files alone are compared by slice id and path. Labels, and the catalogue and curation of a run, add patients,
    copies, neighbors and masks, and chains of these through slices of neither side. With --root the pictures are
    read: their bytes, their pixels however flipped or turned, and whether one is a rescaled or recompressed copy.

    Example: neuroonco check leaks runs/demo

    Example: neuroonco check leaks benchmark/ instructions/ --labels labels.parquet --root downloads/
    """
    more: More = {}
    others: list[KnownSlice] = []
    if is_run(benchmark):
        if instructions is not None or labels is not None:
            raise UsageError("RUN_HAS_THEM", "a run has instructions and labels", fix="leave them out")
        run = benchmark
        benchmark, instructions = run / BUILD / BENCHMARK, run / BUILD / INSTRUCTIONS
        if profile_of(run).phantoms is not None:
            root = phantom_root(run)
        more, others = known_to(run)
    elif instructions is None:
        raise UsageError("INSTRUCTIONS_NEEDED", "nothing to compare with", fix="pass chat JSONL, or a run")
    elif labels is not None:
        loaded = store.load_strict(labels, AuditedLabel, AUDITED_CODEC)
        more, others = by_id_and_path((label.slice for label in loaded), {})
    tested, trained = benchmark_side(benchmark), instruction_side(instructions)
    _not_empty(tested, benchmark, "question")
    _not_empty(trained, instructions, "instruction")
    apart = root is not None and benchmark_root is not None and benchmark_root.resolve() != root.resolve()
    if root is not None:
        tested.inside(benchmark_root or root)
        trained.inside(root)
    compared = PATHS + (f", {PATIENTS}" if more else "")
    unread: list[str] = []
    found: list[Leak] = []
    if root is not None or benchmark_root is not None:
        if root is None:
            raise UsageError("ROOT_NEEDED", "only one side's pictures can be read", fix="pass --root FOLDER too")
        if apart:
            tested.forget_paths()
            compared = compared.replace(PATHS, "slice ids")
        compared += ", bytes and pixels"
        found, unread = _compare_pictures(tested, trained, benchmark_root or root, root)
    if more and root is None:
        unread += _unknown(tested, more, "benchmark") + _unknown(trained, more, "instructions")
    found = leaks(tested.known(more), trained.known(more), others) + found
    if not apart:
        unread += without_common_root(tested, trained)
    _report(tested, trained, found, unread, compared, as_json=as_json)


def _not_empty(side: Side, path: Path, what: str) -> None:
    """Nothing on one side is no proof that nothing is shared."""
    if not side.slices and not side.unreadable:
        fix = "pass the file that is used"
        raise InputError("NOTHING_TO_COMPARE", f"no {what} in this file or folder", where=str(path), fix=fix)


def _unknown(side: Side, more: More, which: str) -> list[str]:
    """Slices that the labels know neither by id nor by path, such as those of a published package."""
    return [
        f"{name}: of the {which}, and not in the labels: what it shares was not looked up; compare pictures, --root"
        for name, picture in sorted(side.pictures.items())
        if name not in more and picture.image_path not in more
    ]


def _compare_pictures(
    tested: Side, trained: Side, tested_root: Path, trained_root: Path
) -> tuple[list[Leak], list[str]]:
    """Copies, and the pictures that could not be read; what was read is added to what the sides know."""
    from neuroonco.check.leak_pictures import Look, alike, look_at  # here: a comparison of names needs no pixels

    looks: tuple[list[Look], list[Look]] = ([], [])
    unread: list[str] = []
    sides = ((tested, existing_root(tested_root)), (trained, existing_root(trained_root)))
    with progress_bars() as progress:
        for which, (side, root) in enumerate(sides):
            for number, (name, picture) in enumerate(sorted(side.pictures.items()), start=1):
                try:
                    look = look_at(name, root, picture)
                except InputError as error:
                    unread.append(f"{name}: {error.line}")
                    continue
                side.slices[name].update(look.facts)
                looks[which].append(look)
                progress(("benchmark", "instructions")[which], number, len(side.pictures))
    return alike(*looks), unread


def _report(tested: Side, trained: Side, found: list[Leak], unread: list[str], compared: str, *, as_json: bool) -> None:
    rows = [*tested.unreadable, *trained.unreadable]
    lost = [f"unreadable[{row.code}]: {row.message}" for row in rows] + [f"not compared: {one}" for one in unread]
    for line in lost[:MAX_LINES]:
        say(line)
    if len(lost) > MAX_LINES:
        say(f"... and {len(lost) - MAX_LINES} more")
    n = len(tested.slices), len(trained.slices)
    if as_json:
        result_json(leak_document(tested, trained, found, compared, not_compared=len(lost)))
    else:
        if found:
            cells = (
                (one.kind, one.shared, _few(one.benchmark, one.n_benchmark), _few(one.instructions, one.n_instructions))
                for one in found[:MAX_LINES]
            )
            table("Leaks", ("kind", "shared", "benchmark", "instructions"), cells, to_stdout=True)
        for kind in dict.fromkeys(one.kind for one in found):
            result(f"{sum(one.kind == kind for one in found)} {kind}: {MEANINGS[kind]}")
        result(f"{len(found)} leaks among {n[0]} benchmark and {n[1]} instruction slices; compared: {compared}")
    if found or lost:
        raise typer.Exit(1)


def _few(names: Iterable[str], n: int) -> str:
    shown = list(names)[:2]
    return ", ".join(shown) + (f" and {n - len(shown)} more" if n > len(shown) else "")
