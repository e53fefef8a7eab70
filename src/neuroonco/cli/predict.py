"""Put a benchmark to a model: predict."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import __version__
from neuroonco.build.interop import read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli.closed_benchmark import readable_benchmark
from neuroonco.cli.ledger import LEDGER_VARIABLE, ledger_place
from neuroonco.cli.options import AsJson, Batch, Concurrency, Endpoints, MaxCost, MaxTokens, Replay, Seed
from neuroonco.cli.output import existing_root, result_json, say
from neuroonco.cli.predict_progress import progress_line
from neuroonco.errors import InputError, ProviderError, UsageError
from neuroonco.predict.ask import LEAK, QuestionBrief
from neuroonco.predict.baselines import BASELINES
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.predict import predict_kept
from neuroonco.predict.records import EvaluationRun, PictureMode, PromptForm, QuestionKind, Scoring
from neuroonco.predict.run_files import (
    RunFiles,
    benchmark_hash,
    kind_of_benchmark,
    partial_of,
    read_about,
    sweep,
    write_run,
)
from neuroonco.predict.same_run import difference
from neuroonco.rules import load_rules
from neuroonco.store import Loaded
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.asking import Asking
from neuroonco.walk.local_model import LocalOptions
from neuroonco.walk.models import FORMS, NamedModel, model_named, named_model
from neuroonco.walk.passing_on import line_before_asking
from neuroonco.walk.predicting import Evaluated, counts_of, evaluate, require_possible, settings_of

Items = list[ClosedItem] | list[OpenItem]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("predict")(predict_command)


def predict_command(
    benchmark: Annotated[
        Path, typer.Argument(help="Closed or open benchmark: .json (reference), .jsonl or .parquet (ours).")
    ],
    model: Annotated[str, typer.Option("--model", help=f"Who answers: {FORMS}.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run, or a file of predictions (.jsonl, .parquet).")],
    root: Annotated[
        Path | None,
        typer.Option("--root", help="Folder to which image paths are relative; needed by whoever sees a picture."),
    ] = None,
    per_image: Annotated[
        bool, typer.Option("--per-image", help="Ask all questions of an image in one call; siblings can leak.")
    ] = False,
    scoring: Annotated[
        Scoring, typer.Option("--scoring", help="Take what the model writes, or the likeliest letter (local: only).")
    ] = Scoring.GENERATE,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Ask also how sure the model is, from 0 to 1.")
    ] = False,
    form: Annotated[
        PromptForm,
        typer.Option("--form", help="Ask in full, or in the words of instruction data, for a model tuned on them."),
    ] = PromptForm.FULL,
    permute: Annotated[
        int | None,
        typer.Option("--permute", metavar="SEED", min=0, help="Show the options of each question in a seeded order."),
    ] = None,
    seed: Seed = 2602,
    max_tokens: MaxTokens = 1024,
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="PATH|URL",
            help="Ledger of model calls; default: $NEUROONCO_LEDGER, else in the folder of the run, else "
            "runs/ledger.sqlite.",
            show_default=False,
        ),
    ] = None,
    endpoints: Endpoints = None,
    concurrency: Concurrency = None,
    max_cost: MaxCost = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="TOML of prices by pattern of a model's name; see docs/predict.md.")
    ] = None,
    replay: Replay = False,
    batch: Batch = False,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Calls that a local model answers together; default 8.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Of a local model, e.g. cuda:0 or cpu.")] = None,
    dtype: Annotated[str | None, typer.Option("--dtype", help="Of a local model, e.g. bfloat16; default auto.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what another model, benchmark or way of asking left at --out.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a model answer a benchmark; killed and run again, it goes on where it was.

    Example: neuroonco predict benchmark_closed.json --root data/ --model measuring --out predictions.jsonl

    Example: neuroonco predict benchmark.parquet --root data/ --model openai:gpt-5-mini --out runs/a

    Example: neuroonco predict benchmark.parquet --root data/ --model local:Qwen/Qwen3-VL-8B-Instruct --out runs/b
    """
    kind, loaded = _read(benchmark)
    asking = Asking(_ledger(ledger, out), endpoints, replay, max_cost, concurrency, batch=batch, say=say, prices=prices)
    given = {"--batch-size": batch_size, "--device": device, "--dtype": dtype}
    local_options = [option for option, value in given.items() if value is not None]
    local = LocalOptions(batch_size or LocalOptions.batch_size, device, dtype or LocalOptions.dtype)
    named = named_model(model, asking, local)
    folder = _root(root, named)
    brief = QuestionBrief(per_image, confidence, permute, scoring, max_tokens, form)
    _require_possible(kind, named, brief, asking, local_options)
    task = _Task(benchmark.name, kind, loaded.records, len(loaded.unreadable), folder, out, seed)
    task.require_place()
    if not overwrite:
        task.require_same(named, brief)
    sweep(out)
    evaluated = _built_in(task, named) if named.asked is None else _asked(task, named, brief, asking)
    about = evaluated.about.model_copy(update={"unreadable": task.unreadable})
    write_run(out, task.items, evaluated.predictions, about)
    partial_of(RunFiles.at(out).predictions).unlink(missing_ok=True)
    _summarise(task, evaluated, replay=replay, as_json=as_json)


@dataclass(frozen=True)
class _Task:
    """What is to be predicted, and where it goes."""

    benchmark: str
    kind: QuestionKind
    items: Items
    unreadable: int
    root: Path
    out: Path
    seed: int

    def require_place(self) -> None:
        """Refuse a place that cannot be written before anybody is asked.

        Raises:
            InputError: another suffix, a file where a folder should be or the other way round, or the run of a profile.
        """
        files = RunFiles.at(self.out)
        if files.predictions.suffix not in (".jsonl", ".parquet") or self.out.suffix in (".csv", ".txt", ".tsv"):
            fix = "use .jsonl or .parquet, or a folder"
            raise InputError("FORMAT_UNKNOWN", f"suffix {self.out.suffix!r}", where=str(self.out), fix=fix)
        is_folder = files.benchmark is not None
        folder = self.out if is_folder else self.out.parent
        if not is_folder and self.out.is_dir():
            fix = "choose another name for the file"
            raise InputError("CANNOT_WRITE", "a folder of that name is there", where=str(self.out), fix=fix)
        try:
            read_about(self.out)
        except InputError:
            what, fix = "what is there says nothing of predictions, and would be lost", "choose another place"
            raise InputError("CANNOT_WRITE", what, where=str(files.run), fix=fix) from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what, fix = error.strerror or str(error), "choose a writable folder"
            raise InputError("CANNOT_WRITE", what, where=str(folder), fix=fix) from None

    def require_same(self, named: NamedModel, brief: QuestionBrief) -> None:
        """Refuse to replace another run.

        Raises:
            InputError: a finished run of another model, of other questions, or asked in another way is there.
        """
        there = read_about(self.out)
        if there is None or not RunFiles.at(self.out).predictions.exists():
            return
        name = f"{named.name}-{self.seed}" if named.name == "random" else named.name
        wanted = EvaluationRun(
            model=name,
            kind=self.kind,
            benchmark=self.benchmark,
            benchmark_sha256=benchmark_hash(self.items),
            picture=named.picture,
            scoring=brief.scoring,
            per_image=brief.per_image,
            permute_seed=brief.permute_seed,
            asks_confidence=brief.asks_confidence,
            form=brief.form,
            settings=settings_of(named, QuestionBrief() if named.asked is None else brief, seed=self.seed),
            version=__version__,
        )
        if what := difference(there, wanted):
            fix = "choose another --out, or pass --overwrite"
            raise InputError("RUN_EXISTS", f"another run is there: {what}", where=str(self.out), fix=fix)


def _read(path: Path) -> tuple[QuestionKind, Loaded[Any]]:
    """The questions of a benchmark of either kind; unreadable ones are named on stderr."""
    kind = kind_of_benchmark(path)
    if kind is QuestionKind.CLOSED:
        return kind, readable_benchmark(path)
    loaded = read_open(path)
    for row in loaded.unreadable:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix="pass an open benchmark")
    return kind, loaded


def _root(given: Path | None, named: NamedModel) -> Path:
    """Where the pictures are; who sees none needs none, and nothing is read from the folder then."""
    if given is not None:
        return existing_root(given)
    sees_none = named.picture is PictureMode.NONE or named.name in BASELINES
    if not sees_none:
        raise UsageError("ROOT_NEEDED", f"{named.name} sees pictures", fix="pass --root FOLDER")
    return Path()


def _ledger(given: str | None, out: Path) -> str:
    """Where the ledger is; a folder of a run holds its own."""
    if given is None and not os.environ.get(LEDGER_VARIABLE) and RunFiles.at(out).benchmark is not None:
        return Asking().place(out)
    return ledger_place(given)


def _require_possible(
    kind: QuestionKind, named: NamedModel, brief: QuestionBrief, asking: Asking, local: Sequence[str]
) -> None:
    """Refuse options that do not belong to the model."""
    if not named.is_local and local:
        what = f"{' and '.join(local)}: for models of this machine only"
        raise UsageError("LOCAL_ONLY", what, fix="leave it out, or use --model local:PATH_OR_ID")
    served = {"--batch": asking.batch, "--max-cost": asking.max_cost_usd is not None, "--prices": asking.prices}
    paid = [option for option, value in served.items() if value]
    if named.is_local and paid:
        what = f"{' and '.join(paid)}: a model of this machine costs nothing and takes no batches of files"
        raise UsageError("SERVED_ONLY", what, fix="leave it out")
    if named.asked is not None:
        require_possible(kind, named, brief)
        return
    if kind is QuestionKind.OPEN:
        what = f"{named.name} answers closed questions only"
        raise UsageError("CLOSED_ONLY", what, fix="pass a closed benchmark, or a model that is asked")
    asked = {
        "--per-image": brief.per_image,
        "--scoring likelihood": brief.scoring is Scoring.LIKELIHOOD,
        "--confidence": brief.asks_confidence,
        "--permute": brief.permute_seed is not None,
        "--form instruction": brief.form is PromptForm.INSTRUCTION,
        "--replay": asking.replay,
    }
    if needless := [option for option, value in asked.items() if value] + paid:
        what = f"{' and '.join(needless)}: {named.name} is built in, and nobody is asked"
        raise UsageError("MODEL_NEEDED", what, fix="leave it out, or name a model as PROVIDER:MODEL")


def _built_in(task: _Task, named: NamedModel) -> Evaluated:
    items: Any = task.items
    rules, finder = load_rules("default"), PictureFinder(task.root)
    chosen = model_named(named.name, items, seed=task.seed, rules=rules)
    partial = partial_of(RunFiles.at(task.out).predictions)
    predictions = predict_kept(partial, items, chosen, finder=finder, rules=rules.digest("read"))
    about = EvaluationRun(
        model=chosen.name,
        kind=task.kind,
        benchmark=task.benchmark,
        benchmark_sha256=benchmark_hash(items),
        settings=settings_of(named, QuestionBrief(), seed=task.seed),
        status=counts_of(predictions),
        version=__version__,
    )
    return Evaluated(predictions, about, () if finder.warning is None else (finder.warning,))


def _asked(task: _Task, named: NamedModel, brief: QuestionBrief, asking: Asking) -> Evaluated:
    if brief.per_image:
        say(LEAK)
    if line := line_before_asking(task.items, named, replay=asking.replay):
        say(line)
    with progress_line(f"asking {named.name}", asking) as progress:
        return evaluate(
            task.items,
            task.kind,
            named,
            brief,
            asking,
            asking.place(task.out),
            root=task.root,
            seed=task.seed,
            benchmark=task.benchmark,
            progress=progress,
        )


def _summarise(task: _Task, evaluated: Evaluated, *, replay: bool, as_json: bool) -> None:
    """Say what came of it; exit code 5 follows where calls failed, 1 where questions or all pictures are unreadable."""
    about, n = evaluated.about, len(evaluated.predictions)
    for line in evaluated.warnings:
        if line != LEAK:  # said before the first call
            say(line)
    if as_json:
        counts = about.model_dump(include={"calls", "from_ledger", "input_tokens", "output_tokens", "cost_usd"})
        head = {"out": task.out.name, "model": about.model, "kind": about.kind.value, "n": n, "status": about.status}
        lost = {"unreadable": task.unreadable, "waiting": evaluated.waiting}
        result_json(head | lost | counts | {"warnings": list(evaluated.warnings)})
    else:
        say(f"{n} questions: " + ", ".join(f"{count} {status}" for status, count in about.status.items()))
    unparsed = about.status.get(PredictionStatus.UNPARSED.value, 0)
    replies = unparsed + about.status.get(PredictionStatus.OK.value, 0)
    if about.kind is QuestionKind.CLOSED and about.scoring is Scoring.GENERATE and 2 * unparsed > replies:
        need = "--form instruction or --scoring likelihood" if about.form is PromptForm.FULL else "--scoring likelihood"
        say(f"{unparsed} of {replies} replies name no option; a model that was just trained may need {need}")
    if task.unreadable:
        say(f"INCOMPLETE: {task.unreadable} questions of {task.benchmark} cannot be read, and nobody was asked them")
    if about.status.get(PredictionStatus.MISSING_IMAGE.value, 0) == n:
        say("no picture could be read; is the root right?")
        raise typer.Exit(1)
    if evaluated.waiting:
        again = "in the ledger, too, their calls failed" if replay else "the same command asks these again"
        say(f"{evaluated.waiting} questions wait for a call that failed; {again}")
        raise typer.Exit(ProviderError.exit_code)
    if task.unreadable:
        raise typer.Exit(1)
