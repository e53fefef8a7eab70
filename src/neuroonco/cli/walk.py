"""Commands over the whole walk: demo, run, trace, report."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli.ledger import ledger_place
from neuroonco.cli.options import (
    DEFAULT_PROCESSES,
    AsJson,
    Batch,
    Concurrency,
    Endpoints,
    LedgerPlace,
    MaxCost,
    OutFolder,
    Processes,
    Replay,
    Sources,
)
from neuroonco.cli.output import existing_root, progress_bars, result, result_json, say, table
from neuroonco.cli.runs import phantom_root
from neuroonco.errors import ProviderError, printable
from neuroonco.executors import ExecutorKind
from neuroonco.pipeline import INCOMPLETE
from neuroonco.walk.asking import Asking
from neuroonco.walk.described import kept_sources
from neuroonco.walk.folders import CATALOG, PREDICT, REVIEW, SCORE
from neuroonco.walk.page import STAGES
from neuroonco.walk.profile import Profile, description_folder, load_profile
from neuroonco.walk.run import Walked, walk
from neuroonco.walk.trace import trace

Engine = Annotated[
    ExecutorKind,
    typer.Option("--executor", help="Who works: processes of this machine, or Ray Data (extra `ray`)."),
]
RunFolder = Annotated[Path, typer.Option("--run", help="Folder of a run.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo_command)
    app.command("run")(run_command)
    app.command("trace")(trace_command)


def demo_command(out: OutFolder = Path("runs/demo"), processes: Processes = None, as_json: AsJson = False) -> None:
    """Walk the whole pipeline on synthetic slices: no download, no key, no GPU.

    Example: neuroonco demo --out runs/demo
    """
    profile = load_profile("demo")
    _walk(profile, out, None, None, None, processes, ExecutorKind.PROCESSES, Asking(), as_json=as_json)


def run_command(
    profile: Annotated[str, typer.Argument(help="Shipped profile (demo, real-samples) or a TOML file.")],
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the collections.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the run; default runs/PROFILE.")] = None,
    decisions: Annotated[
        Path | None, typer.Option("--decisions", help="Readers' decisions on the benchmark, .jsonl.")
    ] = None,
    sources: Sources = None,
    processes: Processes = None,
    executor: Engine = ExecutorKind.PROCESSES,
    ledger: LedgerPlace = None,
    replay: Replay = False,
    max_cost: MaxCost = None,
    concurrency: Concurrency = None,
    endpoints: Endpoints = None,
    batch: Batch = False,
    as_json: AsJson = False,
) -> None:
    """Walk a profile; unchanged stages are skipped, and what was cut off goes on where it was.

    --sources takes the place of the folder that the profile names under source_descriptions. Where the profile names
    models under [readers], they are asked through the ledger: what it holds is not asked again.

    Example: neuroonco run real-samples --root downloads/

    Example: neuroonco run my-models.toml --root downloads/ --endpoints prices.toml --max-cost 50
    """
    chosen = load_profile(profile)
    if root is not None:
        existing_root(root)
    sources = sources or description_folder(chosen, profile)
    if chosen.readers.reads_twice_with_one_model:
        say("one model gives both readings, so that they err together; name two independent ones under [readers]")
    asking = Asking(ledger_place(ledger), endpoints, replay, max_cost, concurrency, batch=batch, say=say)
    out = out or Path("runs") / chosen.name
    _walk(chosen, out, root, decisions, sources, processes, executor, asking, as_json=as_json)


def _walk(
    profile: Profile,
    out: Path,
    root: Path | None,
    decisions: Path | None,
    sources: Path | None,
    processes: int | None,
    kind: ExecutorKind,
    asking: Asking,
    *,
    as_json: bool,
) -> None:
    with progress_bars() as progress:
        walked = walk(
            profile,
            out,
            root=root,
            decisions=decisions,
            sources=sources,
            processes=processes or DEFAULT_PROCESSES,
            kind=kind,
            asking=asking,
            progress=progress,
        )
    _summarise(out, walked, as_json=as_json)


def _summarise(run: Path, walked: Walked, *, as_json: bool) -> None:
    counts = {stage: store.read_json(run / stage / "manifest.json")["counts"] for stage in (*STAGES, PREDICT)}
    incomplete = {stage: found[INCOMPLETE] for stage, found in counts.items() if found.get(INCOMPLETE)}
    scores = store.read_json(run / SCORE / "scores.json")
    accuracy = {name: score["accuracy"] for name, score in scores["models"].items()}
    complete = {name: bool(score["complete"]) for name, score in scores["models"].items()}
    if as_json:
        document = {
            "report": str(walked.report),
            "done": walked.done,
            "skipped": walked.skipped,
            "counts": counts,
            "incomplete": incomplete,
            "accuracy": accuracy,
            "complete": complete,
        }
        result_json(document)
    else:
        answered = {name: score["status"]["ok"] for name, score in scores["models"].items()}
        _tables(run, walked, counts, accuracy, answered, complete)
    if incomplete:
        say("some calls failed, so that the figures are preliminary; the same command asks these again")
        raise typer.Exit(ProviderError.exit_code)


def _tables(
    run: Path,
    walked: Walked,
    counts: dict[str, dict[str, Any]],
    accuracy: dict[str, dict[str, Any]],
    answered: dict[str, int],
    complete: dict[str, bool],
) -> None:
    rows = [
        (s, c["kept"], c["dropped"], c["quarantined"], _state(s in walked.done, c.get(INCOMPLETE, 0)))
        for s, c in counts.items()
    ]
    table("Counts along the walk", ("stage", "kept", "dropped", "quarantined", ""), rows, to_stdout=True)
    cells = (
        (name, *_percent(a), a["n"], answered[name], "" if complete[name] else "incomplete")
        for name, a in accuracy.items()
    )
    table("Benchmark accuracy", ("model", "value", "95 % interval", "n", "answered", ""), cells, to_stdout=True)
    items = store.load_strict(run / REVIEW / "records.parquet", ClosedItem)
    if items:
        result(f"one slice's way: neuroonco trace {items[0].slice_id} --run {run}")
        root = phantom_root(run) if phantom_root(run).exists() else "ROOT"
        asked = f"predict {run / REVIEW / 'records.parquet'} --root {root} --model PROVIDER:MODEL --out FOLDER"
        result(f"a model on its questions: neuroonco {asked}")
    result(f"report: {walked.report}")


def _percent(estimate: dict[str, Any]) -> tuple[str, str]:
    """Value and interval; an empty denominator has neither."""
    if estimate["value"] is None:
        return "none", ""
    return f"{estimate['value']:.1%}", f"{estimate['low']:.1%} to {estimate['high']:.1%}"


def _state(done: bool, incomplete: int) -> str:
    if incomplete:
        return f"incomplete: {incomplete} wait for a model; the same command asks again"
    return "" if done else "unchanged"


def trace_command(
    slice_id: Annotated[str, typer.Argument(help="Slice id, its beginning, sample id or image path.")],
    run: RunFolder = Path("runs/demo"),
    as_json: AsJson = False,
) -> None:
    """Show what every stage made of one slice, also where it was dropped.

    Example: neuroonco trace s4f2ab95e22c0b9e9 --run runs/demo
    """
    steps = trace(run, slice_id)
    if as_json:
        result_json([{"stage": s.stage, "outcome": s.outcome, "row": s.row} for s in steps])
        return
    spec = next((kept_sources(run).get(step.row["source_id"]) for step in steps if step.stage == CATALOG), None)
    if spec is not None:
        terms = f"licence {spec.license}; may be passed on: {spec.redistribution}"
        result(printable(f"source {spec.id}: {spec.name}; {terms}"))
    for step in steps:
        result(f"{step.stage}: {step.outcome}")
        for key, value in step.row.items():
            if value not in (None, [], {}):
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                result(f"    {key}: {printable(text)}")
