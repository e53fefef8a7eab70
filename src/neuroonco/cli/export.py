"""Commands that hand a benchmark to other evaluation programs, and take their logs back: export."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from neuroonco import __version__
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli.options import AsJson, OutFolder, Root
from neuroonco.cli.output import MAX_LINES, existing_root, result_json, say
from neuroonco.errors import InputError, ProviderError
from neuroonco.export.folder import free_or_exported
from neuroonco.export.inspect_folder import write_inspect
from neuroonco.export.lmms_eval import write_lmms_eval
from neuroonco.export.logs import matched, read_log
from neuroonco.export.questions import Exportable, exportable
from neuroonco.export.records import Export
from neuroonco.export.replies import prompt_hashes
from neuroonco.export.vlmevalkit import write_vlmevalkit
from neuroonco.predict.records import EvaluationRun, QuestionKind
from neuroonco.predict.run_files import benchmark_hash, kind_of_benchmark, write_run
from neuroonco.store import Loaded, require_format
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.passing_on import line_of_export

exports = typer.Typer(
    help="A benchmark as a task of another evaluation program, and its log as predictions of ours.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
AnyBenchmark = Annotated[
    Path, typer.Argument(help="Closed or open benchmark: .json (reference), .jsonl or .parquet (ours).")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(exports, name="export")


@exports.command("inspect")
def inspect_command(benchmark: AnyBenchmark, root: Root, out: OutFolder, as_json: AsJson = False) -> None:
    """Write a folder that `inspect eval` takes as a task.

    Example: neuroonco export inspect benchmark_closed.json --root data/ --out inspect_task/
    """
    _export(benchmark, root, out, write_inspect, as_json=as_json)


@exports.command("lmms-eval")
def lmms_eval_command(benchmark: AnyBenchmark, root: Root, out: OutFolder, as_json: AsJson = False) -> None:
    """Write a task folder for `lmms_eval --include_path`.

    Example: neuroonco export lmms-eval benchmark_closed.json --root data/ --out lmms_task/
    """
    _export(benchmark, root, out, write_lmms_eval, as_json=as_json)


@exports.command("vlmevalkit")
def vlmevalkit_command(benchmark: AnyBenchmark, root: Root, out: OutFolder, as_json: AsJson = False) -> None:
    """Write a folder that VLMEvalKit takes as its LMUData.

    Example: neuroonco export vlmevalkit benchmark_closed.json --root data/ --out lmudata/
    """
    _export(benchmark, root, out, write_vlmevalkit, as_json=as_json)


@exports.command("predictions")
def predictions_command(
    benchmark: AnyBenchmark,
    log: Annotated[
        Path, typer.Argument(help="Log of Inspect (.eval, .json), lmms-eval (.jsonl) or VLMEvalKit (.tsv).")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of a run, or file (.jsonl, .parquet), to write.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Name of the model in the predictions; default: as the log says.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the replies in another program's log as predictions that `neuroonco score` takes.

    Example: neuroonco export predictions benchmark_closed.json logs/one.eval --out predictions.jsonl
    """
    if out.suffix:
        require_format(out, reference=False)
    loaded = _loaded(benchmark)
    items = loaded.records
    found = read_log(log)
    predictions = matched(found, items, str(log), model)
    names = [status.status.value for status in predictions]
    status = {name: names.count(name) for name in sorted(set(names))}
    about = EvaluationRun(
        model=model or found.model,
        kind=QuestionKind.OPEN if isinstance(items[0], OpenItem) else QuestionKind.CLOSED,
        benchmark=benchmark.name,
        benchmark_sha256=benchmark_hash(items),
        unreadable=len(loaded.unreadable),
        prompts=prompt_hashes(items),
        settings={"program": found.program},
        status=status,
        version=__version__,
    )
    write_run(out, items, predictions, about)  # type: ignore[arg-type]  # one kind, as the benchmark is
    twins = sum(getattr(item, "twin_of", None) is not None for item in items)
    not_there = len(items) - twins - len(predictions)
    counts = {"predictions": len(predictions), "not_in_log": not_there, "status": status}
    if as_json:
        result_json(counts | {"out": out.name, "model": about.model, "unreadable": len(loaded.unreadable)})
    else:
        say(f"{len(predictions)} predictions of {about.model}: " + ", ".join(f"{n} {s}" for s, n in status.items()))
    if not_there:
        say(f"{not_there} questions are not in the log; `neuroonco score` counts them as missing")
    if failed := status.get(PredictionStatus.API_ERROR.value, 0):
        say(f"{failed} questions wait for a call that failed; run them again in the program that asked")
        raise typer.Exit(ProviderError.exit_code)
    if not_there or loaded.unreadable:
        raise typer.Exit(1)


def _export(
    benchmark: Path, root: Path, out: Path, write: Callable[[Exportable, Path], Export], *, as_json: bool
) -> None:
    existing_root(root)
    free_or_exported(out)
    loaded = _loaded(benchmark)
    found = exportable(loaded.records, root)
    for warning in found.warnings:
        say(warning)
    for one in found.missing[:MAX_LINES]:
        say(f"missing_image[{one.code}]: {one.what}; where: {one.image_path}; {one.questions} questions left out")
    if len(found.missing) > MAX_LINES:
        say(f"... and {len(found.missing) - MAX_LINES} more images")
    if not found.questions:
        what = "no image could be read, so that nothing is exported"
        raise InputError("NOTHING_TO_EXPORT", what, where=str(root), fix="pass the root of the images")
    if line := line_of_export(item for item in loaded.records if getattr(item, "twin_of", None) is None):
        say(line)
    written = write(found, out)
    if as_json:
        result_json(
            written.model_dump(mode="json", exclude={"entries"})
            | {"missing_images": [one.image_path for one in found.missing], "unreadable": len(loaded.unreadable)}
        )
    else:
        left_out = "".join(f", {n} left out ({reason})" for reason, n in written.left_out.items())
        say(f"{written.questions} questions about {written.images} images{left_out}; README.txt says how to run them")
    if found.missing or loaded.unreadable:
        raise typer.Exit(1)


def _loaded(benchmark: Path) -> Loaded[ClosedItem] | Loaded[OpenItem]:
    """A benchmark with at least one question; unreadable ones are named on stderr."""
    is_closed = kind_of_benchmark(benchmark) is QuestionKind.CLOSED
    loaded: Loaded[ClosedItem] | Loaded[OpenItem] = read_closed(benchmark) if is_closed else read_open(benchmark)
    for row in loaded.unreadable[:MAX_LINES]:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(benchmark), fix="pass a benchmark")
    return loaded
