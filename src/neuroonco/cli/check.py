"""Commands that check what was made, by us or by others: check."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import store
from neuroonco.build.interop import closed_document, read_open
from neuroonco.build.records import ClosedItem
from neuroonco.check.benchmark_file import OPEN, kind_of
from neuroonco.check.gate import check_benchmark, check_open, check_pairs
from neuroonco.check.instructions import read_pairs
from neuroonco.check.records import BenchmarkCheck
from neuroonco.check.repair import repair_closed
from neuroonco.check.repair_records import Change
from neuroonco.check.rules import CheckRules
from neuroonco.cli.check_leaks import check_leaks_command
from neuroonco.cli.check_tables import show_check
from neuroonco.cli.closed_benchmark import readable_benchmark
from neuroonco.cli.options import AsJson, Seed
from neuroonco.cli.output import existing_root, progress_bars, result, result_json, say, table
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import Quarantined
from neuroonco.rules import load_rules

checks = typer.Typer(help="Check what was made.", no_args_is_help=True, rich_markup_mode=None)

Benchmark = Annotated[
    Path, typer.Argument(help="Closed or open benchmark: .json (reference), .jsonl or .parquet (ours).")
]
ImageRoot = Annotated[
    Path | None, typer.Option("--root", help="Folder of the images, to find equal ones; default: only paths.")
]
Repair = Annotated[
    Path | None, typer.Option("--repair", help="File to write the mended copy to; .json, .jsonl or .parquet.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(checks, name="check")


@checks.command("benchmark")
def check_benchmark_command(
    benchmark: Benchmark,
    root: ImageRoot = None,
    repair: Repair = None,
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Lint a benchmark, and let guessers that see no image try it; exit 1 if it fails the gate.

    With --repair, what can be mended mechanically is mended in a copy, and the copy is checked too; the exit code
    stays that of the file given.

    Example: neuroonco check benchmark benchmark/benchmark_closed.json
    """
    if root is not None:
        existing_root(root)
    if repair is not None:
        _writable_copy(benchmark, repair)
    if kind_of(benchmark) == OPEN:
        if repair is not None:
            raise UsageError("REPAIR_CLOSED_ONLY", "open questions cannot be mended mechanically", where=str(benchmark))
        _check_open(benchmark, root, as_json=as_json)
        return
    loaded = readable_benchmark(benchmark)
    checked = _checked(loaded.records, seed, root)
    document = {"kind": "closed"} | checked.document() | {"unreadable": len(loaded.unreadable)}
    if not as_json:
        show_check(checked, benchmark.name)
    if repair is not None:
        document["repaired"] = _repair(loaded.records, repair, seed, root, as_json=as_json)
        if loaded.unreadable:
            say(f"{len(loaded.unreadable)} unreadable questions are not in {repair.name}")
    if as_json:
        result_json(document)
    if not checked.passed or loaded.unreadable:
        raise typer.Exit(1)


@checks.command("instructions")
def check_instructions_command(
    pairs: Annotated[Path, typer.Argument(metavar="FILE", help="Closed instruction pairs, .jsonl.")],
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Let guessers that see no image try closed instruction pairs; exit 1 if the text gives the answers away.

    Open pairs have no options, so that nothing can be guessed there: in a file of both they are counted and left out.

    Example: neuroonco check instructions instructions/instruction_closed_nocot_train.jsonl
    """
    rules = load_rules("default")
    read = read_pairs(pairs, seed, rules.section("check", CheckRules).max_questions)
    for row in read.unreadable:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if read.unreadable_lines > len(read.unreadable):
        say(f"... and {read.unreadable_lines - len(read.unreadable)} more")
    with progress_bars() as progress:
        checked = check_pairs(read.items, seed, rules, progress=progress)
    counts = {
        "closed_pairs": read.closed_pairs,
        "tried": len(read.items),
        "open_pairs": read.open_pairs,
        "unreadable": read.unreadable_lines,
    }
    if as_json:
        result_json(checked.document() | counts)
    else:
        if len(read.items) < read.closed_pairs:
            result(f"{len(read.items)} of {read.closed_pairs} closed pairs, drawn with seed {seed}, are checked")
        if read.open_pairs:
            result(f"{read.open_pairs} open pairs are left out: nothing can be guessed where there are no options")
        show_check(checked, pairs.name)
    if not checked.passed or read.unreadable_lines:
        raise typer.Exit(1)


def _checked(items: Sequence[ClosedItem], seed: int, root: Path | None) -> BenchmarkCheck:
    with progress_bars() as progress:
        return check_benchmark(items, seed, load_rules("default"), root=root, progress=progress)


def _check_open(path: Path, root: Path | None, *, as_json: bool) -> None:
    loaded = read_open(path)
    _name_unreadable(loaded.unreadable)
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix="pass a benchmark")
    checked = check_open(loaded.records, root)
    if as_json:
        result_json({"kind": "open"} | checked.document() | {"unreadable": len(loaded.unreadable)})
    else:
        show_check(checked, path.name)
        result("open questions have no options: nothing can be guessed without the image")
    if not checked.passed or loaded.unreadable:
        raise typer.Exit(1)


def _repair(items: Sequence[ClosedItem], out: Path, seed: int, root: Path | None, *, as_json: bool) -> dict[str, Any]:
    """Write the mended copy, say what was changed and what is left, and check it."""
    repaired = repair_closed(items, seed)
    left_out = 0
    if out.suffix == ".json":
        left_out = sum(not item.is_whole_file for item in repaired.items)
        store.write_json(out, closed_document(repaired.items))
    else:
        store.save(out, repaired.items, ClosedItem)
    if left_out:
        say(f"{left_out} questions about one channel or slice of a file have no words in .json and are left out")
    changed = Counter(change.code for change in repaired.changes)
    checked = _checked(repaired.items, seed, root)
    if not as_json:
        _show_changes(repaired.changes, changed, out)
        show_check(checked, out.name)
        result(f"written: {out}; the exit code is that of the file given")
    return {"out": str(out), "changes": dict(sorted(changed.items()))} | checked.document()


def _show_changes(changes: Sequence[Change], changed: Counter[str], out: Path) -> None:
    if not changes:
        result(f"Changes in {out.name}: none")
        return
    first = {change.code: change for change in reversed(changes)}
    rows = (
        (code, n, f"{first[code].image_id}#{first[code].q_index}: {first[code].before} -> {first[code].after}")
        for code, n in sorted(changed.items())
    )
    table(f"Changes in {out.name}", ("code", "n", "first"), rows, to_stdout=True)


def _writable_copy(given: Path, out: Path) -> None:
    """Refuse what would lose the file given, before any work is done."""
    if out.suffix not in (".json", ".jsonl", ".parquet"):
        fix = "use .json, .jsonl or .parquet"
        raise UsageError("FORMAT_UNKNOWN", f"suffix {out.suffix!r}", where=str(out), fix=fix)
    try:
        same = out.exists() and given.exists() and out.samefile(given)
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(out)) from None
    if same or out.resolve() == given.resolve():
        fix = "name another file"
        raise UsageError("REPAIR_OVERWRITES", "the mended copy would replace its original", where=str(out), fix=fix)
    if os.path.lexists(out):
        fix = "move it away or name another file"
        raise UsageError("OUT_EXISTS", "the file exists", where=str(out), fix=fix)
    if not out.parent.is_dir():
        raise UsageError("FOLDER_MISSING", "no such folder", where=str(out.parent), fix="make it first")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError("FOLDER_READ_ONLY", "nothing can be written there", where=str(out.parent), fix="name another")


def _name_unreadable(rows: Sequence[Quarantined]) -> None:
    for row in rows:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")


checks.command("leaks")(check_leaks_command)
